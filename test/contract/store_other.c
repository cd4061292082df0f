/* SPDX-License-Identifier: Apache-2.0 */
/* The clock, workers, the leader, access tokens, and calls from many threads. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "contract/store_suite.h"

static void time_is_the_stores_clock(void **state)
{
    struct fixture *fixture = *state;
    instant_us now;

    assert_int_equal(store_now(fixture->store, &now, NULL), RC_OK);
    assert_int_equal(now, START);
    fixture->now += 5;
    assert_int_equal(store_now(fixture->store, &now, NULL), RC_OK);
    assert_int_equal(now, START + 5);
}

struct workers_read {
    struct worker_record items[4];
    char names[4][32];
    char label[64]; /* the first label of the first one */
    size_t count;
};

static bool keep_worker(void *context, const struct worker_record *worker)
{
    struct workers_read *read = context;

    read->items[read->count] = *worker;
    (void)snprintf(read->names[read->count], sizeof(read->names[0]), "%s", worker->name);
    if (!read->count && worker->labels.count)
        (void)snprintf(read->label, sizeof(read->label), "%s=%s", worker->labels.items[0].name,
                       worker->labels.items[0].value);
    read->count++;
    return true;
}

static struct workers_read read_workers(struct fixture *fixture)
{
    struct workers_read read = {.count = 0};

    assert_int_equal(store_read_workers(fixture->store, keep_worker, &read, NULL), RC_OK);
    return read;
}

static struct store_write worker_write(const char *name)
{
    static struct pair label = {"zone", "a \"quoted\" b"};

    return (struct store_write){.kind = WRITE_WORKER,
                                .worker = {.name = name,
                                           .url = "http://w:1",
                                           .version = "1.2",
                                           .backend = "timer",
                                           .labels = {&label, 1},
                                           .running = 3,
                                           .tasks = 7,
                                           .clock_offset = -42,
                                           .clock_synchronised = true,
                                           .started_at = START,
                                           .lease_until = START + MINUTE}};
}

static void worker_is_read_as_written(void **state)
{
    struct fixture *fixture = *state;
    struct store_write writes[] = {worker_write("b"), worker_write("a")};
    struct workers_read read;

    apply_all(fixture, writes, 2);
    read = read_workers(fixture);
    assert_int_equal(read.count, 2);
    assert_string_equal(read.names[0], "a");
    assert_string_equal(read.names[1], "b");
    assert_string_equal(read.label, "zone=a \"quoted\" b");
    assert_int_equal(read.items[0].running, 3);
    assert_int_equal(read.items[0].tasks, 7);
    assert_int_equal(read.items[0].clock_offset, -42);
    assert_true(read.items[0].clock_synchronised);
    assert_int_equal(read.items[0].started_at, START);
    assert_int_equal(read.items[0].lease_until, START + MINUTE);
    assert_false(read.items[0].draining);
}

static void worker_is_replaced_but_goes_on_draining(void **state)
{
    struct fixture *fixture = *state;
    struct store_write drain = {.kind = WRITE_WORKER_DRAIN,
                                .worker = {.name = "a", .draining = true}};
    struct store_write write = worker_write("a");
    struct workers_read read;

    assert_int_equal(apply_one(fixture, &drain), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &drain), RC_OK);
    write.worker.tasks = 8;
    write.worker.clock_synchronised = false;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    read = read_workers(fixture);
    assert_int_equal(read.count, 1);
    assert_int_equal(read.items[0].tasks, 8);
    assert_false(read.items[0].clock_synchronised);
    assert_true(read.items[0].draining);
    write.worker.lease_until = START; /* an older sign of life, which comes late */
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(read_workers(fixture).items[0].lease_until, START + MINUTE);
    write.worker.lease_until = START + HOUR;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(read_workers(fixture).items[0].lease_until, START + HOUR);
    drain.worker.draining = false;
    assert_int_equal(apply_one(fixture, &drain), RC_OK);
    assert_false(read_workers(fixture).items[0].draining);
}

