/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "adapters/memory/outputs.h"
#include "fixture.h"

enum { QUEUE = 10000, BATCH = 512 }; /* as in manager/internal.h */

static int setup(void **state)
{
    *state = fixture_new();
    fixture_join(*state, "node");
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void creates_a_job(void **state)
{
    struct fixture *fixture = *state;
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);
    struct job_record job;

    fixture_submit(fixture, change);
    assert_false(change_is_done(change));
    fixture_step(fixture);
    assert_true(change_is_done(change));
    assert_int_equal(change->outcome, RC_OK);
    assert_int_equal(change->id, 1);
    assert_int_equal(change->revision, 1);
    change_free(change);
    job = fixture_job(fixture, 1);
    assert_int_equal(job.id, 1);
    assert_string_equal(job.owner, "alice");
    assert_string_equal(job.worker, "node");
    assert_int_equal(job.due_since, START);
    assert_int_equal(fixture->events_heard, 1);
    fixture_expect(fixture, "node +job 1.1\n");
}

static void assert_sealed(struct fixture *fixture, job_id id)
{
    struct job_record job = fixture_job(fixture, id);
    struct seal_subject subject = {
        .kind = SEAL_JOB, .job = id, .revision = job.revision, .owner = "alice"};

    assert_int_equal(seal_check(fixture->seal.known, &subject, job.document, job.document_length),
                     RC_OK);
}

static void seals_what_workers_execute(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct change *change = change_new(CHANGE_RUN_NOW, id);
    struct seal_subject subject = {.kind = SEAL_RUN, .job = id};
    const char *request;

    assert_sealed(fixture, id);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_REPLACE, id)), RC_OK);
    assert_int_equal(fixture_job(fixture, id).revision, 2);
    assert_sealed(fixture, id);
    change->request = "{\"args\":[\"x\"]}";
    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    subject.scheduled_at = change->run.scheduled_at;
    request = fixture_run(fixture, &change->run).run.request;
    assert_int_equal(seal_check(fixture->seal.known, &subject, request, strlen(request)), RC_OK);
    change_free(change);
}

static void a_paused_job_is_nobodys_task(void **state)
{
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);

    change->job.enabled = false;
    assert_int_equal(fixture_change(*state, change), RC_OK);
    fixture_expect(*state, "");
}

static void refuses_what_is_not_acceptable(void **state)
{
    static const struct {
        const char *schedule, *time_zone;
        instant_us ends_at;
        const char *message;
    } rows[] = {
        {"61 * * * *", "UTC", INSTANT_NONE, "schedule: "},
        {"* * * * *", "Nowhere/Land", INSTANT_NONE, "schedule: "},
        {"@at 2029-12-31T00:00:00Z", "UTC", INSTANT_NONE, "no tick after now"},
        {"0 0 1 1 *", "UTC", START + HOUR, "no tick after now"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct change *change = change_new(CHANGE_JOB_CREATE, 0);

        change->job.schedule = rows[i].schedule;
        change->job.time_zone = rows[i].time_zone;
        change->job.ends_at = rows[i].ends_at;
        fixture_submit(*state, change);
        fixture_step(*state);
        assert_int_equal(change->outcome, RC_INVALID);
        if (!strstr(change->err.message, rows[i].message))
            fail_msg("%s: %s", rows[i].schedule, change->err.message);
        change_free(change);
    }
    assert_int_equal(fixture_job(*state, 1).id, 0);
    fixture_expect(*state, "");
}

static struct change *keyed_change(void)
{
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);

    change->idempotency_key = "again";
    return change;
}

static void the_same_request_makes_one_job(void **state)
{
    struct change *again = keyed_change(), *other = keyed_change();

    assert_int_equal(fixture_change(*state, keyed_change()), RC_OK);
    fixture_expect(*state, "node +job 1.1\n");
    fixture_submit(*state, again);
    fixture_step(*state);
    assert_int_equal(again->outcome, RC_OK);
    assert_true(again->replayed);
    assert_int_equal(again->id, 1);
    change_free(again);
    fixture_expect(*state, "");
    other->request_hash[0] = 1;
    assert_int_equal(fixture_change(*state, other), RC_INVALID);
}

