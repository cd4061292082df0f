/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/posix/guardian_spawn.h: starts a guardian process, for the launcher. */
#ifndef CRONJOB_ADAPTERS_POSIX_GUARDIAN_SPAWN_H
#define CRONJOB_ADAPTERS_POSIX_GUARDIAN_SPAWN_H

#include <sys/types.h>

#include "base/err.h"

/*
 * `arguments` is NULL or ends in NULL. *ret_ready is a descriptor that gives one byte when the
 * guardian listens, and the end of file when it has failed to. RC_IO.
 */
MUST_USE enum rc guardian_spawn(const char *executable, const char *data_directory,
                                const char *const *arguments, pid_t *ret_pid, int *ret_ready,
                                struct err *err);

#endif
