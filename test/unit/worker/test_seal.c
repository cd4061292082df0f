/* SPDX-License-Identifier: Apache-2.0 */
/* What no manager signed is not executed, whoever wrote it into the store or spoke of it. */
#include <string.h>

#include "fixture.h"
#include "wire/job.h"

#define NONE  " was not signed by a manager"
#define WRONG " has a signature that does not fit"

static struct seal_keys keys, others;

static int setup(void **state)
{
    struct fixture *fixture = fixture_new();

    seal_keys_derive("the secret", 10, &keys);
    seal_keys_derive("another secret", 14, &others);
    fixture->sealing = keys.own;
    fixture->seal = keys.known;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* As somebody does who can write into the table of documents. */
static void forge(struct fixture *fixture, job_id id, const char *document, size_t length)
{
    struct store_write write = {.kind = WRITE_JOB_SEAL,
                                .job = {.id = id, .document = document, .document_length = length}};

    fixture_apply(fixture, &write);
}

static bool copy_document(void *context, const struct job_record *job)
{
    (void)buf_append(context, job->document, job->document_length);
    return true;
}

static void read_document(struct fixture *fixture, job_id id, struct buf *ret_document)
{
    struct job_query query = job_query_all();

    query.ids = &id;
    query.id_count = 1;
    query.parts = JOB_PART_DOCUMENT;
    buf_init(ret_document, SIZE_MAX);
    assert_int_equal(store_read_jobs(fixture->store, &query, copy_document, ret_document, NULL),
                     RC_OK);
}

static struct run_key given_tick(struct fixture *fixture)
{
    struct job job = fixture_job("1 0 * * *");

    fixture_start(fixture);
    return fixture_give_tick(fixture, &job);
}

static void refused(struct fixture *fixture, const struct run_key *run, const char *reason)
{
    fixture_pass(fixture, MINUTE + 5 * SECOND);
    fixture_expect(fixture, run, RUN_FAILED, reason);
    assert_int_equal(fixture->execution_count, 0);
}

static void what_a_manager_signed_is_executed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_tick(fixture);

    fixture_pass(fixture, MINUTE + 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
}

static void a_changed_document_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_tick(fixture);
    AUTO_BUF struct buf document;
    char *account;

    read_document(fixture, run.job, &document);
    account = strstr(document.data, "\"alice\"");
    assert_non_null(account);
    memcpy(account, "\"root\" ", 7);
    forge(fixture, run.job, document.data, document.length);
    refused(fixture, &run, "the job" WRONG);
}

static void a_document_without_signature_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run = given_tick(fixture);
    AUTO_BUF struct buf document;

    read_document(fixture, run.job, &document);
    forge(fixture, run.job, document.data, seal_body(document.data, document.length));
    refused(fixture, &run, "the job" NONE);
}

static void another_jobs_document_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct job other = fixture_job("@manual");
    struct run_key run = given_tick(fixture);
    AUTO_BUF struct buf document;

    read_document(fixture, fixture_create(fixture, &other), &document);
    forge(fixture, run.job, document.data, document.length);
    refused(fixture, &run, "the job" WRONG);
}

static void what_the_job_was_is_refused_at_another_revision(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("1 0 * * *");
    struct run_key run = given_tick(fixture);
    AUTO_BUF struct buf document;

    read_document(fixture, run.job, &document);
    fixture_replace(fixture, run.job, &job);
    forge(fixture, run.job, document.data, document.length);
    run = fixture_queue_run(fixture, run.job, "");
    fixture_say(fixture, TASK_RUN, &run);
    refused(fixture, &run, "the job" WRONG);
}

static void a_job_that_another_manager_signed_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run;

    fixture->sealing = others.own;
    run = given_tick(fixture);
    refused(fixture, &run, "the job" WRONG);
}

