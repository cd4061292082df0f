/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "adapters/memory/clock.h"
#include "fixture.h"

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

static struct leader_record leader_of(struct fixture *fixture)
{
    struct leader_record leader;

    assert_int_equal(store_read_leader(fixture->store, &leader, NULL), RC_OK);
    return leader;
}

static void given_leader(struct fixture *fixture, uint64_t epoch)
{
    struct store_write write = {.kind = WRITE_LEADER,
                                .leader = {.epoch = epoch, .name = "other", .url = "http://o"}};

    fixture_apply(fixture, &write);
}

static void says_in_the_store_that_it_leads(void **state)
{
    struct leader_record leader = leader_of(*state);

    assert_true(manager_leads(((struct fixture *)*state)->manager));
    assert_true(leader.epoch > 0);
    assert_string_equal(leader.name, "manager");
    assert_string_equal(leader.url, "http://manager:1");
}

static void one_that_was_deposed_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint64_t epoch = leader_of(fixture).epoch + 7;
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);

    given_leader(fixture, epoch);
    fixture_submit(fixture, change);
    (void)manager_step(fixture->manager);
    assert_true(change_is_done(change));
    assert_int_equal(change->outcome, RC_UNAVAILABLE);
    assert_string_equal(leader_of(fixture).name, "other");
    assert_int_equal(fixture_job(fixture, 1).id, 0);
    assert_false(manager_leads(fixture->manager));
    change_free(change);
    fixture_wait(fixture, 2 * SECOND); /* "other" is not there to lead: it leads again */
    assert_string_equal(leader_of(fixture).name, "manager");
    assert_true(leader_of(fixture).epoch > epoch);
    assert_int_equal(fixture_create(fixture), 1);
    fixture_expect(fixture, "node +job 1.1\n");
}

static void who_is_not_sure_to_lead_asks_again(void **state)
{
    struct fixture *fixture = *state;
    uint64_t epoch = leader_of(fixture).epoch;

    coordination_resign(fixture->coordination);
    fixture_step(fixture);
    assert_true(leader_of(fixture).epoch > epoch);
    assert_int_equal(fixture_create(fixture), 1);
    fixture_expect(fixture, "node +job 1.1\n");
}

static void changes_are_refused_while_nobody_leads(void **state)
{
    struct fixture *fixture = *state;
    struct change *waiting = change_new(CHANGE_JOB_CREATE, 0);
    struct change *late = change_new(CHANGE_JOB_CREATE, 0);

    fixture->away = true;
    coordination_resign(fixture->coordination);
    fixture_submit(fixture, waiting);
    (void)manager_step(fixture->manager);
    assert_true(change_is_done(waiting));
    assert_int_equal(waiting->outcome, RC_UNAVAILABLE);
    assert_int_equal(changes_submit(manager_changes(fixture->manager), late, NULL), RC_UNAVAILABLE);
    assert_int_equal(manager_is_ready(fixture->manager, NULL), RC_UNAVAILABLE);
    change_free(waiting);
    change_free(late);
    fixture->away = false;
    fixture_wait(fixture, 2 * SECOND);
    assert_int_equal(manager_is_ready(fixture->manager, NULL), RC_OK);
    assert_int_equal(fixture_create(fixture), 1);
}

/* What it was before, its mirror too, is of no use: coordination is asked anew. */
static void a_new_leader_mends_what_differs(void **state)
{
    struct fixture *fixture = *state;
    struct task tasks[] = {
        {.kind = TASK_JOB, .job = 1, .revision = 1, .removed = true},
        {.kind = TASK_JOB, .job = 2, .revision = 7},
        {.kind = TASK_JOB, .job = 99, .revision = 1},
    };

    assert_int_equal(fixture_create(fixture), 1);
    assert_int_equal(fixture_create(fixture), 2);
    assert_int_equal(coordination_assign(fixture->coordination, leader_of(fixture).epoch, "node",
                                         tasks, 3, NULL),
                     RC_OK);
    buf_reset(&fixture->heard);
    coordination_resign(fixture->coordination);
    fixture_step(fixture);
    fixture_expect(fixture, "node +job 1.1\nnode -job 2.7\nnode +job 2.1\nnode -job 99.1\n");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(says_in_the_store_that_it_leads),    TEST(one_that_was_deposed_changes_nothing),
        TEST(who_is_not_sure_to_lead_asks_again), TEST(changes_are_refused_while_nobody_leads),
        TEST(a_new_leader_mends_what_differs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
