/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which job. */
#include <string.h>
#include <time.h>

#include "base/mem.h"

#include "adapters/memory/clock.h"
#include "fixture.h"

static int setup(void **state)
{
    *state = fixture_new();
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static struct pair north[] = {{"zone", "north"}};

static job_id create_in_north(struct fixture *fixture)
{
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);
    job_id id;

    change->job.placement = (struct pairs){north, 1};
    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    id = change->id;
    change_free(change);
    return id;
}

static size_t count_jobs_of(struct fixture *fixture, const char *worker, job_id last)
{
    size_t count = 0;

    for (job_id id = 1; id <= last; id++)
        count += !strcmp(fixture_job(fixture, id).worker, worker);
    return count;
}

static void given_worker(struct fixture *fixture, const struct worker_record *worker)
{
    struct store_write write = {.kind = WRITE_WORKER, .worker = *worker};

    write.worker.url = write.worker.version = "";
    write.worker.backend = "timer";
    fixture_apply(fixture, &write);
}

static void a_member_counts_when_its_row_is_there(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_create(fixture);
    fixture->away = true;
    fixture_join(fixture, "node");
    fixture->away = false;
    fixture_wait(fixture, 5 * SECOND);
    fixture_expect(fixture, "");
    fixture_sign(fixture, "node", INSTANT_MAX, NULL);
    fixture_wait(fixture, SECOND);
    fixture_expect(fixture, "node +job 1.1\n");
}

static void jobs_go_where_their_labels_are(void **state)
{
    struct fixture *fixture = *state;

    fixture_join(fixture, "node");
    fixture_sign(fixture, "other", INSTANT_MAX, "north");
    fixture_join(fixture, "other");
    assert_int_equal(create_in_north(fixture), 1);
    assert_int_equal(create_in_north(fixture), 2);
    assert_int_equal(fixture_create(fixture), 3);
    fixture_expect(fixture, "other +job 1.1\nother +job 2.1\nnode +job 3.1\n");
}

static void a_change_of_labels_moves_jobs(void **state)
{
    struct fixture *fixture = *state;

    fixture_sign(fixture, "node", INSTANT_MAX, "north");
    fixture_join(fixture, "node");
    fixture_join(fixture, "other");
    assert_int_equal(create_in_north(fixture), 1);
    fixture_expect(fixture, "node +job 1.1\n");
    fixture_sign(fixture, "node", INSTANT_MAX, "south");
    fixture_sign(fixture, "other", INSTANT_MAX, "north");
    fixture_wait(fixture, 3 * SECOND);
    fixture_expect(fixture, "node -job 1.1\nother +job 1.1\n");
    assert_string_equal(fixture_job(fixture, 1).worker, "other");
}

static void a_changed_job_moves_where_it_fits(void **state)
{
    struct fixture *fixture = *state;
    struct change *change;

    fixture_join(fixture, "node");
    assert_int_equal(fixture_create(fixture), 1);
    fixture_sign(fixture, "other", INSTANT_MAX, "north");
    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    change = change_new(CHANGE_JOB_REPLACE, 1);
    change->job.placement = (struct pairs){north, 1};
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    fixture_expect(fixture, "node -job 1.1\nother +job 1.2\n");
}

static bool take_run(void *context, const struct run_record *run)
{
    *(struct run_record *)context = *run;
    return false;
}

static void what_fits_nobody_is_unassigned_and_accounted_for(void **state)
{
    struct fixture *fixture = *state;
    struct run_query query = run_query_all();
    struct run_record run = {0};

    fixture_sign(fixture, "node", INSTANT_MAX, "north");
    fixture_join(fixture, "node");
    assert_int_equal(create_in_north(fixture), 1);
    buf_reset(&fixture->heard);
    fixture_sign(fixture, "node", INSTANT_MAX, NULL);
    fixture_wait(fixture, 3 * SECOND);
    fixture_expect(fixture, "node -job 1.1\n");
    assert_string_equal(fixture_job(fixture, 1).worker, "");
    fixture_wait(fixture, 2 * HOUR); /* the window to catch up is one */
    query.job = 1;
    assert_int_equal(store_read_runs(fixture->store, &query, take_run, &run, NULL), RC_OK);
    assert_int_equal(run.run.result.status, RUN_MISSED);
    assert_string_equal(run.run.reason, "no worker fits");
    assert_true(fixture_job(fixture, 1).cursor > START + 56 * MINUTE);
    assert_true(fixture_job(fixture, 1).cursor < START + HOUR);
    fixture_sign(fixture, "node", INSTANT_MAX, "north");
    fixture_wait(fixture, 3 * SECOND);
    fixture_expect(fixture, "node +job 1.1\n");
}

