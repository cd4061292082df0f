/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/launcher.h: the launcher whose runs are in the hands of a guardian process.
 *
 * It connects to the guardian of the data directory and starts one when there is none, as
 * `EXECUTABLE guardian --data DIR --ready-fd 3 ARGUMENTS...`, in a session of its own, so that it
 * outlives us; it tries again, more and more seldom, when that fails. Nothing here waits: whatever
 * happens, happens in dispatch(). While it is our child and we live, its exit is reaped.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_LAUNCHER_H
#define CRONJOB_ADAPTERS_POSIX_LAUNCHER_H

#include "ports/clock.h"
#include "ports/launcher.h"

struct posix_launcher_config {
    const char *executable;       /* NULL: our own */
    const char *const *arguments; /* more of them for the guardian, NULL at the end; or NULL */
    const char *data_directory;   /* exists */
    struct clock *clock;          /* not owned, outlives the launcher */
    launch_callback callback;
    void *context;
};

/* The configuration is copied. The first event comes in dispatch(). RC_IO. */
MUST_USE enum rc posix_launcher_new(const struct posix_launcher_config *config,
                                    struct launcher **ret_launcher, struct err *err);

#endif
