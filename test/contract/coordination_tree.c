/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of a worker: what is lost, what is strange, and what is much. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "contract/coordination_fixture.h"

enum { MANY = 100000 };

static void a_lost_tree_takes_nothing_away(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 2, false), RC_OK);
    assert_int_equal(coordination_watch_tasks(fixture->two, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    wait_until_heard(fixture, 2, 0, 0);
    delete_node(fixture, "tasks/node/complete");
    delete_node(fixture, "tasks/node/01/1.1");
    delete_node(fixture, "tasks/node/02/2.1");
    assert_int_equal(assign(fixture, fixture->lease.epoch, 3, false), RC_OK);
    wait_until_heard(fixture, 3, 0, 0);
    assert_int_equal(fixture->removed, 0);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    wait_until_heard(fixture, 3, 1, 0); /* 2 is gone, 1 was never away */
    assert_int_equal(fixture->added, 3);
}

static enum rc assign_run(struct fixture *fixture, job_id job, bool removed)
{
    struct task task = {.kind = TASK_RUN,
                        .job = job,
                        .removed = removed,
                        .run = {.scheduled_at = 60 * SECOND, .job = job, .attempt = 1}};

    return coordination_assign(fixture->one, fixture->lease.epoch, "node", &task, 1, NULL);
}

static void a_lost_tree_takes_no_runs_away(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    assert_int_equal(assign_run(fixture, 1, false), RC_OK);
    assert_int_equal(assign_run(fixture, 2, false), RC_OK);
    assert_int_equal(coordination_watch_tasks(fixture->two, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    wait_until_heard(fixture, 2, 0, 0);
    delete_node(fixture, "tasks/node/complete");
    delete_node(fixture, "tasks/node/runs/run-1-60-1");
    assert_int_equal(assign_run(fixture, 3, false), RC_OK);
    wait_until_heard(fixture, 3, 0, 0);
    assert_int_equal(fixture->removed, 0);
    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    wait_until_heard(fixture, 3, 1, 0);
    assert_int_equal(assign_run(fixture, 2, true), RC_OK);
    wait_until_heard(fixture, 3, 2, 0);
    assert_int_equal(fixture->added, 3);
}

/* Whatever lies in it first. */
static void remove_tree(struct fixture *fixture, const char *path)
{
    struct arena AUTO_ARENA arena = {0};
    struct strings names;

    if (zk_children(fixture->behind, path, false, &arena, &names, NULL) != RC_OK)
        return; /* it went by itself */
    for (size_t i = 0; i < names.count; i++)
        remove_tree(fixture, arena_printf(&arena, "%s/%s", path, names.items[i]));
    if (zk_delete(fixture->behind, path, ZK_ANY_VERSION, NULL) == RC_CONFLICT)
        remove_tree(fixture, path); /* somebody was quick */
}

/* Nobody's session ends: all go on, and make again what they need. */
static void a_removed_tree_grows_again(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_OK);
    assert_int_equal(coordination_watch_members(fixture->two, hear_member, fixture, NULL), RC_OK);
    assert_int_equal(coordination_watch_tasks(fixture->two, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    wait_until_heard(fixture, 1, 0, 1);
    remove_tree(fixture, fixture->root);
    wait_until_deposed(fixture);
    assert_int_equal(campaign(fixture->one, LIMIT, &fixture->lease), RC_OK);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 2, false), RC_OK);
    wait_until_heard(fixture, 2, 0, 1);
    assert_int_equal(fixture->removed, 0);
    assert_int_equal(coordination_settle(fixture->one, fixture->lease.epoch, "node", NULL), RC_OK);
    wait_until_heard(fixture, 2, 1, 1);
    (void)wait_for_another_owner(fixture, 0);
}

static void strange_nodes_are_ignored(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    make_node(fixture, "tasks/node/01/x", "");
    make_node(fixture, "tasks/node/01/1.0", "");
    make_node(fixture, "tasks/node/01/2.1", ""); /* of another bucket */
    make_node(fixture, "tasks/node/01/99999999999999999999999.1", "");
    make_node(fixture, "tasks/node/runs/run-", "junk");
    make_node(fixture, "tasks/node/elsewhere", "");
    make_node(fixture, "tasks/not a name", "");
    assert_int_equal(coordination_watch_tasks(fixture->two, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    wait_until_heard(fixture, 1, 0, 0);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 257, false), RC_OK);
    wait_until_heard(fixture, 2, 0, 0);
    assert_int_equal(fixture->added, 2);
}

static void very_many_tasks_come(void **state)
{
    struct fixture *fixture = *state;
    static struct task tasks[LIMIT_BATCH];

    for (job_id job = 1; job <= MANY; job += LIMIT_BATCH) {
        for (size_t i = 0; i < LIMIT_BATCH; i++)
            tasks[i] = (struct task){.kind = TASK_JOB, .job = job + i, .revision = 1};
        assert_int_equal(coordination_assign(fixture->one, fixture->lease.epoch, "node", tasks,
                                             LIMIT_BATCH, NULL),
                         RC_OK);
    }
    assert_int_equal(coordination_watch_tasks(fixture->two, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    wait_until_heard(fixture, MANY, 0, 0);
    assert_int_equal(fixture->added, MANY);
}

int run_tree_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lost_tree_takes_nothing_away), TEST(a_lost_tree_takes_no_runs_away),
        TEST(a_removed_tree_grows_again),     TEST(strange_nodes_are_ignored),
        TEST(very_many_tasks_come),
    };

    return cmocka_run_group_tests_name("trees", tests, NULL, NULL);
}