static void a_pinned_job_waits_for_its_worker(void **state)
{
    struct fixture *fixture = *state;

    fixture_sign(fixture, "node", INSTANT_MAX, "north");
    fixture_join(fixture, "node");
    fixture_join(fixture, "other");
    assert_int_equal(create_in_north(fixture), 1);
    fixture_expect(fixture, "node +job 1.1\n");
    fixture_leave(fixture, "node");
    fixture_expect(fixture, ""); /* it may fire all the same: coordination may be wrong */
    assert_string_equal(fixture_job(fixture, 1).worker, "");
    fixture_join(fixture, "node");
    fixture_expect(fixture, "node +job 1.1\n"); /* as it was there: watched anew */
    assert_string_equal(fixture_job(fixture, 1).worker, "node");
}

static void who_comes_gets_a_share(void **state)
{
    struct fixture *fixture = *state;

    fixture_join(fixture, "node");
    for (int i = 0; i < 10; i++)
        (void)fixture_create(fixture);
    fixture_join(fixture, "other");
    assert_int_equal(count_jobs_of(fixture, "other", 10), 5);
    fixture_join(fixture, "third");
    assert_int_equal(count_jobs_of(fixture, "third", 10), 3);
    buf_reset(&fixture->heard);
    fixture_leave(fixture, "other");
    assert_int_equal(count_jobs_of(fixture, "node", 10), 5);
    assert_int_equal(count_jobs_of(fixture, "third", 10), 5);
}

static void many_creates_spread(void **state)
{
    enum { JOBS = 100 };
    struct fixture *fixture = *state;
    struct change *changes[JOBS];

    fixture_join(fixture, "node");
    fixture_join(fixture, "other");
    for (size_t i = 0; i < JOBS; i++) {
        changes[i] = change_new(CHANGE_JOB_CREATE, 0);
        fixture_submit(fixture, changes[i]);
    }
    fixture_step(fixture);
    for (size_t i = 0; i < JOBS; i++)
        change_free(changes[i]);
    assert_int_equal(count_jobs_of(fixture, "node", JOBS), JOBS / 2);
}

static void a_wrong_clock_loses_its_jobs(void **state)
{
    struct fixture *fixture = *state;
    struct worker_record node = {.name = "node", .lease_until = INSTANT_MAX};

    fixture_join(fixture, "node");
    (void)fixture_create(fixture);
    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    node.clock_offset = -1500 * MILLISECOND;
    given_worker(fixture, &node);
    fixture_wait(fixture, 3 * SECOND);
    fixture_expect(fixture, "node -job 1.1\nother +job 1.1\n");
    node.clock_offset = 900 * MILLISECOND; /* not yet right again */
    given_worker(fixture, &node);
    fixture_wait(fixture, 3 * SECOND);
    assert_int_equal(fixture_create(fixture), 2);
    fixture_expect(fixture, "other +job 2.1\n");
    node.clock_offset = 0;
    given_worker(fixture, &node);
    fixture_wait(fixture, 3 * SECOND);
    assert_int_equal(count_jobs_of(fixture, "node", 2), 1);
}

static void who_does_not_reach_the_store_loses_its_jobs(void **state)
{
    struct fixture *fixture = *state;

    fixture_sign(fixture, "node", START + 8 * SECOND, NULL);
    fixture_join(fixture, "node");
    (void)fixture_create(fixture);
    fixture_join(fixture, "other");
    fixture_wait(fixture, 9 * SECOND);
    fixture_expect(fixture, "node +job 1.1\n");
    fixture_wait(fixture, 4 * SECOND);
    fixture_expect(fixture, "node -job 1.1\nother +job 1.1\n");
}

static void note_task(void *context, const struct task *task)
{
    (void)task;
    ++*(size_t *)context;
}

