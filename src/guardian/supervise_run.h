/* SPDX-License-Identifier: Apache-2.0 */
/* guardian/supervise_run.h: the steps of one run through its stages; for supervise*.c only. */
#ifndef CRONJOB_GUARDIAN_SUPERVISE_RUN_H
#define CRONJOB_GUARDIAN_SUPERVISE_RUN_H

#include <sys/resource.h>

#include "guardian/supervise.h"

static const span_us young_age = 100 * MILLISECOND; /* until a start is no more counted as one */
static const span_us tell_every = 50 * MILLISECOND;

/* Whose main process this is; NULL: nobody's. */
struct supervised *supervised_find(const struct supervisor *supervisor, pid_t pid);
/* WAITING: executes it: RUNNING, ENDED, or WAITING still when the machine has no room just now. */
void supervised_begin(struct supervised *run);
/* RUNNING: TERM to all of it, STOPPING. */
void supervised_stop(struct supervised *run, enum run_status verdict);
/* The lease has passed: KILL to all of it, at once; WAITING: ENDED. */
void supervised_fence(struct supervised *run, mono_us now);
/* Its main process was reaped: CLOSING or ENDED. */
void supervised_main_ended(struct supervised *run, int status, const struct rusage *usage);
/* CLOSING: ENDED when nothing is left. */
void supervised_check_left(struct supervised *run);
/* A deadline of its own has come. */
void supervised_expire(struct supervised *run, mono_us now);
/* To ENDED, and tells so. `reason` is copied; NULL: none. */
void supervised_end(struct supervised *run, enum run_status status, const char *reason);
void supervised_tell(struct supervised *run, enum launch_event_kind kind);
/* Sets its timer to the next of its deadlines. */
void supervised_rearm(struct supervised *run);

#endif
