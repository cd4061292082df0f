/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/memory/launcher.h: a guardian without processes, on a clock that a test moves.
 *
 * The guardian object outlives launchers, as the real one outlives workers; a launcher that is
 * freed is a worker that died. What a run does is decided by the plan when it is executed. Nothing
 * happens but in memory_guardian_advance() and in calls of the launcher; events wait for
 * dispatch(). One thread.
 */
#ifndef CRONJOB_ADAPTERS_MEMORY_LAUNCHER_H
#define CRONJOB_ADAPTERS_MEMORY_LAUNCHER_H

#include "ports/clock.h"
#include "ports/launcher.h"

/* What a run does once it is executed. */
struct memory_plan {
    const char *failure; /* NULL, or why it cannot be executed */
    span_us duration;
    int32_t exit_code;
    int32_t signal;       /* not 0: it ends by this signal */
    int64_t output_bytes; /* written at once */
    bool ignores_term;    /* dies by KILL only */
};

typedef struct memory_plan (*memory_planner)(void *context, const struct launch *launch);

struct memory_guardian;

/* The clock is not owned. */
struct memory_guardian *memory_guardian_new(struct clock *clock, memory_planner planner,
                                            void *context);
void memory_guardian_free(struct memory_guardian *guardian); /* no launcher is left */

/* Executes and ends what is due by the clock. */
void memory_guardian_advance(struct memory_guardian *guardian);
/* How long until something is due, 0 when it is already; -1: nothing will be. */
span_us memory_guardian_next(const struct memory_guardian *guardian);

/* kill -9: its runs, unacknowledged results and lease are gone. Each launcher finds a new one at
 * its next dispatch(). */
void memory_guardian_kill(struct memory_guardian *guardian);

/* Runs that are executing. */
size_t memory_guardian_running(const struct memory_guardian *guardian);
bool memory_guardian_executes(const struct memory_guardian *guardian, const struct run_key *run);

struct launcher *memory_launcher_new(struct memory_guardian *guardian, launch_callback callback,
                                     void *context);

#endif
