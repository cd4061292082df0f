/* SPDX-License-Identifier: Apache-2.0 */
#include "contract/coordination_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

bool is_skipped(void)
{
    if (getenv("CRONJOB_TEST_ZOOKEEPER"))
        return false;
    (void)printf("skipped: CRONJOB_TEST_ZOOKEEPER is not set\n");
    return true;
}

struct coordination *process_new(struct fixture *fixture, const char *identity)
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

enum rc campaign(struct coordination *coordination, span_us patience, struct lease *ret_lease)
{
    return coordination_campaign(coordination, &(struct candidate){.name = "m"},
                                 posix_mono() + patience, ret_lease, NULL);
}

int setup(void **state)
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

int teardown(void **state)
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

void hear_tasks(void *context, const struct task *tasks, size_t count)
{
    struct fixture *fixture = context;

    CHECK(!pthread_mutex_lock(&fixture->lock));
    for (size_t i = 0; i < count; i++) {
        fixture->removed += tasks[i].removed;
        fixture->added += !tasks[i].removed;
    }
    CHECK(!pthread_mutex_unlock(&fixture->lock));
}

void hear_member(void *context, const struct member *member)
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

void wait_until_heard(struct fixture *fixture, size_t added, size_t removed, int members)
{
    mono_us limit = posix_mono() + LIMIT;

    while (!has_heard(fixture, added, removed, members) && posix_mono() < limit)
        (void)sched_yield();
    if (!has_heard(fixture, added, removed, members))
        fail_msg("heard %zu added, %zu removed, %d members; expected %zu, %zu, %d", fixture->added,
                 fixture->removed, fixture->members, added, removed, members);
}

/* ---- what is said ---------------------------------------------------------------------------- */

enum rc assign(struct fixture *fixture, uint64_t epoch, job_id job, bool removed)
{
    struct task task = {.kind = TASK_JOB, .job = job, .revision = 1, .removed = removed};

    return coordination_assign(fixture->one, epoch, "node", &task, 1, NULL);
}

void wait_until_deposed(struct fixture *fixture)
{
    mono_us limit = posix_mono() + LIMIT;

    while (coordination_leads_until(fixture->one, fixture->lease.epoch) && posix_mono() < limit)
        (void)sched_yield();
    assert_true(coordination_leads_until(fixture->one, fixture->lease.epoch) == 0);
}

enum rc join_when_connected(struct coordination *coordination, const char *name)
{
    mono_us limit = posix_mono() + LIMIT;
    enum rc rc;

    do {
        rc = coordination_join(coordination, name, NULL);
    } while (rc == RC_UNAVAILABLE && posix_mono() < limit);
    return rc;
}

/* ---- the tree -------------------------------------------------------------------------------- */

void delete_node(struct fixture *fixture, const char *name)
{
    char *path = xasprintf("%s/%s", fixture->root, name);

    assert_int_equal(zk_delete(fixture->behind, path, ZK_ANY_VERSION, NULL), RC_OK);
    free(path);
}

void make_node(struct fixture *fixture, const char *name, const char *data)
{
    char *path = xasprintf("%s/%s", fixture->root, name);

    assert_int_equal(zk_create(fixture->behind, path, data, ZK_PERSISTENT, NULL), RC_OK);
    free(path);
}

int64_t owner_of_node(struct fixture *fixture)
{
    char *path = xasprintf("%s/workers/node", fixture->root);
    struct zk_value value = {.owner = 0};

    if (zk_get(fixture->behind, path, false, &value, NULL) != RC_OK)
        value.owner = 0;
    free(path);
    return value.owner;
}

int64_t wait_for_another_owner(struct fixture *fixture, int64_t before)
{
    mono_us limit = posix_mono() + LIMIT;
    int64_t owner;

    do {
        owner = owner_of_node(fixture);
    } while ((!owner || owner == before) && posix_mono() < limit);
    assert_true(owner && owner != before);
    return owner;
}
