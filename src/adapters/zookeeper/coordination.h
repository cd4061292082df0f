/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/zookeeper/coordination.h: coordination by a ZooKeeper ensemble.
 *
 *     ROOT/managers/<random>-<name>-<seq>     ephemeral, sequential: the lowest leads
 *     ROOT/epoch                              a number, raised by each new leader
 *     ROOT/workers/<name>                     ephemeral; data: the identity of the process
 *     ROOT/tasks/<worker>/<bucket>/<job>.<revision>   bucket: the last byte of the job, "00" to
 * "ff" ROOT/tasks/<worker>/runs/run-<run>, kill-<run> ROOT/tasks/<worker>/complete            there
 * when all tasks are: see coordination_settle()
 *
 * A process has few watches: one on the members, one on the epoch, and 258 for the tasks of its
 * worker, whatever their number. One thread keeps the session: it makes a new one when the old has
 * expired, joins again, and reports what differs. Nothing waits longer than the session's timeout.
 */
#ifndef CRONJOB_ADAPTERS_ZOOKEEPER_COORDINATION_H
#define CRONJOB_ADAPTERS_ZOOKEEPER_COORDINATION_H

#include "ports/clock.h"
#include "ports/coordination.h"

#define ZOOKEEPER_SESSION (6 * SECOND)

/* All texts are copied. */
struct zookeeper_config {
    const char *hosts;       /* "h1:2181,h2:2181" */
    const char *root;        /* "/cronjob" */
    const char *digest;      /* "user:password": nobody else may read or write; NULL: everybody */
    const char *identity;    /* of this process's node: its next life may take its name over */
    span_us session_timeout; /* 0: ZOOKEEPER_SESSION */
    struct clock *clock;     /* borrowed */
};

/*
 * Succeeds without a server that answers: operations are RC_UNAVAILABLE until one does. join() is
 * RC_CONFLICT while another process lives under the name. RC_INVALID: hosts or root are wrong.
 */
MUST_USE enum rc zookeeper_coordination_new(const struct zookeeper_config *config,
                                            struct coordination **ret_coordination,
                                            struct err *err);

/* For tests: the session ends, as if it had expired. */
void zookeeper_expire(struct coordination *coordination);

#endif
