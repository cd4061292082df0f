/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of scripts and binaries, and what stands in their way. */
#include <string.h>

#include "fixture.h"

#define SCRIPT "#!/bin/sh\necho\n"

static int open_fixture(void **state)
{
    *state = fixture_new();
    return 0;
}

static int close_fixture(void **state)
{
    fixture_free(*state);
    return 0;
}

static struct job script_job(const char *hash)
{
    struct job job = fixture_job("1 0 * * *");

    job.type = JOB_SCRIPT;
    job.executable = "https://store.example/s.sh";
    job.filename = "s.sh";
    job.sha256 = hash;
    return job;
}

/* A script with its tick at TICK. */
static struct run_key give_script(struct fixture *fixture, const char *text)
{
    struct job job = script_job(fixture_put(fixture, text));

    return fixture_give_tick(fixture, &job);
}

static void executes_the_bytes_of_the_job(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture_start(fixture);
    fixture_pass(fixture, 30 * SECOND);
    assert_int_equal(fixture->downloads, 1); /* before it is due */
    fixture_pass(fixture, 32 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_string_equal(fixture->text, SCRIPT);
    assert_string_equal(fixture->filename, "s.sh");
    assert_int_equal(fixture_run(fixture, &run).run.result.started_at, TICK);
    assert_int_equal(strlen(fixture_run(fixture, &run).run.sha256), 64);
    assert_int_equal(fixture->downloads, 1);
}

static void downloads_once_for_two_jobs(void **state)
{
    struct fixture *fixture = *state;
    struct run_key first = give_script(fixture, SCRIPT), second = give_script(fixture, SCRIPT);

    fixture_start(fixture);
    fixture_pass(fixture, 62 * SECOND);
    fixture_expect(fixture, &first, RUN_SUCCEEDED, "");
    fixture_expect(fixture, &second, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->downloads, 1);
}

static void downloads_once_for_ten_thousand_jobs(void **state)
{
    enum { JOBS = 10000 };
    struct fixture *fixture = *state;

    for (int i = 0; i < JOBS; i++)
        (void)give_script(fixture, SCRIPT);
    fixture_start(fixture);
    fixture_pass(fixture, 65 * SECOND);
    assert_int_equal(fixture->execution_count, JOBS);
    assert_int_equal(fixture->downloads, 1);
}

static void verifies_what_another_worker_has_left(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    fixture_crash(fixture);
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    fixture_start(fixture);
    fixture_pass(fixture, 61 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->downloads, 1);
}

static void fetches_a_damaged_copy_again(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture_start(fixture);
    fixture_pass(fixture, SECOND);
    fixture_crash(fixture);
    assert_true(memory_files_damage(fixture->files, fixture_put(fixture, SCRIPT)));
    fixture_start(fixture);
    fixture_pass(fixture, 61 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_string_equal(fixture->text, SCRIPT);
    assert_int_equal(fixture->downloads, 2);
}

static void starts_late_when_the_objects_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture->objects_fault = MEMORY_OBJECTS_FAULT_CUT;
    fixture_start(fixture);
    fixture_pass(fixture, 2 * MINUTE);
    assert_int_equal(fixture_run(fixture, &run).run.result.status, RUN_QUEUED);
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    fixture_pass(fixture, 30 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_string_equal(fixture->text, SCRIPT);
    assert_true(fixture_run(fixture, &run).run.result.started_at >= TICK + MINUTE);
}

static const char *reason_of(struct fixture *fixture, const struct run_key *run)
{
    assert_int_equal(fixture_run(fixture, run).run.result.status, RUN_QUEUED);
    return fixture_run(fixture, run).run.reason;
}

static void says_why_it_waits(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture->objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 2 * SECOND);
    assert_string_equal(reason_of(fixture, &run),
                        "its file cannot be fetched: the objects do not answer");
    fixture_crash(fixture);
    fixture_start(fixture);
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    fixture_pass(fixture, 30 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

static void is_missed_when_its_time_is_over(void **state)
{
    struct fixture *fixture = *state;
    struct job job = script_job(fixture_put(fixture, SCRIPT));
    struct run_key run;

    job.catch_up = CATCH_UP_NONE;
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    run = fixture_give_tick(fixture, &job);
    fixture_start(fixture);
    fixture_pass(fixture, MINUTE + 25 * SECOND);
    assert_int_equal(fixture_run(fixture, &run).run.result.status, RUN_QUEUED);
    fixture_pass(fixture, 10 * SECOND);
    fixture_expect(fixture, &run, RUN_MISSED,
                   "its file was not there in time: the objects do not answer");
    assert_int_equal(fixture->execution_count, 0);
}

static void fails_when_the_objects_have_it_not(void **state)
{
    static const char hash[] = "00000000000000000000000000000000"
                               "00000000000000000000000000000000";
    struct fixture *fixture = *state;
    struct job job = script_job(hash);
    struct run_key run = fixture_give_tick(fixture, &job);

    fixture_start(fixture);
    fixture_pass(fixture, 70 * SECOND);
    fixture_expect(fixture, &run, RUN_FAILED,
                   "the object store has no file 00000000000000000000000000000000"
                   "00000000000000000000000000000000");
    assert_in_range(fixture->downloads, 3, 5);
}

static void executes_no_other_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture->objects_fault = MEMORY_OBJECTS_FAULT_CORRUPT;
    fixture_start(fixture);
    fixture_pass(fixture, 70 * SECOND);
    assert_int_equal(fixture_run(fixture, &run).run.result.status, RUN_FAILED);
    assert_non_null(strstr(fixture_run(fixture, &run).run.reason, "has other bytes for"));
    assert_int_equal(fixture->execution_count, 0);
}

static void can_be_killed_while_it_waits(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture->objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    fixture_start(fixture);
    fixture_pass(fixture, 62 * SECOND);
    fixture_say(fixture, TASK_KILL, &run);
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &run, RUN_KILLED, "killed before it started");
}

/* Whoever dies meanwhile: it surely was not started. */
static void a_run_that_waits_is_not_lost(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = give_script(fixture, SCRIPT);

    fixture->objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    fixture_start(fixture);
    for (int i = 0; i < 3; i++) {
        fixture_pass(fixture, 62 * SECOND);
        assert_int_equal(fixture_run(fixture, &run).run.result.status, RUN_QUEUED);
        fixture_crash(fixture);
        fixture_start(fixture);
    }
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    fixture_pass(fixture, 20 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_int_equal(fixture->execution_count, 1);
}

/* A script that was asked for by hand, and waits. */
static struct run_key give_waiting(struct fixture *fixture, job_id *ret_job)
{
    struct job job = script_job(fixture_put(fixture, SCRIPT));
    struct run_key run;

    job.schedule = "@manual";
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_FAIL;
    *ret_job = fixture_create(fixture, &job);
    fixture_assign(fixture, *ret_job);
    fixture_start(fixture);
    run = fixture_queue_run(fixture, *ret_job, "");
    fixture_say(fixture, TASK_RUN, &run);
    fixture_pass(fixture, 2 * SECOND);
    assert_int_equal(fixture_run(fixture, &run).run.result.status, RUN_QUEUED);
    return run;
}

static void a_removed_job_starts_nothing_that_waits(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = {.kind = WRITE_JOB_REMOVE};
    struct run_key run = give_waiting(fixture, &write.job.id);

    write.job.at = clock_now(fixture->clock);
    fixture_apply(fixture, &write);
    fixture_withdraw(fixture, write.job.id);
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    fixture_pass(fixture, 20 * SECOND);
    fixture_expect(fixture, &run, RUN_SKIPPED, "the job was removed or paused");
    assert_int_equal(fixture->execution_count, 0);
}

static void a_job_that_moves_leaves_what_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    job_id job;
    struct run_key run = give_waiting(fixture, &job);

    fixture_withdraw(fixture, job);
    fixture->objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    fixture_pass(fixture, 20 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

static void a_slow_download_delays_no_other(void **state)
{
    struct fixture *fixture = *state;
    struct run_key slow = give_script(fixture, SCRIPT), other;
    struct job command = fixture_job("1 0 * * *");

    other = fixture_give_tick(fixture, &command);
    fixture->holds_fetches = true;
    fixture_start(fixture);
    fixture_pass(fixture, 65 * SECOND);
    fixture_expect(fixture, &other, RUN_SUCCEEDED, "");
    assert_int_equal(fixture_run(fixture, &slow).run.result.status, RUN_QUEUED);
    fixture_release_fetches(fixture);
    fixture_pass(fixture, 3 * SECOND);
    fixture_expect(fixture, &slow, RUN_SUCCEEDED, "");
}

static void gives_up_copies_for_others(void **state)
{
    struct fixture *fixture = *state;
    struct run_key first = give_script(fixture, "#!/first"), second;
    struct file_copy copy;

    fixture->cache_limit = 12;
    fixture_start(fixture);
    fixture_pass(fixture, 62 * SECOND);
    second = give_script(fixture, "#!/second");
    fixture_pass(fixture, SECOND);
    fixture_expect(fixture, &first, RUN_SUCCEEDED, "");
    fixture_say(fixture, TASK_RUN, &second);
    assert_int_equal(
        files_open(fixture->files, fixture_put(fixture, "#!/first"), NULL, &copy, NULL),
        RC_NOT_FOUND);
}

static void makes_room_on_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    struct run_key old = give_script(fixture, "#!/old"), new;
    struct job job;
    job_id id;

    memory_files_set_room(fixture->files, 10);
    fixture_start(fixture);
    fixture_pass(fixture, 62 * SECOND);
    fixture_expect(fixture, &old, RUN_SUCCEEDED, "");
    job = script_job(fixture_put(fixture, "#!/new"));
    job.schedule = "@manual";
    id = fixture_create(fixture, &job);
    new = fixture_queue_run(fixture, id, "");
    fixture_say(fixture, TASK_RUN, &new);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &new, RUN_SUCCEEDED, "");
    assert_string_equal(fixture->text, "#!/new");
}

static void says_when_the_disk_is_full(void **state)
{
    struct fixture *fixture = *state;
    struct job job = script_job(fixture_put(fixture, SCRIPT));
    struct run_key run;

    job.catch_up = CATCH_UP_NONE;
    memory_files_set_room(fixture->files, 3);
    run = fixture_give_tick(fixture, &job);
    fixture_start(fixture);
    fixture_pass(fixture, 95 * SECOND);
    fixture_expect(fixture, &run, RUN_MISSED,
                   "its file was not there in time: writing the copy of a file: No space left on "
                   "device");
}

/* It was claimed as it was then. */
static void executes_the_revision_that_was_asked_for(void **state)
{
    struct fixture *fixture = *state;
    struct job job = script_job(fixture_put(fixture, "#!/old"));
    struct store_write write = {.kind = WRITE_RUN_QUEUE};
    job_id id;

    job.schedule = "@manual";
    id = fixture_create(fixture, &job);
    fixture_start(fixture);
    job.sha256 = fixture_put(fixture, "#!/new");
    fixture_replace(fixture, id, &job);
    write.run = (struct write_run){.key = key_of(id, START, 1),
                                   .trigger = TRIGGER_MANUAL,
                                   .result = {.status = RUN_QUEUED,
                                              .started_at = INSTANT_NONE,
                                              .finished_at = INSTANT_NONE,
                                              .exit_code = -1},
                                   .worker = "node",
                                   .reason = "",
                                   .request = "",
                                   .count = 1,
                                   .revision = 1,
                                   .until = START};
    fixture_apply(fixture, &write);
    fixture_say(fixture, TASK_RUN, &write.run.key);
    fixture_pass(fixture, 3 * SECOND);
    fixture_expect(fixture, &write.run.key, RUN_SUCCEEDED, "");
    assert_string_equal(fixture->text, "#!/old");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CASE(executes_the_bytes_of_the_job),
        CASE(downloads_once_for_two_jobs),
        CASE(downloads_once_for_ten_thousand_jobs),
        CASE(verifies_what_another_worker_has_left),
        CASE(fetches_a_damaged_copy_again),
        CASE(says_why_it_waits),
        CASE(starts_late_when_the_objects_come_back),
        CASE(is_missed_when_its_time_is_over),
        CASE(fails_when_the_objects_have_it_not),
        CASE(executes_no_other_bytes),
        CASE(can_be_killed_while_it_waits),
        CASE(a_run_that_waits_is_not_lost),
        CASE(a_removed_job_starts_nothing_that_waits),
        CASE(a_job_that_moves_leaves_what_was_asked_for),
        CASE(a_slow_download_delays_no_other),
        CASE(gives_up_copies_for_others),
        CASE(makes_room_on_a_full_disk),
        CASE(says_when_the_disk_is_full),
        CASE(executes_the_revision_that_was_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
