/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only several processes show: sessions of their own against one ensemble, named by
 * CRONJOB_TEST_ZOOKEEPER. Some of them touch the tree behind the adapter's back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/posix/clock.h"
#include "adapters/zookeeper/client.h"
#include "adapters/zookeeper/coordination.h"
#include "testing.h"

#define LIMIT (20 * SECOND)

enum { MANY = 100000 };

struct fixture {
    struct clock *clock;
    char *root;
    struct coordination *one, *two; /* two processes */
    struct zk_client *behind;       /* who touches the tree */
    struct lease lease;             /* of `one` */
    pthread_mutex_t lock;
    size_t added, removed; /* tasks heard */
    int members;
};

static struct coordination *process_new(struct fixture *fixture, const char *identity)
{
    struct zookeeper_config config = {.hosts = getenv("CRONJOB_TEST_ZOOKEEPER"),
                                      .root = fixture->root,
                                      .identity = identity,
                                      .session_timeout = 2 * SECOND,
                                      .clock = fixture->clock};
    struct coordination *coordination = NULL;

    assert_int_equal(zookeeper_coordination_new(&config, &coordination, NULL), RC_OK);
    return coordination;
}

static void ignore(void *context, const char *path)
{
    (void)context;
    (void)path;
}

static enum rc campaign(struct coordination *coordination, span_us patience,
                        struct lease *ret_lease)
{
    return coordination_campaign(coordination, &(struct candidate){.name = "m"},
                                 posix_mono() + patience, ret_lease, NULL);
}

static int setup(void **state)
{
    static struct fixture fixture;
    static int count;
    struct zk_config behind = {
        .hosts = getenv("CRONJOB_TEST_ZOOKEEPER"), .session_timeout = 10 * SECOND, .wake = ignore};
    mono_us limit = posix_mono() + LIMIT;

    fixture = (struct fixture){.clock = posix_clock_new()};
    CHECK(!pthread_mutex_init(&fixture.lock, NULL));
    fixture.root = xasprintf("/cronjob-test-%d-%d", (int)getpid(), ++count);
    fixture.one = process_new(&fixture, "one");
    fixture.two = process_new(&fixture, "two");
    behind.clock = fixture.clock;
    assert_int_equal(zk_client_new(&behind, &fixture.behind, NULL), RC_OK);
    assert_int_equal(campaign(fixture.one, LIMIT, &fixture.lease), RC_OK);
    while (zk_client_state(fixture.behind) != ZK_CONNECTED && posix_mono() < limit)
        (void)sched_yield();
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    coordination_free(fixture->one);
    coordination_free(fixture->two);
    zk_client_free(fixture->behind);
    clock_free(fixture->clock);
    free(fixture->root);
    CHECK(!pthread_mutex_destroy(&fixture->lock));
    return 0;
}

/* ---- what is heard --------------------------------------------------------------------------- */

static void hear_tasks(void *context, const struct task *tasks, size_t count)
{
    struct fixture *fixture = context;

    CHECK(!pthread_mutex_lock(&fixture->lock));
    for (size_t i = 0; i < count; i++) {
        fixture->removed += tasks[i].removed;
        fixture->added += !tasks[i].removed;
    }
    CHECK(!pthread_mutex_unlock(&fixture->lock));
}

static void hear_member(void *context, const struct member *member)
{
    struct fixture *fixture = context;

    CHECK(!pthread_mutex_lock(&fixture->lock));
    fixture->members += member->gone ? -1 : 1;
    CHECK(!pthread_mutex_unlock(&fixture->lock));
}

static bool has_heard(struct fixture *fixture, size_t added, size_t removed, int members)
{
    bool heard;

    CHECK(!pthread_mutex_lock(&fixture->lock));
    heard = fixture->added >= added && fixture->removed >= removed && fixture->members == members;
    CHECK(!pthread_mutex_unlock(&fixture->lock));
    return heard;
}

static void wait_until_heard(struct fixture *fixture, size_t added, size_t removed, int members)
{
    mono_us limit = posix_mono() + LIMIT;

    while (!has_heard(fixture, added, removed, members) && posix_mono() < limit)
        (void)sched_yield();
    if (!has_heard(fixture, added, removed, members))
        fail_msg("heard %zu added, %zu removed, %d members; expected %zu, %zu, %d", fixture->added,
                 fixture->removed, fixture->members, added, removed, members);
}