/* A task says what to do, never what that is. */
static void a_task_from_nowhere_executes_nothing_that_is_not_signed(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run;
    job_id id;

    fixture_start(fixture);
    fixture->sealing = NULL;
    id = fixture_create(fixture, &job);
    fixture_assign(fixture, id);
    run = fixture_queue_run(fixture, id, "");
    fixture_say(fixture, TASK_RUN, &run);
    refused(fixture, &run, "the job" NONE);
}

static void until_an_upgrade_is_done_what_has_no_signature_may_be_executed(void **state)
{
    struct fixture *fixture = *state;
    struct run_key run;

    fixture->unsealed_too = true;
    fixture->sealing = NULL;
    run = given_tick(fixture);
    fixture_pass(fixture, MINUTE + 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    fixture->execution_count = 0;
    forge(fixture, run.job,
          "{}\n" /* a signature that is none */
          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          3 + SEAL_TEXT);
    run = fixture_queue_run(fixture, run.job, "");
    fixture_say(fixture, TASK_RUN, &run);
    refused(fixture, &run, "the job" WRONG);
}

/* ---- runs on demand ------------------------------------------------------------------------ */

static void seal_request(const struct run_key *run, struct buf *ret_text)
{
    struct seal_subject subject = {
        .kind = SEAL_RUN, .job = run->job, .scheduled_at = run->scheduled_at};

    buf_init(ret_text, SIZE_MAX);
    (void)buf_puts(ret_text, "{\"args\":[\"given\"]}");
    assert_int_equal(seal_put(keys.own, &subject, ret_text), RC_OK);
}

/* A run on demand at this instant, and what was given with one at another. */
static struct run_key queue_run(struct fixture *fixture, job_id job, instant_us given_for)
{
    struct run_key run = key_of(job, START + 77, 1), other = key_of(job, given_for, 1);
    struct store_write write = {.kind = WRITE_RUN_QUEUE,
                                .run = {.key = run,
                                        .trigger = TRIGGER_MANUAL,
                                        .result = {.status = RUN_QUEUED,
                                                   .started_at = INSTANT_NONE,
                                                   .finished_at = INSTANT_NONE,
                                                   .exit_code = -1},
                                        .worker = "node",
                                        .reason = "",
                                        .count = 1,
                                        .until = run.scheduled_at}};
    AUTO_BUF struct buf text;

    seal_request(&other, &text);
    write.run.request = text.data;
    fixture_apply(fixture, &write);
    fixture_say(fixture, TASK_RUN, &run);
    return run;
}

static void what_was_given_with_a_run_is_signed_as_well(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run;

    fixture_start(fixture);
    run = queue_run(fixture, fixture_create(fixture, &job), START + 77);
    fixture_pass(fixture, 5 * SECOND);
    fixture_expect(fixture, &run, RUN_SUCCEEDED, "");
    assert_string_equal(fixture->argument, "given");
}

static void what_was_given_with_another_run_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run;

    fixture_start(fixture);
    run = queue_run(fixture, fixture_create(fixture, &job), START + 78);
    refused(fixture, &run, "what was given with the run" WRONG);
}

static void what_was_given_without_signature_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct job job = fixture_job("@manual");
    struct run_key run;

    fixture_start(fixture);
    run = fixture_queue_run(fixture, fixture_create(fixture, &job), "{\"args\":[\"x\"]}");
    fixture_say(fixture, TASK_RUN, &run);
    refused(fixture, &run, "what was given with the run" NONE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_a_manager_signed_is_executed),
        TEST(a_changed_document_is_refused),
        TEST(a_document_without_signature_is_refused),
        TEST(another_jobs_document_is_refused),
        TEST(what_the_job_was_is_refused_at_another_revision),
        TEST(a_job_that_another_manager_signed_is_refused),
        TEST(a_task_from_nowhere_executes_nothing_that_is_not_signed),
        TEST(until_an_upgrade_is_done_what_has_no_signature_may_be_executed),
        TEST(what_was_given_with_a_run_is_signed_as_well),
        TEST(what_was_given_with_another_run_is_refused),
        TEST(what_was_given_without_signature_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
