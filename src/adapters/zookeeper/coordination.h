/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/zookeeper/coordination.h: coordination by a ZooKeeper ensemble.
 *
 *     ROOT/managers/<mark>-<name>-<sequence>    ephemeral: the lowest sequence leads
 *     ROOT/epoch                                a number, raised by each new leader
 *     ROOT/workers/<name>                       ephemeral; data: the identity of the process
 *     ROOT/tasks/<worker>/<00-ff>/<job>.<rev>   the bucket is the last byte of the job
 *     ROOT/tasks/<worker>/runs/run-<run>        and kill-<run>, until they are consumed
 *     ROOT/tasks/<worker>/complete              what is not there is gone; data: the epoch
 *
 * The last is made by settle(). Who removes a worker's tasks by hand removes it first, lest the
 * worker takes them for withdrawn. A process has few watches: one on the members, one on its own
 * member, one on the epoch, one on the candidates, and 258 for the tasks of its worker, whatever
 * their number. One thread keeps the session: it makes a new one when the old has expired, joins
 * again, and reports what differs. Nothing waits longer than the session's timeout.
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
 * RC_UNAVAILABLE: the C client of ZooKeeper is not installed.
 */
MUST_USE enum rc zookeeper_coordination_new(const struct zookeeper_config *config,
                                            struct coordination **ret_coordination,
                                            struct err *err);

/* For tests: the session ends, as if it had expired. */
void zookeeper_expire(struct coordination *coordination);

#endif
