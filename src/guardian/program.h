/* SPDX-License-Identifier: Apache-2.0 */
/* guardian/program.h: what execve() gets for a launch: path, arguments, environment. */
#ifndef CRONJOB_GUARDIAN_PROGRAM_H
#define CRONJOB_GUARDIAN_PROGRAM_H

#include "base/arena.h"

#include "ports/launcher.h"

#include "guardian/account.h"

struct program {
    const char *path;
    char **argv;
    char **envp;
};

/*
 * The environment begins from nothing: Debian cron's HOME LOGNAME USER SHELL PATH, then the job's
 * pairs over it, except LOGNAME and USER, which stay. A command line goes to $SHELL if the job sets
 * it to an absolute path, else to /bin/sh, as `SHELL -c LINE SHELL ARGS...`. All memory belongs to
 * the arena, or to `launch` and `account`.
 */
struct program program_build(const struct launch *launch, const struct account *account,
                             struct arena *arena);

#endif
