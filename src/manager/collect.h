/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager/collect.h: executables that no job and no kept run has any more go from the object store,
 * and long outputs of runs that are gone.
 *
 * Who brings a file stores it before there is a job that has it, so for a while nobody has it. What
 * was stored less than `keep_for` ago is therefore spared, and whoever makes a job of a file that
 * is already there stores it again when it is half as old (api/executable.c). What is left of that
 * race is between the last look at an object and its removal: some milliseconds, and only for a
 * file that nobody had for all of that time.
 *
 * An output is stored when its run has long been, so it goes as soon as the run is gone: those of
 * a job of which long ones were erased are looked at soon, all of them once an hour.
 *
 * The object store waits, so a leading manager does this on a thread of its own: soon after it
 * began to lead, then once an hour. Two that do it at once do no harm: both go by the same rule.
 */
#ifndef CRONJOB_MANAGER_COLLECT_H
#define CRONJOB_MANAGER_COLLECT_H

#include "ports/clock.h"
#include "ports/objects.h"
#include "ports/store.h"

/* Ports are not owned. */
struct collect_config {
    struct store *store;
    struct objects *objects;
    struct clock *clock;
    span_us keep_for;               /* 0: executables stay for ever */
    bool (*goes_on)(void *context); /* asked before each removal: false ends the pass */
    void *context;
};

/* One pass; answers how many were removed. RC_UNAVAILABLE and others: what is left is for the next.
 */
MUST_USE enum rc collect_files(const struct collect_config *config, size_t *ret_removed,
                               struct err *err);

/* The same for outputs, of one job or (0) all. */
MUST_USE enum rc collect_outputs(const struct collect_config *config, job_id job,
                                 size_t *ret_removed, struct err *err);

/* The thread. */
struct collector;

MUST_USE enum rc collector_new(const struct collect_config *config,
                               struct collector **ret_collector, struct err *err);
void collector_wake(struct collector *collector); /* goes_on() may say something else now */
/* Long outputs of the job may have lost their runs. NULL is fine. */
void collector_look_at_outputs(struct collector *collector, job_id job);
void collector_free(struct collector *collector); /* after what is going on; NULL is fine */

#endif
