/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

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

static size_t count_lines(struct fixture *fixture, const char *beginning)
{
    size_t count = 0;
    const char *at = fixture->heard.length ? fixture->heard.data : "";

    for (; *at; at = strchr(at, '\n') + 1)
        count += !strncmp(at, beginning, strlen(beginning));
    buf_reset(&fixture->heard);
    return count;
}

static void the_first_worker_gets_all_jobs(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 2500; i++) /* more than a page */
        (void)fixture_create(fixture);
    assert_string_equal(fixture_job(fixture, 1).worker, "");
    fixture_join(fixture, "node");
    assert_int_equal(count_lines(fixture, "node +job "), 2500);
    assert_string_equal(fixture_job(fixture, 1).worker, "node");
    assert_string_equal(fixture_job(fixture, 2500).worker, "node");
}

static void jobs_stay_where_they_are(void **state)
{
    struct fixture *fixture = *state;

    fixture_join(fixture, "node");
    (void)fixture_create(fixture);
    buf_reset(&fixture->heard);
    fixture_join(fixture, "other");
    fixture_expect(fixture, "");
    assert_string_equal(fixture_job(fixture, 1).worker, "node");
}

static void jobs_of_a_worker_that_left_move(void **state)
{
    struct fixture *fixture = *state;

    fixture_join(fixture, "node");
    (void)fixture_create(fixture);
    fixture_join(fixture, "other");
    buf_reset(&fixture->heard);
    fixture_leave(fixture, "node");
    assert_string_equal(fixture_job(fixture, 1).worker, "other");
    fixture_expect(fixture, "other +job 1.1\nnode -job 1.1\n");
}

static void jobs_wait_for_a_worker(void **state)
{
    struct fixture *fixture = *state;

    fixture_join(fixture, "node");
    (void)fixture_create(fixture);
    buf_reset(&fixture->heard);
    fixture_leave(fixture, "node");
    fixture_expect(fixture, "");
    fixture_join(fixture, "other");
    fixture_expect(fixture, ""); /* "node" may be back soon */
    fixture_wait(fixture, 3 * SECOND);
    fixture_expect(fixture, "other +job 1.1\nnode -job 1.1\n");
}

static void queued_runs_are_handed_over_again(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);
    struct change *change = change_new(CHANGE_RUN_NOW, id);

    assert_int_equal(fixture_change(fixture, change), RC_OK);
    fixture_join(fixture, "node");
    fixture_expect(fixture, "node +job 1.1\nnode +run 1-1893456000.000001-1\n");
}

static void goes_on_when_the_store_is_back(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_create(fixture);
    fixture_sign(fixture, "node", INSTANT_MAX, NULL);
    fixture->away = true;
    fixture_join(fixture, "node");
    fixture_expect(fixture, "");
    fixture->away = false;
    fixture_step(fixture);
    fixture_expect(fixture, ""); /* not before the time to try again */
    memory_clock_advance(fixture->clock, 2 * SECOND);
    fixture_step(fixture);
    fixture_expect(fixture, "node +job 1.1\n");
}

static void a_draining_worker_is_known_as_soon_as_the_store_is(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = {.kind = WRITE_WORKER,
                                .worker = {.name = "node",
                                           .url = "",
                                           .version = "",
                                           .backend = "timer",
                                           .draining = true,
                                           .lease_until = INSTANT_MAX}};

    fixture_sign(fixture, "other", INSTANT_MAX, NULL);
    fixture_apply(fixture, &write);
    (void)fixture_create(fixture);
    fixture->away = true;
    fixture_join(fixture, "node");
    fixture_join(fixture, "other");
    fixture->away = false;
    memory_clock_advance(fixture->clock, 2 * SECOND);
    fixture_step(fixture);
    fixture_expect(fixture, "other +job 1.1\n");
}

static void given_ended(struct fixture *fixture, job_id job, instant_us at,
                        enum run_trigger trigger)
{
    struct store_write write = {
        .kind = WRITE_RUN_RECORD,
        .run = {.key = {.scheduled_at = at, .job = job, .attempt = 1},
                .trigger = trigger,
                .result = {.status = RUN_MISSED, .started_at = INSTANT_NONE, .finished_at = at},
                .worker = "node",
                .reason = "",
                .request = "",
                .count = 1,
                .until = at}};

    fixture_apply(fixture, &write);
    events_publish(fixture->events,
                   &(struct event){.kind = EVENT_RUN, .job = job, .run = write.run.key});
}

static void given_ended_run(struct fixture *fixture, job_id job, instant_us at)
{
    given_ended(fixture, job, at, TRIGGER_SCHEDULE);
}

static void old_runs_are_retired_but_the_newest(void **state)
{
    struct fixture *fixture = *state;
    job_id busy = fixture_create(fixture), quiet = fixture_create(fixture);

    for (int i = 0; i < 700; i++) /* more than a page */
        given_ended_run(fixture, busy, START - 3 * DAY + i * SECOND);
    given_ended_run(fixture, busy, START);
    given_ended_run(fixture, quiet, START - 3 * DAY);
    memory_clock_advance(fixture->clock, 2 * HOUR);
    fixture_step(fixture);
    assert_int_equal(fixture_count_runs(fixture, busy), 1);
    assert_int_equal(fixture_count_runs(fixture, quiet), 1);
}

static void a_job_keeps_its_newest_runs(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);

    for (int i = 0; i < 100; i++)
        given_ended_run(fixture, id, START + i * SECOND);
    fixture_step(fixture);
    assert_int_equal(fixture_count_runs(fixture, id), 3);
}

/* The next tick is counted from it. */
static void the_newest_tick_is_never_retired(void **state)
{
    struct fixture *fixture = *state;
    job_id id = fixture_create(fixture);

    given_ended(fixture, id, START - 3 * DAY, TRIGGER_SCHEDULE);
    given_ended(fixture, id, START - 3 * DAY + SECOND, TRIGGER_SCHEDULE);
    for (int i = 0; i < 200; i++)
        given_ended(fixture, id, START - 2 * DAY + i * SECOND + 1, TRIGGER_MANUAL);
    memory_clock_advance(fixture->clock, 2 * HOUR);
    fixture_step(fixture);
    assert_int_equal(fixture_count_runs(fixture, id), 2);
    assert_int_equal(fixture_job(fixture, id).cursor, START - 3 * DAY + SECOND);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_worker_gets_all_jobs),
        TEST(jobs_stay_where_they_are),
        TEST(jobs_of_a_worker_that_left_move),
        TEST(jobs_wait_for_a_worker),
        TEST(queued_runs_are_handed_over_again),
        TEST(goes_on_when_the_store_is_back),
        TEST(a_draining_worker_is_known_as_soon_as_the_store_is),
        TEST(old_runs_are_retired_but_the_newest),
        TEST(a_job_keeps_its_newest_runs),
        TEST(the_newest_tick_is_never_retired),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
