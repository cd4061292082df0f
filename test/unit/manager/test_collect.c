/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "adapters/memory/clock.h"
#include "adapters/memory/objects.h"
#include "fixture.h"
#include "manager/collect.h"

struct files {
    struct fixture *fixture;
    struct objects *objects;
    struct collect_config config;
    enum memory_objects_fault fault; /* of the calls of that kind */
    enum memory_objects_call faulty;
    int removals; /* that goes_on() still allows; -1: any */
};

static bool goes_on(void *context)
{
    struct files *files = context;

    return files->removals < 0 || files->removals-- > 0;
}

static enum memory_objects_fault ask_fault(void *context, enum memory_objects_call call,
                                           const char *key)
{
    const struct files *files = context;

    (void)key;
    return call == files->faulty ? files->fault : MEMORY_OBJECTS_FAULT_NONE;
}

static int setup(void **state)
{
    struct files *files = xcalloc(1, sizeof(*files));

    files->fixture = fixture_new();
    files->removals = -1;
    files->objects = memory_objects_new(&(struct memory_objects_config){
        .clock = files->fixture->clock, .fault = ask_fault, .context = files});
    files->config = (struct collect_config){.store = files->fixture->store,
                                            .objects = files->objects,
                                            .clock = files->fixture->clock,
                                            .keep_for = DAY,
                                            .goes_on = goes_on,
                                            .context = files};
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    struct files *files = *state;

    objects_free(files->objects);
    fixture_free(files->fixture);
    free(files);
    return 0;
}

static const char *key_of(const char *text, char key[128])
{
    uint8_t digest[CRYPTO_DIGEST];
    char hash[CRYPTO_DIGEST_TEXT];

    crypto_digest(text, strlen(text), digest);
    (void)snprintf(key, 128, "%s%s", OBJECT_EXECUTABLES, crypto_digest_text(digest, hash));
    return key;
}

static void put(struct files *files, const char *key)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(
        objects_put(files->objects, key, &(struct object_source){.fd = fd, .size = 1}, NULL),
        RC_OK);
    (void)close(fd);
}

static void put_file(struct files *files, const char *text)
{
    char key[128];

    put(files, key_of(text, key));
}

static bool has(struct files *files, const char *key)
{
    struct object_info info;

    return objects_stat(files->objects, key, &info, NULL) == RC_OK;
}

static bool has_file(struct files *files, const char *text)
{
    char key[128];

    return has(files, key_of(text, key));
}

static size_t collect(struct files *files)
{
    size_t removed = 99;

    assert_int_equal(collect_files(&files->config, &removed, NULL), RC_OK);
    return removed;
}

/* A job that has the file. */
static job_id add_job(struct files *files, const char *text)
{
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);
    char key[128];
    job_id id;

    change->job.type = JOB_SCRIPT;
    change->job.sha256 = key_of(text, key) + strlen(OBJECT_EXECUTABLES);
    change->job.executable = "s3://memory/x";
    fixture_submit(files->fixture, change);
    fixture_step(files->fixture);
    assert_int_equal(change->outcome, RC_OK);
    id = change->id;
    change_free(change);
    return id;
}

static void what_nobody_needs_goes_a_day_after_it_was_stored(void **state)
{
    struct files *files = *state;

    put_file(files, "needed");
    put_file(files, "needless");
    (void)add_job(files, "needed");
    assert_int_equal(collect(files), 0);
    memory_clock_advance(files->fixture->clock, DAY);
    assert_int_equal(collect(files), 0);
    put_file(files, "young");
    memory_clock_advance(files->fixture->clock, SECOND);
    assert_int_equal(collect(files), 1);
    assert_true(has_file(files, "needed"));
    assert_true(has_file(files, "young"));
    assert_false(has_file(files, "needless"));
    assert_int_equal(collect(files), 0);
}

static void what_is_stored_again_is_young_again(void **state)
{
    struct files *files = *state;

    put_file(files, "file");
    memory_clock_advance(files->fixture->clock, 2 * DAY);
    put_file(files, "file");
    assert_int_equal(collect(files), 0);
    assert_true(has_file(files, "file"));
}

static void a_job_that_is_erased_needs_nothing(void **state)
{
    struct files *files = *state;
    job_id id = add_job(files, "file");

    put_file(files, "file");
    memory_clock_advance(files->fixture->clock, 2 * DAY);
    assert_int_equal(collect(files), 0);
    assert_int_equal(fixture_change(files->fixture, change_new(CHANGE_JOB_PURGE, id)), RC_OK);
    assert_int_equal(collect(files), 1);
}

static void what_is_no_executable_is_left_alone(void **state)
{
    struct files *files = *state;

    put(files, OBJECT_EXECUTABLES "readme");
    put(files, "outputs/1/1-1-1");
    memory_clock_advance(files->fixture->clock, 2 * DAY);
    assert_int_equal(collect(files), 0);
    assert_true(has(files, OBJECT_EXECUTABLES "readme"));
    assert_true(has(files, "outputs/1/1-1-1"));
}

static void who_does_not_lead_any_more_removes_nothing(void **state)
{
    struct files *files = *state;

    put_file(files, "a");
    put_file(files, "b");
    put_file(files, "c");
    memory_clock_advance(files->fixture->clock, 2 * DAY);
    files->removals = 1;
    assert_int_equal(collect(files), 1);
    files->removals = 0;
    assert_int_equal(collect(files), 0);
}

