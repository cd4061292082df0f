/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager/manager.h: the role that decides. One manager leads; it persists every change, gives each
 * job to a worker, hands over runs on demand, resumes the runs of workers that are lost, and
 * retires old runs. The others stand by and refuse changes with RC_UNAVAILABLE.
 *
 * What it does stands in manager_step(), which works off everything that waits and never sleeps; so
 * a simulation can drive it on a virtual clock. manager_start() runs it on a thread of its own. Its
 * state belongs to whoever steps it; changes and news of members come through mailboxes.
 *
 * Whoever leads says so in the store, and every write of it begins with that: so one that was
 * deposed, and does not know it, changes nothing there, as it changes nothing in coordination.
 *
 * The world is level-triggered: a new leader, and one that saw a worker come, go or change, goes
 * through all jobs of the store and mends what differs from the tasks in coordination
 * (reconciliation), a page a step, so that changes do not wait for it.
 */
#ifndef CRONJOB_MANAGER_MANAGER_H
#define CRONJOB_MANAGER_MANAGER_H

#include "ports/changes.h"
#include "ports/clock.h"
#include "ports/coordination.h"
#include "ports/events.h"
#include "ports/objects.h"
#include "ports/outputs.h"
#include "ports/store.h"
#include "ports/zones.h"

struct manager;

struct manager_config {
    const char *name;
    const char *url; /* where it takes changes, for the store. NULL or "": in this process alone, as
                        is its worker, which looks after its runs itself */
    struct store *store;
    struct coordination *coordination;
    struct events *events;
    struct outputs *outputs;
    struct objects *objects;
    struct zones *zones;
    struct clock *clock;
    /* By which it seals what workers execute, users and tokens, and knows what it sealed; not
     * copied. NULL: it does not. */
    const struct seal_keys *seal;
    span_us keep_runs_for;   /* runs older than this are retired, but never a job's newest */
    size_t keep_runs_of_job; /* and those beyond the newest so many of a job */
    span_us keep_audit_for;  /* a record of who did what goes after that; 0: never */
    span_us keep_files_for;  /* an executable that nobody needs goes that long after it was stored;
                                0:  never */
};

MUST_USE enum rc manager_new(const struct manager_config *config, struct manager **ret_manager,
                             struct err *err);
void manager_free(struct manager *manager); /* stopped; queued changes are refused with RC_CLOSED */

/* Where API servers hand in changes. Lives as long as the manager. */
struct changes *manager_changes(struct manager *manager);

/* Whether it leads now. From any thread. */
bool manager_leads(const struct manager *manager);

/* RC_OK: it leads, or stands by; RC_UNAVAILABLE: store or coordination did not answer it. From any
 * thread. */
MUST_USE enum rc manager_is_ready(const struct manager *manager, struct err *err);

/* Works off what waits. Answers when to be called again even if nothing new comes. */
mono_us manager_step(struct manager *manager);

MUST_USE enum rc manager_start(struct manager *manager, struct err *err);
/* After the step that goes on; waits for it. Another manager may lead at once. */
void manager_stop(struct manager *manager);

#endif
