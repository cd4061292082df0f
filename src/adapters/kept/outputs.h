/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/kept/outputs.h: what runs wrote, wherever it is by now: a short one in the store, a long
 * one among the objects, and one that was not stored yet, or goes on, where the worker has it.
 *
 * The store is asked first, then the worker; and when that has it no more, the store again, for a
 * worker removes what it has only when it is stored. So who reads on never meets a gap, and the
 * bytes are the same in all places.
 *
 * The objects may keep a caller waiting for long, and callers are threads that others need too. So
 * at most two read them at once; who finds that many waits a moment, then gets RC_BUSY. When they
 * were not reached, it is said at once for some seconds: RC_UNAVAILABLE.
 *
 * remove() removes what the worker has; what is stored goes with the run.
 */
#ifndef CRONJOB_ADAPTERS_KEPT_OUTPUTS_H
#define CRONJOB_ADAPTERS_KEPT_OUTPUTS_H

#include "ports/clock.h"
#include "ports/objects.h"
#include "ports/outputs.h"
#include "ports/store.h"

/* Nothing is owned, and all outlives it. */
struct kept_outputs_config {
    struct store *store;
    struct objects *objects;
    struct outputs *of_worker;
    struct clock *clock;
};

struct outputs *kept_outputs_new(const struct kept_outputs_config *config);

#endif
