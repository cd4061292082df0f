/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/sim/cluster_ensemble.h: coordination with sessions, on a clock that a test moves; as
 * ZooKeeper shows itself to a process, with what can go wrong between the two.
 *
 * The ensemble is what the servers hold. A client is one process's connection; freeing it is the
 * death of the process: its session, and with it its candidacy and membership, lasts until it
 * expires. Callbacks come in ensemble_pump() and in calls of the client. One thread.
 */
#ifndef CRONJOB_TEST_SIM_CLUSTER_ENSEMBLE_H
#define CRONJOB_TEST_SIM_CLUSTER_ENSEMBLE_H

#include "ports/clock.h"
#include "ports/coordination.h"

#define ENSEMBLE_SESSION (6 * SECOND)

struct ensemble;

struct ensemble *ensemble_new(struct clock *clock, uint64_t (*roll)(void *context, uint64_t sides),
                              void *context);
void ensemble_free(struct ensemble *ensemble); /* no client is left */

struct coordination *ensemble_connect(struct ensemble *ensemble, const char *name);

/* Sessions live or expire, clients hear what is new. */
void ensemble_pump(struct ensemble *ensemble);
/* All it held is gone, and every session. */
void ensemble_wipe(struct ensemble *ensemble);
/* Percent of writes whose answer is lost, or that are refused. */
void ensemble_trouble(struct ensemble *ensemble, int percent);

/* It reaches no server. */
void ensemble_cut(struct coordination *client, bool cut);
/* Its process does not run. */
void ensemble_pause(struct coordination *client, bool paused);
/* It gives no signs of life and believes that it leads until then, whatever the servers think; what
 * it asks gets through. */
void ensemble_mislead(struct coordination *client, mono_us until);
bool ensemble_leads(struct coordination *client); /* as the client has it */

#endif
