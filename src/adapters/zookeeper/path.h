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

enum { MARK_LENGTH = 16, MARK_TEXT = MARK_LENGTH + 1 }; /* of a candidate, with its NUL */

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

/*
 * Of a candidate, "<mark>-<name>-<sequence>": the mark is of the session that made it, the sequence
 * is the server's. -1: it is none of ours.
 */
int64_t path_read_sequence(const char *name);
bool path_has_mark(const char *name, const char *mark);

/* What the epoch's node says; 0 when it says nothing sensible. */
uint64_t path_read_epoch(const char *data);

/* "host:1,host:2" */
bool path_are_hosts(const char *hosts);

#endif
