/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/contract/coordination_fixture.h: processes of their own with one ensemble, which
 * CRONJOB_TEST_ZOOKEEPER names, and somebody who touches the tree behind their backs.
 */
#ifndef CRONJOB_TEST_CONTRACT_COORDINATION_FIXTURE_H
#define CRONJOB_TEST_CONTRACT_COORDINATION_FIXTURE_H

#include <pthread.h>

#include "adapters/posix/clock.h"
#include "adapters/zookeeper/client.h"
#include "adapters/zookeeper/coordination.h"
#include "testing.h"

#define LIMIT (20 * SECOND) /* for what comes in its own time */

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

/* `one` leads. */
int setup(void **state);
int teardown(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* Says so and answers true when no ensemble is named. */
bool is_skipped(void);

struct coordination *process_new(struct fixture *fixture, const char *identity);
enum rc campaign(struct coordination *coordination, span_us patience, struct lease *ret_lease);
void wait_until_deposed(struct fixture *fixture);
enum rc join_when_connected(struct coordination *coordination, const char *name);

/* Callbacks, whose context is the fixture. */
void hear_tasks(void *context, const struct task *tasks, size_t count);
void hear_member(void *context, const struct member *member);
/* So many tasks at least, and exactly so many members. */
void wait_until_heard(struct fixture *fixture, size_t added, size_t removed, int members);

/* Revision 1 of the job, for "node". */
enum rc assign(struct fixture *fixture, uint64_t epoch, job_id job, bool removed);

/* Names are below the root. */
void delete_node(struct fixture *fixture, const char *name);
void make_node(struct fixture *fixture, const char *name, const char *data);

/* The session that holds the node of the worker "node"; 0: there is none. */
int64_t owner_of_node(struct fixture *fixture);
/* The node is of another session than before, or will be. */
int64_t wait_for_another_owner(struct fixture *fixture, int64_t before);

/* The tests of trees, in coordination_tree.c: how many failed. */
int run_tree_tests(void);

#endif
