/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/guardian.h: the small process that starts runs and stands by them.
 *
 * There is one for each data directory: it holds a lock on DIR/guardian.lock and listens on
 * DIR/guardian.sock for launchers (ports/guardian_protocol.h) of its own account or root. It has no
 * store and no network, so a worker may crash or be upgraded while its runs go on. One thread.
 *
 * A run is a session of its own, and a cgroup where the machine has them, with stdin, stdout and
 * stderr and nothing else from us. When its main process has ended, the run is over: what it left
 * in the background gets TERM and, after the run's grace, KILL, and then the result is told.
 * (Debian's cron waits for such processes as long as they hold the output open.) A result is kept
 * until a launcher acknowledges it. What a guardian that was killed leaves behind, the next one
 * kills before it listens.
 *
 * It ends when it has had no launcher, no run and no result for `idle`; on SIGTERM it takes no more
 * runs and ends when the last result is acknowledged.
 */
#ifndef CRONJOB_GUARDIAN_GUARDIAN_H
#define CRONJOB_GUARDIAN_GUARDIAN_H

#include "base/err.h"

#include "ports/clock.h"

#define GUARDIAN_IDLE (10 * SECOND)

struct guardian_config {
    const char *data_directory; /* exists */
    struct clock *clock;        /* not owned */
    span_us idle;               /* usually GUARDIAN_IDLE */
    uint64_t run_nofile; /* the soft limit of descriptors that runs get; 0: the guardian's own */
    int ready_fd; /* gets one byte and is closed when the guardian listens; -1: nobody waits */
};

/* Returns when the guardian has ended. RC_CONFLICT: the directory has a guardian already. Changes
 * the process for good: signals, umask, limits, standard descriptors. */
MUST_USE enum rc guardian_run(const struct guardian_config *config, struct err *err);

#endif