static void replaces_a_job(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct change *change = change_new(CHANGE_JOB_REPLACE, id), *stale, *pause;

    change->revision = 1;
    change->job.schedule = "@hourly";
    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    assert_int_equal(change->revision, 2);
    change_free(change);
    assert_string_equal(fixture_job(fixture, id).schedule, "@hourly");
    stale = change_new(CHANGE_JOB_REPLACE, id);
    stale->revision = 1;
    assert_int_equal(fixture_change(fixture, stale), RC_STALE);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_REPLACE, 99)), RC_NOT_FOUND);
    fixture_expect(fixture, "node +job 1.1\nnode -job 1.1\nnode +job 1.2\n");
    pause = change_new(CHANGE_JOB_REPLACE, id);
    pause->job.enabled = false;
    assert_int_equal(fixture_change(fixture, pause), RC_OK);
    fixture_expect(fixture, "node -job 1.2\n");
}

static void removes_a_job(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct change *stale = change_new(CHANGE_JOB_REMOVE, id);

    fixture_expect(fixture, "node +job 1.1\n");
    stale->revision = 7;
    assert_int_equal(fixture_change(fixture, stale), RC_STALE);
    fixture_expect(fixture, "");
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_REMOVE, id)), RC_OK);
    fixture_expect(fixture, "node -job 1.1\n");
    assert_true(fixture_job(fixture, id).removed);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_REPLACE, id)), RC_CONFLICT);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_RUN_NOW, id)), RC_CONFLICT);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_REMOVE, 99)), RC_NOT_FOUND);
}

/* Since when it executes what it does, in the words of the document. */
static void assert_changed_at(struct fixture *fixture, job_id id, const char *instant)
{
    char *member = xasprintf("\"executable_changed_at\":\"%s\"}", instant);
    struct job_record job = fixture_job(fixture, id);

    if (!strstr(job.document, member))
        fail_msg("no %s in %s", member, job.document);
    free(member);
}

static void it_is_known_since_when_a_job_executes_the_same(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct change *change;

    assert_changed_at(fixture, id, "2030-01-01T00:00:00Z");
    fixture_wait(fixture, 5 * SECOND);
    change = change_new(CHANGE_JOB_REPLACE, id);
    change->job.schedule = "@daily";
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    assert_changed_at(fixture, id, "2030-01-01T00:00:00Z");
    change = change_new(CHANGE_JOB_REPLACE, id);
    change->job.executable = "another";
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    assert_changed_at(fixture, id, "2030-01-01T00:00:05Z");
}

static struct run_key run_now(struct fixture *fixture, job_id id)
{
    struct change *change = change_new(CHANGE_RUN_NOW, id);
    struct run_key run;

    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    run = change->run;
    change_free(change);
    return run;
}

static void purges_a_job(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct run_key run = run_now(fixture, id);
    int64_t size;

    memory_outputs_append(fixture->outputs, &run, "text", 4);
    buf_reset(&fixture->heard);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_PURGE, id)), RC_OK);
    fixture_expect(fixture, "node +kill 1-1893456000.000001-1\nnode -job 1.1\n");
    assert_int_equal(fixture_job(fixture, id).id, 0);
    assert_int_equal(fixture_count_runs(fixture, id), 0);
    assert_int_equal(outputs_size(fixture->outputs, &run, &size, NULL), RC_NOT_FOUND);
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_PURGE, id)), RC_NOT_FOUND);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void a_run_on_demand_is_queued_and_handed_over(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct run_key first = run_now(fixture, id), second = run_now(fixture, id);
    struct run_record run = fixture_run(fixture, &first);

    assert_int_equal(run.run.result.status, RUN_QUEUED);
    assert_int_equal(run.run.trigger, TRIGGER_MANUAL);
    assert_string_equal(run.run.worker, "node");
    assert_int_equal(first.scheduled_at, START + 1);  /* a whole second is a tick's */
    assert_int_equal(second.scheduled_at, START + 2); /* the clock stands still, keys do not */
    fixture_expect(fixture, "node +job 1.1\n"
                            "node +run 1-1893456000.000001-1\n"
                            "node +run 1-1893456000.000002-1\n");
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_RUN_NOW, 99)), RC_NOT_FOUND);
}

static struct change *kill_change(const struct run_key *run)
{
    struct change *change = change_new(CHANGE_RUN_KILL, 0);

    change->run = *run;
    return change;
}