/* ---- what is said ---------------------------------------------------------------------------- */

static enum rc assign(struct fixture *fixture, uint64_t epoch, job_id job, bool removed)
{
    struct task task = {.kind = TASK_JOB, .job = job, .revision = 1, .removed = removed};

    return coordination_assign(fixture->one, epoch, "node", &task, 1, NULL);
}

static void delete_node(struct fixture *fixture, const char *name)
{
    char *path = xasprintf("%s/%s", fixture->root, name);

    assert_int_equal(zk_delete(fixture->behind, path, ZK_ANY_VERSION, NULL), RC_OK);
    free(path);
}

static void make_node(struct fixture *fixture, const char *name, const char *data)
{
    char *path = xasprintf("%s/%s", fixture->root, name);

    assert_int_equal(zk_create(fixture->behind, path, data, ZK_PERSISTENT, NULL), RC_OK);
    free(path);
}

/* ---- leading --------------------------------------------------------------------------------- */

static void one_leads_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct lease lease;

    assert_int_equal(campaign(fixture->two, 100 * MILLISECOND, &lease), RC_TIMEOUT);
    coordination_resign(fixture->one);
    assert_int_equal(campaign(fixture->two, LIMIT, &lease), RC_OK);
    assert_true(lease.epoch > fixture->lease.epoch);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_STALE);
    assert_true(coordination_leads_until(fixture->one, fixture->lease.epoch) == 0);
}

/* Whoever leads and goes away makes room by the end of its session at the latest. */
static void the_next_leads_when_one_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct lease lease;

    coordination_free(fixture->one);
    fixture->one = process_new(fixture, "one");
    assert_int_equal(campaign(fixture->two, LIMIT, &lease), RC_OK);
    assert_true(lease.epoch > fixture->lease.epoch);
}

static void who_was_passed_over_notices(void **state)
{
    struct fixture *fixture = *state;
    char *path = xasprintf("%s/epoch", fixture->root);
    mono_us limit = posix_mono() + LIMIT;
    int32_t version;

    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    assert_int_equal(zk_set(fixture->behind, path, "500", ZK_ANY_VERSION, &version, NULL), RC_OK);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 2, false), RC_STALE);
    while (coordination_leads_until(fixture->one, fixture->lease.epoch) && posix_mono() < limit)
        (void)sched_yield();
    assert_true(coordination_leads_until(fixture->one, fixture->lease.epoch) == 0);
    assert_int_equal(campaign(fixture->one, LIMIT, &fixture->lease), RC_OK);
    assert_int_equal(fixture->lease.epoch, 501);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 2, false), RC_OK);
    free(path);
}

static void wait_until_deposed(struct fixture *fixture)
{
    mono_us limit = posix_mono() + LIMIT;

    while (coordination_leads_until(fixture->one, fixture->lease.epoch) && posix_mono() < limit)
        (void)sched_yield();
    assert_true(coordination_leads_until(fixture->one, fixture->lease.epoch) == 0);
}

static void a_leader_of_a_lost_session_leads_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct lease lease;

    zookeeper_expire(fixture->one);
    wait_until_deposed(fixture);
    assert_int_equal(campaign(fixture->two, LIMIT, &lease), RC_OK);
    assert_true(lease.epoch > fixture->lease.epoch);
    assert_true(coordination_leads_until(fixture->two, lease.epoch) > posix_mono());
}

/* Whatever lies in it first. */
static void remove_tree(struct fixture *fixture, const char *path)
{
    struct arena AUTO_ARENA arena = {0};
    struct strings names;

    if (zk_children(fixture->behind, &path, 1, false, &arena, &names, NULL) != RC_OK)
        return; /* it went by itself */
    for (size_t i = 0; i < names.count; i++)
        remove_tree(fixture, arena_printf(&arena, "%s/%s", path, names.items[i]));
    if (zk_delete(fixture->behind, path, ZK_ANY_VERSION, NULL) == RC_CONFLICT)
        remove_tree(fixture, path); /* somebody was quick */
}

