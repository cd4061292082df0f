/* SPDX-License-Identifier: Apache-2.0 */
/* guardian/program.h: what execve() gets for a launch: path, arguments, environment. */
#ifndef CRONJOB_GUARDIAN_PROGRAM_H
#define CRONJOB_GUARDIAN_PROGRAM_H

#include <stdbool.h>

#include "base/arena.h"

#include "core/file_kind.h"

#include "ports/launcher.h"

#include "guardian/account.h"

/* The number of the file's descriptor in the new process; of a script, what it finds itself by. */
#define PROGRAM_FILE_FD   3
#define PROGRAM_FILE_PATH "/dev/fd/3"

struct program {
    const char *path; /* NULL: the descriptor PROGRAM_FILE_FD is executed */
    bool keeps_file;  /* its interpreter reads the descriptor */
    char **argv;
    char **envp;
};

/*
 * The environment begins from nothing: Debian cron's HOME LOGNAME USER SHELL PATH, then the job's
 * pairs over it, except LOGNAME and USER, which stay. A command line goes to $SHELL if the job sets
 * it to an absolute path, else to /bin/sh, as `SHELL -c LINE SHELL ARGS...`; a script to its
 * interpreter, as `INTERPRETER [ARGUMENT] /dev/fd/3 ARGS...`. All memory belongs to the arena, or
 * to the arguments.
 */
struct program program_build(const struct launch *launch, const struct interpreter *interpreter,
                             const struct account *account, struct arena *arena);

#endif
