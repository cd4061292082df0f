/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store: its set-up, and the faults that it plays. */
#include "adapters/memory/store.h"
#include "contract/store_suite.h"

int store_memory_setup(void **state)
{
    struct fixture *fixture = fixture_new();

    fixture->store = memory_store_new(&(struct memory_store_config){.clock = &fixture->clock});
    *state = fixture;
    return 0;
}

int store_memory_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

struct faults {
    enum memory_store_fault next;
    bool unreachable;
};

static enum memory_store_fault fault(void *context, const struct store_write *writes, size_t count)
{
    struct faults *faults = context;

    (void)writes;
    (void)count;
    return faults->next;
}

static bool unreachable(void *context)
{
    return ((struct faults *)context)->unreachable;
}

/* In place of the fixture's plain store. */
static void given_faults(struct fixture *fixture, struct faults *faults)
{
    store_free(fixture->store);
    fixture->store = memory_store_new(&(struct memory_store_config){
        .clock = &fixture->clock, .fault = fault, .unreachable = unreachable, .context = faults});
}

static void faults_are_played(void **state)
{
    struct fixture *fixture = *state;
    struct faults faults = {MEMORY_STORE_FAULT_NONE, false};
    struct store_write write = create_write(fixture, new_job(fixture, ""));
    struct job_query query = job_query_all();

    given_faults(fixture, &faults);
    faults.next = MEMORY_STORE_FAULT_FAIL;
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_UNAVAILABLE);
    assert_int_equal(count_jobs(fixture, &query), 0);
    faults.next = MEMORY_STORE_FAULT_UNKNOWN_LOST;
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_UNKNOWN);
    assert_int_equal(count_jobs(fixture, &query), 0);
    faults.next = MEMORY_STORE_FAULT_UNKNOWN_WRITTEN;
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_UNKNOWN);
    assert_int_equal(count_jobs(fixture, &query), 1);
}

static void late_claim_is_decided_when_it_arrives(void **state)
{
    struct fixture *fixture = *state;
    struct faults faults = {MEMORY_STORE_FAULT_NONE, false};
    struct store_write in_time, too_late;
    job_id id;

    given_faults(fixture, &faults);
    id = given_job(fixture, "");
    in_time = claim_write(id, 1, START, 1);
    too_late = claim_write(id, 1, START + 1, 2);
    too_late.claim.deadline = START + SECOND;
    faults.next = MEMORY_STORE_FAULT_LATE;
    assert_int_equal(store_apply(fixture->store, &in_time, 1, NULL), RC_UNKNOWN);
    assert_int_equal(store_apply(fixture->store, &too_late, 1, NULL), RC_UNKNOWN);
    assert_int_equal(count_token(fixture, 1), 0);
    fixture->now += 2 * SECOND;
    assert_int_equal(memory_store_release_late(fixture->store), 2);
    assert_int_equal(memory_store_release_late(fixture->store), 0);
    assert_int_equal(count_token(fixture, 1), 1);
    assert_int_equal(count_token(fixture, 2), 0);
}

static void late_writes_are_copies(void **state)
{
    struct fixture *fixture = *state;
    struct faults faults = {MEMORY_STORE_FAULT_LATE, false};
    static struct pair label = {"a", "b"};
    struct job_query query = job_query_all();
    struct store_write write, worker = {.kind = WRITE_WORKER, .worker.name = "w"};
    char name[] = "first";
    struct job *job;

    given_faults(fixture, &faults);
    job = new_job(fixture, "");
    job->name = name;
    job->labels = (struct pairs){&label, 1};
    write = create_write(fixture, job);
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_UNKNOWN);
    assert_int_equal(store_apply(fixture->store, &worker, 1, NULL), RC_UNKNOWN);
    name[0] = 'X';
    assert_int_equal(memory_store_release_late(fixture->store), 2);
    query.name = "first";
    assert_int_equal(count_jobs(fixture, &query), 1);
}

static void unreachable_store_answers_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct faults faults = {MEMORY_STORE_FAULT_NONE, true};
    struct store_write write;
    struct store_summary summary;
    instant_us now;

    given_faults(fixture, &faults);
    write = create_write(fixture, new_job(fixture, ""));
    assert_int_equal(store_now(fixture->store, &now, NULL), RC_UNAVAILABLE);
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_UNAVAILABLE);
    assert_int_equal(store_read_summary(fixture->store, NULL, &summary, NULL), RC_UNAVAILABLE);
    faults.unreachable = false;
    assert_int_equal(store_read_summary(fixture->store, NULL, &summary, NULL), RC_OK);
    assert_int_equal(summary.jobs[JOB_SCHEDULED], 0);
}

static const struct clause clauses[] = {
    CLAUSE(faults_are_played),
    CLAUSE(late_claim_is_decided_when_it_arrives),
    CLAUSE(late_writes_are_copies),
    CLAUSE(unreachable_store_answers_nothing),
};
const struct clauses store_memory_clauses = {clauses, ARRAY_SIZE(clauses)};