static void a_leader_whose_node_went_leads_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct arena AUTO_ARENA arena = {0};
    const char *path = arena_printf(&arena, "%s/managers", fixture->root);
    struct strings names;

    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    assert_int_equal(zk_children(fixture->behind, &path, 1, false, &arena, &names, NULL), RC_OK);
    assert_int_equal(names.count, 1);
    delete_node(fixture, arena_printf(&arena, "managers/%s", names.items[0]));
    assert_int_equal(assign(fixture, fixture->lease.epoch, 2, false), RC_STALE);
    wait_until_deposed(fixture);
    assert_int_equal(campaign(fixture->one, LIMIT, &fixture->lease), RC_OK);
    assert_int_equal(assign(fixture, fixture->lease.epoch, 2, false), RC_OK);
}

static void strange_candidates_stand_in_nobodys_way(void **state)
{
    struct fixture *fixture = *state;

    coordination_resign(fixture->one);
    make_node(fixture, "managers/lock-0000000000", "");
    make_node(fixture, "managers/x", "");
    assert_int_equal(campaign(fixture->one, LIMIT, &fixture->lease), RC_OK);
}

static void a_strange_epoch_is_raised_to_the_floor(void **state)
{
    struct fixture *fixture = *state;
    char *path = xasprintf("%s/epoch", fixture->root);
    struct candidate candidate = {.name = "m", .floor = 41};
    struct lease lease;
    int32_t version;

    assert_int_equal(
        zk_set(fixture->behind, path, "99999999999999999999999", ZK_ANY_VERSION, &version, NULL),
        RC_OK);
    assert_int_equal(
        coordination_campaign(fixture->one, &candidate, posix_mono() + LIMIT, &lease, NULL), RC_OK);
    assert_int_equal(lease.epoch, 42);
    free(path);
}

/* ---- members --------------------------------------------------------------------------------- */

/* The session that holds the worker's node; 0: there is none. */
static int64_t owner_of_node(struct fixture *fixture)
{
    char *path = xasprintf("%s/workers/node", fixture->root);
    struct zk_value value = {.owner = 0};

    if (zk_get(fixture->behind, path, false, &value, NULL) != RC_OK)
        value.owner = 0;
    free(path);
    return value.owner;
}

/* The node is of another session than before. */
static int64_t wait_for_another_owner(struct fixture *fixture, int64_t before)
{
    mono_us limit = posix_mono() + LIMIT;
    int64_t owner;

    do {
        owner = owner_of_node(fixture);
    } while ((!owner || owner == before) && posix_mono() < limit);
    assert_true(owner && owner != before);
    return owner;
}

static enum rc join_when_connected(struct coordination *coordination, const char *name)
{
    mono_us limit = posix_mono() + LIMIT;
    enum rc rc;

    do {
        rc = coordination_join(coordination, name, NULL);
    } while (rc == RC_UNAVAILABLE && posix_mono() < limit);
    return rc;
}

static void a_name_is_one_process(void **state)
{
    struct fixture *fixture = *state;
    struct coordination *again = process_new(fixture, "one");

    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_OK);
    assert_int_equal(join_when_connected(fixture->two, "node"), RC_CONFLICT);
    assert_int_equal(join_when_connected(again, "node"), RC_OK); /* its next life */
    coordination_free(again);
}

static void who_was_refused_a_name_removes_nobody(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_OK);
    assert_int_equal(join_when_connected(fixture->two, "node"), RC_CONFLICT);
    assert_int_equal(coordination_leave(fixture->two, "node", NULL), RC_OK);
    assert_true(owner_of_node(fixture) != 0);
    assert_int_equal(coordination_leave(fixture->one, "node", NULL), RC_OK);
    assert_true(owner_of_node(fixture) == 0);
}

static void a_member_whose_node_went_makes_it_again(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_OK);
    delete_node(fixture, "workers/node");
    (void)wait_for_another_owner(fixture, 0);
    delete_node(fixture, "workers/node");
    (void)wait_for_another_owner(fixture, 0);
}

/* The earlier life hears that its node changed hands; its next word must not take it back. */
static void a_name_is_not_taken_back_from_the_next_life(void **state)
{
    struct fixture *fixture = *state;
    struct coordination *again = process_new(fixture, "one");
    int64_t next;

    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_OK);
    assert_int_equal(join_when_connected(again, "node"), RC_OK);
    next = owner_of_node(fixture);
    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_CONFLICT);
    assert_int_equal(coordination_leave(fixture->one, "node", NULL), RC_OK);
    assert_true(next && owner_of_node(fixture) == next);
    coordination_free(again);
}