static void worker_is_removed_once_its_lease_ran_out(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = worker_write("a");
    struct store_write remove = {.kind = WRITE_WORKER_REMOVE, .worker.name = "a"};

    assert_int_equal(apply_one(fixture, &remove), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    fixture->now = START + MINUTE - 1;
    assert_int_equal(apply_one(fixture, &remove), RC_CONFLICT);
    fixture->now++;
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_int_equal(read_workers(fixture).count, 0);
}

static void worker_with_unfinished_runs_is_not_removed(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = worker_write("worker-1");
    struct store_write remove = {.kind = WRITE_WORKER_REMOVE, .worker.name = "worker-1"};
    struct run_key key = given_run(fixture, given_job(fixture, ""), START, 1);

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    fixture->now = START + HOUR;
    assert_int_equal(apply_one(fixture, &remove), RC_CONFLICT);
    given_finished(fixture, &key, 1, RUN_SUCCEEDED);
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
}

/* ---- the leader ---------------------------------------------------------------------------------
 */

static struct store_write leader_write(uint64_t epoch, const char *name)
{
    struct store_write write = {.kind = WRITE_LEADER, .leader = {.epoch = epoch}};

    (void)snprintf(write.leader.name, sizeof(write.leader.name), "%s", name);
    (void)snprintf(write.leader.url, sizeof(write.leader.url), "http://%s:1", name);
    return write;
}

static struct leader_record leader_of(struct fixture *fixture)
{
    struct leader_record leader;

    assert_int_equal(store_read_leader(fixture->store, &leader, NULL), RC_OK);
    return leader;
}

static void newest_leader_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct store_write first = leader_write(3, "m1"), second = leader_write(4, "m2");

    assert_int_equal(leader_of(fixture).epoch, 0);
    assert_int_equal(apply_one(fixture, &first), RC_OK);
    assert_int_equal(apply_one(fixture, &first), RC_OK); /* with each of its changes */
    assert_string_equal(leader_of(fixture).name, "m1");
    assert_int_equal(apply_one(fixture, &second), RC_OK);
    assert_int_equal(apply_one(fixture, &first), RC_STALE);
    assert_int_equal(leader_of(fixture).epoch, 4);
    assert_string_equal(leader_of(fixture).name, "m2");
    assert_string_equal(leader_of(fixture).url, "http://m2:1");
}

static void deposed_leader_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_write newer = leader_write(2, "m2");
    struct store_write writes[] = {
        create_write(fixture, new_job(fixture, "before")), leader_write(1, "m1"),
        create_write(fixture, new_job(fixture, "after")), leader_write(3, "m1"), worker_write("w")};
    struct job_query query = job_query_all();

    assert_int_equal(apply_one(fixture, &newer), RC_OK);
    apply_all(fixture, writes, ARRAY_SIZE(writes));
    assert_int_equal(writes[0].outcome, RC_OK);
    for (size_t i = 1; i < ARRAY_SIZE(writes); i++)
        assert_int_equal(writes[i].outcome, RC_STALE);
    assert_int_equal(count_jobs(fixture, &query), 1);
    assert_int_equal(read_workers(fixture).count, 0);
    assert_int_equal(leader_of(fixture).epoch, 2);
    apply_all(fixture, &writes[2], 1); /* the next apply() is another one's */
    assert_int_equal(writes[2].outcome, RC_OK);
}

struct tokens_read {
    struct access_token items[4];
    char texts[4][64];
    size_t count;
};

static bool keep_token(void *context, const struct access_token *token)
{
    struct tokens_read *read = context;

    (void)snprintf(read->texts[read->count], sizeof(read->texts[0]), "%s %s %s", token->id,
                   token->name, token->account);
    read->items[read->count++] = *token;
    return true;
}

static struct tokens_read read_tokens(struct fixture *fixture)
{
    struct tokens_read read = {.count = 0};

