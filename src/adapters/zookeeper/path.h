/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/zookeeper/path.h: the names of nodes. Pure.
 *
 * What is read may be anything that somebody put there: names that are none of ours are refused.
 */
#ifndef CRONJOB_ADAPTERS_ZOOKEEPER_PATH_H
#define CRONJOB_ADAPTERS_ZOOKEEPER_PATH_H

#include "base/arena.h"

#include "ports/coordination.h"

enum { BUCKETS = 256, RUNS_BUCKET = BUCKETS, ALL_BUCKETS = BUCKETS + 1 };

/* 0 to BUCKETS - 1, or RUNS_BUCKET. */
unsigned path_bucket(const struct task *task);

/* ROOT/tasks/WORKER/BUCKET */
const char *path_of_bucket(struct arena *arena, const char *root, const char *worker,
                           unsigned bucket);
/* ROOT/tasks/WORKER/BUCKET/NAME */
const char *path_of_task(struct arena *arena, const char *root, const char *worker,
                         const struct task *task);

/* "12.3" in a bucket of jobs, "run-..." or "kill-..." in that of runs. False: none of ours. */
bool path_read_task(const char *name, unsigned bucket, struct task *ret_task);

/* The bucket's number of ROOT/tasks/WORKER/BUCKET; -1: it is none. `prefix`: ROOT/tasks/WORKER/ */
int path_read_bucket(const char *path, const char *prefix);

/* The sequence at the end of a candidate's name; -1: there is none. */
int64_t path_read_sequence(const char *name);

#endif
