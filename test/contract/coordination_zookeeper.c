/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only several processes show: sessions of their own against one ensemble, named by
 * CRONJOB_TEST_ZOOKEEPER. Some of them touch the tree behind the adapter's back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "contract/coordination_fixture.h"

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

/* As it is seen from another session, whose server may be behind. */
static const char *only_candidate(struct fixture *fixture, struct arena *arena)
{
    const char *path = arena_printf(arena, "%s/managers", fixture->root);
    mono_us limit = posix_mono() + LIMIT;
    struct strings names = {0};

    while (!names.count && posix_mono() < limit)
        assert_int_equal(zk_children(fixture->behind, path, false, arena, &names, NULL), RC_OK);
    assert_int_equal(names.count, 1);
    return names.items[0];
}

static void a_leader_whose_node_went_leads_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct arena AUTO_ARENA arena = {0};

    assert_int_equal(assign(fixture, fixture->lease.epoch, 1, false), RC_OK);
    delete_node(fixture, arena_printf(&arena, "managers/%s", only_candidate(fixture, &arena)));
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
        TEST(wrong_places_are_refused),
        TEST(without_a_server_nothing_waits),
        TEST(who_has_no_password_is_refused),
    };

    if (is_skipped())
        return 77; /* for meson */
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL) + run_tree_tests();
}