static void what_fails_is_left_for_the_next_pass(void **state)
{
    static const enum memory_objects_call calls[] = {MEMORY_OBJECTS_LIST, MEMORY_OBJECTS_STAT,
                                                     MEMORY_OBJECTS_REMOVE};
    struct files *files = *state;
    size_t removed = 99;

    put_file(files, "a");
    memory_clock_advance(files->fixture->clock, 2 * DAY);
    files->fault = MEMORY_OBJECTS_FAULT_FAIL;
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        files->faulty = calls[i];
        assert_int_equal(collect_files(&files->config, &removed, NULL), RC_UNAVAILABLE);
        assert_int_equal(removed, 0);
    }
    files->fault = MEMORY_OBJECTS_FAULT_NONE;
    files->fixture->away = true; /* then nobody knows who needs it */
    assert_int_not_equal(collect_files(&files->config, &removed, NULL), RC_OK);
    files->fixture->away = false;
    assert_true(has_file(files, "a"));
    assert_int_equal(collect(files), 1);
}

/* ---- outputs --------------------------------------------------------------------------------- */

static struct run_key put_output(struct files *files, job_id job, uint32_t attempt, bool has_run)
{
    struct run_key run = {.scheduled_at = START, .job = job, .attempt = attempt};
    struct store_write record = {.kind = WRITE_RUN_RECORD};
    char key[OUTPUT_OBJECT_KEY];

    record.run = (struct write_run){.key = run, .worker = "", .reason = "", .request = ""};
    record.run.count = 1;
    record.run.until = START;
    record.run.result = (struct run_result){
        .status = RUN_SKIPPED, .started_at = INSTANT_NONE, .finished_at = START, .exit_code = -1};
    if (has_run)
        fixture_apply(files->fixture, &record);
    put(files, output_object_key(&run, key));
    return run;
}

static size_t collect_of(struct files *files, job_id job)
{
    size_t removed = 99;

    assert_int_equal(collect_outputs(&files->config, job, &removed, NULL), RC_OK);
    return removed;
}

static bool has_output(struct files *files, const struct run_key *run)
{
    char key[OUTPUT_OBJECT_KEY];

    return has(files, output_object_key(run, key));
}

static void outputs_go_with_their_runs(void **state)
{
    struct files *files = *state;
    job_id job = fixture_create(files->fixture), other = fixture_create(files->fixture);
    struct run_key kept = put_output(files, job, 1, true), gone = put_output(files, job, 2, false);
    struct run_key elsewhere = put_output(files, other, 1, false);

    put(files, "outputs/readme");
    put(files, "outputs/1/readme");
    put(files, OBJECT_EXECUTABLES "readme");
    assert_int_equal(collect_of(files, job), 1);
    assert_true(has_output(files, &kept));
    assert_false(has_output(files, &gone));
    assert_true(has_output(files, &elsewhere));
    assert_int_equal(collect_of(files, 0), 1);
    assert_false(has_output(files, &elsewhere));
    assert_true(has(files, "outputs/readme"));
    assert_true(has(files, "outputs/1/readme"));
    assert_true(has(files, OBJECT_EXECUTABLES "readme"));
    assert_int_equal(fixture_change(files->fixture, change_new(CHANGE_JOB_PURGE, job)), RC_OK);
    assert_int_equal(collect_of(files, job), 1);
}

static void many_outputs_are_looked_at_a_few_at_a_time(void **state)
{
    struct files *files = *state;
    job_id job = fixture_create(files->fixture);

    for (uint32_t i = 1; i <= 1203; i++)
        (void)put_output(files, job, i, i % 3 == 0);
    assert_int_equal(collect_of(files, 0), 802);
    assert_int_equal(collect_of(files, 0), 0);
}

static void without_the_store_no_output_goes(void **state)
{
    struct files *files = *state;
    struct run_key run = put_output(files, fixture_create(files->fixture), 1, true);
    struct run_key gone = put_output(files, run.job, 2, false);
    size_t removed = 99;

    files->fixture->away = true;
    assert_int_equal(collect_outputs(&files->config, 0, &removed, NULL), RC_UNAVAILABLE);
    files->fixture->away = false;
    files->fault = MEMORY_OBJECTS_FAULT_FAIL;
    files->faulty = MEMORY_OBJECTS_LIST;
    assert_int_equal(collect_outputs(&files->config, 0, &removed, NULL), RC_UNAVAILABLE);
    files->faulty = MEMORY_OBJECTS_REMOVE;
    assert_int_equal(collect_outputs(&files->config, 0, &removed, NULL), RC_UNAVAILABLE);
    files->fault = MEMORY_OBJECTS_FAULT_NONE;
    assert_int_equal(removed, 0);
    assert_true(has_output(files, &run));
    files->removals = 0;
    assert_int_equal(collect_of(files, 0), 0);
    files->removals = -1;
    assert_int_equal(collect_of(files, 0), 1);
    assert_false(has_output(files, &gone));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_needs_goes_a_day_after_it_was_stored),
        TEST(what_is_stored_again_is_young_again),
        TEST(a_job_that_is_erased_needs_nothing),
        TEST(what_is_no_executable_is_left_alone),
        TEST(who_does_not_lead_any_more_removes_nothing),
        TEST(what_fails_is_left_for_the_next_pass),
        TEST(outputs_go_with_their_runs),
        TEST(many_outputs_are_looked_at_a_few_at_a_time),
        TEST(without_the_store_no_output_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