static void a_kill_goes_to_the_run_s_worker(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct run_key run = run_now(fixture, id), unknown = run;
    struct store_write end = {.kind = WRITE_RUN_FINISHED};

    buf_reset(&fixture->heard);
    unknown.attempt = 9;
    assert_int_equal(fixture_change(fixture, kill_change(&unknown)), RC_NOT_FOUND);
    assert_int_equal(fixture_change(fixture, kill_change(&run)), RC_OK);
    fixture_expect(fixture, "node +kill 1-1893456000.000001-1\n");
    end.run = (struct write_run){
        .key = run, .result = {.status = RUN_KILLED, .finished_at = START}, .reason = ""};
    fixture_apply(fixture, &end);
    assert_int_equal(fixture_change(fixture, kill_change(&run)), RC_CONFLICT);
    fixture_expect(fixture, "");
}

/* ---- workers and tokens -------------------------------------------------------------------- */

static struct change *drain_change(const char *worker, bool draining)
{
    struct change *change = change_new(CHANGE_WORKER_DRAIN, 0);

    change->worker = worker;
    change->draining = draining;
    return change;
}

static void draining_moves_the_jobs_away(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);

    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    assert_int_equal(fixture_change(fixture, drain_change("nobody", true)), RC_NOT_FOUND);
    assert_int_equal(fixture_change(fixture, drain_change("node", true)), RC_OK);
    fixture_expect(fixture, "node -job 1.1\nother +job 1.1\n");
    assert_string_equal(fixture_job(fixture, id).worker, "other");
    assert_int_equal(fixture_create(fixture), 2);
    fixture_expect(fixture, "other +job 2.1\n");
    assert_int_equal(fixture_change(fixture, drain_change("node", false)), RC_OK);
    assert_int_equal(fixture_create(fixture), 3);
    assert_string_equal(fixture_job(fixture, 3).worker, "node");
}

static struct change *token_change(enum change_kind kind)
{
    struct change *change = change_new(kind, 0);

    change->access = (struct access_token){
        .id = "abcdefgh", .name = "ci", .account = "alice", .expires_at = INSTANT_NONE};
    return change;
}

static void tokens_come_and_go(void **state)
{
    assert_int_equal(fixture_change(*state, token_change(CHANGE_TOKEN_CREATE)), RC_OK);
    assert_int_equal(fixture_change(*state, token_change(CHANGE_TOKEN_CREATE)), RC_CONFLICT);
    assert_int_equal(fixture_change(*state, token_change(CHANGE_TOKEN_REVOKE)), RC_OK);
    assert_int_equal(fixture_change(*state, token_change(CHANGE_TOKEN_REVOKE)), RC_NOT_FOUND);
}

/* ---- many ---------------------------------------------------------------------------------- */

/* Each is made from what the one before it wrote, whatever batch it falls in. */
static void changes_of_one_job_keep_their_order(void **state)
{
    enum { CHANGES = 2 * BATCH + 100 };
    struct fixture *fixture = *state;
    job_id first = fixture_create(fixture), second = fixture_create(fixture);
    struct change **changes AUTO_FREE = xcalloc(CHANGES, sizeof(struct change *));

    for (size_t i = 0; i < CHANGES; i++) {
        bool creates = i % 64;

        changes[i] =
            change_new(creates ? CHANGE_JOB_CREATE : CHANGE_JOB_REPLACE, creates ? 0 : first);
        changes[i]->revision = creates ? 0 : 1 + i / 64;
        fixture_submit(fixture, changes[i]);
    }
    fixture_step(fixture);
    for (size_t i = 0; i < CHANGES; i++) {
        assert_true(change_is_done(changes[i]));
        assert_int_equal(changes[i]->outcome, RC_OK);
        assert_int_equal(changes[i]->revision, i % 64 ? 1 : 2 + i / 64);
        change_free(changes[i]);
    }
    assert_int_equal(fixture_job(fixture, first).revision, 2 + (CHANGES - 1) / 64);
    assert_int_equal(fixture_job(fixture, second).revision, 1);
}

static void a_removal_is_seen_by_what_comes_behind(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct change *changes[] = {change_new(CHANGE_RUN_NOW, id), change_new(CHANGE_JOB_REMOVE, id),
                                change_new(CHANGE_RUN_NOW, id), change_new(CHANGE_JOB_PURGE, id),
                                change_new(CHANGE_RUN_NOW, id)};
    enum rc outcomes[] = {RC_OK, RC_OK, RC_CONFLICT, RC_OK, RC_NOT_FOUND};

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        fixture_submit(fixture, changes[i]);
    fixture_step(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(changes[i]->outcome, outcomes[i]);
        change_free(changes[i]);
    }
}