static void a_member_of_a_lost_session_joins_again(void **state)
{
    struct fixture *fixture = *state;
    int64_t before;

    assert_int_equal(coordination_watch_members(fixture->two, hear_member, fixture, NULL), RC_OK);
    assert_int_equal(coordination_join(fixture->one, "node", NULL), RC_OK);
    wait_until_heard(fixture, 0, 0, 1);
    before = owner_of_node(fixture);
    zookeeper_expire(fixture->one);
    (void)wait_for_another_owner(fixture, before);
    wait_until_heard(fixture, 0, 0, 1);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

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

/* ---- from new to free ------------------------------------------------------------------------ */

static void wrong_places_are_refused(void **state)
{
    static const struct {
        const char *hosts, *root;
    } rows[] = {{"", "/a"},      {"host", "/a"},  {"host:0", "/a"},  {"host:1,", "/a"},
                {"host:1", "a"}, {"host:1", "/"}, {"host:1", "/a/"}, {"host:1", "/a//b"},
                {":1", "/a"},    {"h:1;2", "/a"}, {"h:65536", "/a"}};
    const struct fixture *fixture = *state;
    struct coordination *coordination;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct zookeeper_config config = {
            .hosts = rows[i].hosts, .root = rows[i].root, .identity = "x", .clock = fixture->clock};

        assert_int_equal(zookeeper_coordination_new(&config, &coordination, NULL), RC_INVALID);
    }
}

/* Port 1 of this machine: nobody listens there. */
static void without_a_server_nothing_waits(void **state)
{
    struct fixture *fixture = *state;
    struct zookeeper_config config = {
        .hosts = "127.0.0.1:1", .root = "/a", .identity = "x", .clock = fixture->clock};
    struct coordination *coordination;
    struct lease lease;

    assert_int_equal(zookeeper_coordination_new(&config, &coordination, NULL), RC_OK);
    assert_int_equal(campaign(coordination, 100 * MILLISECOND, &lease), RC_UNAVAILABLE);
    assert_int_equal(coordination_join(coordination, "node", NULL), RC_UNAVAILABLE);
    assert_int_equal(coordination_watch_tasks(coordination, "node", hear_tasks, fixture, NULL),
                     RC_OK);
    coordination_unwatch(coordination, fixture);
    coordination_resign(coordination);
    coordination_free(coordination);
}

static void who_has_no_password_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char *root = xasprintf("%s-closed", fixture->root);
    char *path = xasprintf("%s/epoch", root);
    struct zookeeper_config config = {.hosts = getenv("CRONJOB_TEST_ZOOKEEPER"),
                                      .root = root,
                                      .digest = "user:password",
                                      .identity = "x",
                                      .clock = fixture->clock};
    struct coordination *coordination;
    struct zk_value value;
    struct lease lease;

    assert_int_equal(zookeeper_coordination_new(&config, &coordination, NULL), RC_OK);
    assert_int_equal(campaign(coordination, LIMIT, &lease), RC_OK);
    assert_int_equal(coordination_settle(coordination, lease.epoch, "node", NULL), RC_OK);
    assert_int_equal(zk_get(fixture->behind, path, false, &value, NULL), RC_FORBIDDEN);
    coordination_free(coordination);
    free(path);
    free(root);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_leads_at_a_time),
        TEST(the_next_leads_when_one_is_gone),
        TEST(who_was_passed_over_notices),
        TEST(a_leader_of_a_lost_session_leads_no_more),
        TEST(a_leader_whose_node_went_leads_no_more),
        TEST(strange_candidates_stand_in_nobodys_way),
        TEST(a_strange_epoch_is_raised_to_the_floor),
        TEST(a_name_is_one_process),
        TEST(who_was_refused_a_name_removes_nobody),
        TEST(a_member_whose_node_went_makes_it_again),
        TEST(a_name_is_not_taken_back_from_the_next_life),
        TEST(a_member_of_a_lost_session_joins_again),
        TEST(a_lost_tree_takes_nothing_away),
        TEST(a_lost_tree_takes_no_runs_away),
        TEST(a_removed_tree_grows_again),
        TEST(strange_nodes_are_ignored),
        TEST(very_many_tasks_come),
        TEST(wrong_places_are_refused),
        TEST(without_a_server_nothing_waits),
        TEST(who_has_no_password_is_refused),
    };

    if (!getenv("CRONJOB_TEST_ZOOKEEPER")) {
        (void)printf("skipped: CRONJOB_TEST_ZOOKEEPER is not set\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