    assert_int_equal(store_read_tokens(fixture->store, keep_token, &read, NULL), RC_OK);
    return read;
}

static void tokens_are_kept_until_revoked(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = {.kind = WRITE_TOKEN_CREATE,
                                .access = {.id = "abcd1234",
                                           .name = "ci",
                                           .account = "alice",
                                           .admin = true,
                                           .hash = {1, 2, [31] = 3},
                                           .created_at = START,
                                           .expires_at = INSTANT_NONE}};
    struct store_write revoke = {.kind = WRITE_TOKEN_REVOKE, .access.id = "abcd1234"};
    struct tokens_read read;

    assert_int_equal(apply_one(fixture, &revoke), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &write), RC_CONFLICT);
    write.access.id = "zzzz1234";
    write.access.expires_at = START + DAY;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    read = read_tokens(fixture);
    assert_int_equal(read.count, 2);
    assert_string_equal(read.texts[0], "abcd1234 ci alice");
    assert_true(read.items[0].admin);
    assert_memory_equal(read.items[0].hash, write.access.hash, 32);
    assert_true(read.items[0].expires_at == INSTANT_NONE);
    assert_int_equal(read.items[1].expires_at, START + DAY);
    assert_int_equal(apply_one(fixture, &revoke), RC_OK);
    assert_int_equal(read_tokens(fixture).count, 1);
}

/* ---- threads ------------------------------------------------------------------------------------
 */

enum { THREADS = 4, ROUNDS = 25 };

struct contender {
    struct fixture *fixture;
    const job_id *jobs;
    uint8_t token;
    int failures;
};

static bool count_run(void *context, const struct run_record *run)
{
    size_t *count = context;

    (void)run;
    (*count)++;
    return true;
}

/* Claims every tick that all others claim too, and reads back at once whose it is. */
static void *contend(void *context)
{
    struct contender *contender = context;
    struct claim_token token = token_of(contender->token);
    struct run_query query = run_query_all();

    query.token = &token;
    for (size_t i = 0; i < ROUNDS; i++) {
        struct store_write write = claim_write(contender->jobs[i], 1, START, contender->token);
        struct run_key key = write.claim.key;
        size_t count = 0;

        query.keys = &key;
        query.key_count = 1;
        if (store_apply(contender->fixture->store, &write, 1, NULL) != RC_OK ||
            store_read_runs(contender->fixture->store, &query, count_run, &count, NULL) != RC_OK ||
            count > 1)
            contender->failures++;
    }
    return NULL;
}

static void each_contended_run_has_one_owner(void **state)
{
    struct fixture *fixture = *state;
    struct contender contenders[THREADS];
    pthread_t threads[THREADS];
    job_id jobs[ROUNDS];
    struct run_query query = run_query_all();
    size_t owned = 0;

    for (size_t i = 0; i < ROUNDS; i++)
        jobs[i] = given_job(fixture, "");
    for (size_t i = 0; i < THREADS; i++) {
        contenders[i] =
            (struct contender){.fixture = fixture, .jobs = jobs, .token = (uint8_t)(i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, contend, &contenders[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(contenders[i].failures, 0);
        owned += count_token(fixture, (uint8_t)(i + 1));
    }
    assert_int_equal(owned, ROUNDS);
    assert_int_equal(count_runs(fixture, &query), ROUNDS);
}

static const struct clause clauses[] = {
    CLAUSE(time_is_the_stores_clock),
    CLAUSE(worker_is_read_as_written),
    CLAUSE(worker_is_replaced_but_goes_on_draining),
    CLAUSE(worker_is_removed_once_its_lease_ran_out),
    CLAUSE(worker_with_unfinished_runs_is_not_removed),
    CLAUSE(newest_leader_is_kept),
    CLAUSE(deposed_leader_changes_nothing),
    CLAUSE(tokens_are_kept_until_revoked),
    CLAUSE(each_contended_run_has_one_owner),
};
const struct clauses store_other_clauses = {clauses, ARRAY_SIZE(clauses)};