static size_t count_tasks(struct fixture *fixture, const char *worker)
{
    size_t count = 0;

    assert_int_equal(
        coordination_read_tasks(fixture->coordination, worker, note_task, &count, NULL), RC_OK);
    return count;
}

/* What a cluster of its size does within ten seconds, ZooKeeper's part not counted. */
static void the_jobs_of_a_dead_worker_move_quickly(void **state)
{
    enum { JOBS = 100000, AT_ONCE = 5000 };
    struct fixture *fixture = *state;
    struct change **changes AUTO_FREE = xcalloc(AT_ONCE, sizeof(struct change *));
    struct timespec begun, ended;

    fixture_join(fixture, "node");
    for (size_t done = 0; done < JOBS; done += AT_ONCE) {
        for (size_t i = 0; i < AT_ONCE; i++) {
            changes[i] = change_new(CHANGE_JOB_CREATE, 0);
            fixture_submit(fixture, changes[i]);
        }
        fixture_step(fixture);
        for (size_t i = 0; i < AT_ONCE; i++)
            change_free(changes[i]);
    }
    fixture_leave(fixture, "node");
    fixture_join(fixture, "other");
    fixture_join(fixture, "third");
    assert_int_equal(count_tasks(fixture, "node"), JOBS);
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    fixture_wait(fixture, 4 * SECOND);
    (void)clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_int_equal(count_tasks(fixture, "node"), 0);
    assert_int_equal(count_tasks(fixture, "other"), JOBS / 2);
    assert_int_equal(count_tasks(fixture, "third"), JOBS / 2);
    print_message("%d jobs moved in %lld ms\n", JOBS,
                  (long long)(ended.tv_sec - begun.tv_sec) * 1000 +
                      (ended.tv_nsec - begun.tv_nsec) / 1000000);
    assert_true(ended.tv_sec - begun.tv_sec < 10);
}

/* ---- not too early ------------------------------------------------------------------------- */

static void a_new_leader_waits_for_those_who_live(void **state)
{
    struct fixture *fixture = *state;

    fixture_sign(fixture, "node", START + MINUTE, NULL);
    fixture_join(fixture, "node");
    (void)fixture_create(fixture);
    fixture_expect(fixture, "node +job 1.1\n");
    assert_int_equal(coordination_leave(fixture->coordination, "node", NULL), RC_OK);
    coordination_resign(fixture->coordination);
    fixture_step(fixture);
    fixture_join(fixture, "other");
    fixture_expect(fixture, "");
    fixture_join(fixture, "node"); /* in time */
    fixture_wait(fixture, 4 * SECOND);
    fixture_expect(fixture, "node +job 1.1\n"); /* watched anew */
    assert_string_equal(fixture_job(fixture, 1).worker, "node");
}

static void when_all_vanish_nothing_moves(void **state)
{
    struct fixture *fixture = *state;

    fixture_join(fixture, "node");
    fixture_join(fixture, "other");
    for (int i = 0; i < 4; i++)
        (void)fixture_create(fixture);
    buf_reset(&fixture->heard);
    assert_int_equal(coordination_leave(fixture->coordination, "node", NULL), RC_OK);
    assert_int_equal(coordination_leave(fixture->coordination, "other", NULL), RC_OK);
    fixture_wait(fixture, MINUTE);
    fixture_expect(fixture, "");
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    fixture_wait(fixture, SECOND);
    assert_int_equal(coordination_join(fixture->coordination, "other", NULL), RC_OK);
    fixture_wait(fixture, MINUTE);
    fixture_expect(fixture, "");
    assert_int_equal(count_jobs_of(fixture, "node", 4), 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_member_counts_when_its_row_is_there),
        TEST(jobs_go_where_their_labels_are),
        TEST(a_change_of_labels_moves_jobs),
        TEST(a_changed_job_moves_where_it_fits),
        TEST(what_fits_nobody_is_unassigned_and_accounted_for),
        TEST(a_pinned_job_waits_for_its_worker),
        TEST(who_comes_gets_a_share),
        TEST(many_creates_spread),
        TEST(the_jobs_of_a_dead_worker_move_quickly),
        TEST(a_wrong_clock_loses_its_jobs),
        TEST(who_does_not_reach_the_store_loses_its_jobs),
        TEST(a_new_leader_waits_for_those_who_live),
        TEST(when_all_vanish_nothing_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
