/* SPDX-License-Identifier: Apache-2.0 */
/* main/probe_zookeeper.h: one ZooKeeper server, asked by its four-letter word `srvr`. */
#ifndef CRONJOB_MAIN_PROBE_ZOOKEEPER_H
#define CRONJOB_MAIN_PROBE_ZOOKEEPER_H

#include "base/arena.h"
#include "base/err.h"

#include "main/place.h"

/* "leader", "follower", "standalone". RC_UNAVAILABLE: it cannot be reached, does not answer within
 * two seconds, or serves nobody, for want of a quorum. */
MUST_USE enum rc probe_zookeeper(const struct place_host *host, struct arena *arena,
                                 const char **ret_mode, struct err *err);

#endif
