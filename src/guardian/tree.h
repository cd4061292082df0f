/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/tree.h: the processes of a run, found by walking /proc, where there are no cgroups.
 *
 * A process belongs to a run when it is in the session that the run began, when it or what started
 * it was left to us and carries the run's CRONJOB_RUN_ID in its environment, or when its parent
 * belongs to the run. What hides from all three is not found.
 */
#ifndef CRONJOB_GUARDIAN_TREE_H
#define CRONJOB_GUARDIAN_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/run.h"

/* Sends a signal (0: none) to each process of the run whose main process is or was `session`;
 * answers whether there was any that lives. */
bool tree_signal(pid_t session, const struct run_key *run, int signal);

/* Whether this process has children besides those that `is_main` knows: only then can an ended run
 * have left anything. */
bool tree_has_orphans(bool (*is_main)(void *context, pid_t pid), void *context);

/* When the process began, in the kernel's ticks since boot; 0 when it is gone. */
uint64_t process_start_time(pid_t pid);

/*
 * Kills what a run of a guardian that was killed has left: the processes of its session, unless
 * that number was given to another process since (its leader began at another time than `began`);
 * and those that carry its CRONJOB_RUN_ID and were left to an ancestor of ours: a run of the same
 * name that another guardian looks after is not. Answers whether there was any.
 */
bool tree_kill_leftovers(pid_t session, uint64_t began, const struct run_key *run);

#endif