static void a_store_that_fails_fails_each_change(void **state)
{
    static const struct {
        enum memory_store_fault fault;
        bool away;
        enum rc outcome;
        const char *told; /* what was written all the same is found */
    } rows[] = {
        {MEMORY_STORE_FAULT_FAIL, false, RC_UNAVAILABLE, ""},
        {MEMORY_STORE_FAULT_UNKNOWN_LOST, false, RC_UNKNOWN, ""},
        {MEMORY_STORE_FAULT_UNKNOWN_WRITTEN, false, RC_UNKNOWN, "node +job 1.1\n"},
        {MEMORY_STORE_FAULT_NONE, true, RC_UNAVAILABLE, ""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct change *good = change_new(CHANGE_JOB_CREATE, 0);
        struct change *bad = change_new(CHANGE_JOB_CREATE, 0);
        struct change *token = token_change(CHANGE_TOKEN_CREATE);

        bad->job.schedule = "nonsense";
        fixture->fault = rows[i].fault;
        fixture->away = rows[i].away;
        fixture_submit(fixture, good);
        fixture_submit(fixture, bad);
        fixture_submit(fixture, token);
        fixture_step(fixture);
        assert_int_equal(good->outcome, rows[i].outcome);
        assert_int_equal(bad->outcome, rows[i].away ? RC_UNAVAILABLE : RC_INVALID);
        assert_int_equal(token->outcome, rows[i].outcome);
        assert_true(good->err.message[0] && bad->err.message[0] && token->err.message[0]);
        change_free(good);
        change_free(bad);
        change_free(token);
        fixture_expect(fixture, rows[i].told);
    }
    fixture->fault = MEMORY_STORE_FAULT_NONE;
    fixture->away = false;
    assert_int_equal(fixture_change(fixture, change_new(CHANGE_JOB_CREATE, 0)), RC_OK);
}

static void the_queue_has_an_end(void **state)
{
    struct fixture *fixture = *state;
    struct change **changes AUTO_FREE = xcalloc(QUEUE, sizeof(struct change *));
    struct change *more = token_change(CHANGE_TOKEN_REVOKE);
    struct changes *queue = manager_changes(fixture->manager);
    struct err err = {0};

    for (size_t i = 0; i < QUEUE; i++) {
        changes[i] = token_change(CHANGE_TOKEN_REVOKE);
        fixture_submit(fixture, changes[i]);
    }
    assert_int_equal(changes_submit(queue, more, &err), RC_BUSY);
    assert_true(err.message[0] != '\0');
    fixture_step(fixture);
    for (size_t i = 0; i < QUEUE; i++) {
        assert_int_equal(changes[i]->outcome, RC_NOT_FOUND);
        change_free(changes[i]);
    }
    assert_int_equal(fixture_change(fixture, more), RC_NOT_FOUND);
}

static void a_manager_that_stops_takes_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct change *queued = change_new(CHANGE_JOB_CREATE, 0);
    struct change *late = change_new(CHANGE_JOB_CREATE, 0);

    fixture_submit(fixture, queued);
    manager_stop(fixture->manager);
    assert_int_equal(changes_submit(manager_changes(fixture->manager), late, NULL), RC_CLOSED);
    assert_false(change_is_done(queued));
    manager_free(TAKE(fixture->manager));
    assert_true(change_is_done(queued));
    assert_int_equal(queued->outcome, RC_CLOSED);
    assert_false(change_is_done(late));
    change_free(queued);
    change_free(late);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(creates_a_job),
        TEST(seals_what_workers_execute),
        TEST(a_paused_job_is_nobodys_task),
        TEST(refuses_what_is_not_acceptable),
        TEST(the_same_request_makes_one_job),
        TEST(replaces_a_job),
        TEST(removes_a_job),
        TEST(purges_a_job),
        TEST(it_is_known_since_when_a_job_executes_the_same),
        TEST(a_run_on_demand_is_queued_and_handed_over),
        TEST(a_kill_goes_to_the_run_s_worker),
        TEST(draining_moves_the_jobs_away),
        TEST(tokens_come_and_go),
        TEST(changes_of_one_job_keep_their_order),
        TEST(a_removal_is_seen_by_what_comes_behind),
        TEST(a_store_that_fails_fails_each_change),
        TEST(the_queue_has_an_end),
        TEST(a_manager_that_stops_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
