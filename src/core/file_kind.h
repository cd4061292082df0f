/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/file_kind.h: what the first bytes of a script or a binary say of how it is executed.
 *
 * Pure. A script names its interpreter in its first line, by the rules of the kernel (binfmt_script
 * in Linux, fs/binfmt_script.c): "#!", blanks, the path, and all the rest of the line as one
 * argument, within FILE_HEAD bytes. We ask for more than the kernel does: the path is absolute, for
 * a script that came over the network lies beside nothing.
 */
#ifndef CRONJOB_CORE_FILE_KIND_H
#define CRONJOB_CORE_FILE_KIND_H

#include <stddef.h>

#include "base/err.h"

#include "core/job.h"

enum { FILE_HEAD = 256 }; /* bytes of a file that say what it is */

enum file_kind { FILE_EMPTY, FILE_SCRIPT, FILE_ELF, FILE_OTHER };

struct file_head {
    const char *data;
    size_t length; /* less than FILE_HEAD only when the file has no more */
};

struct interpreter {
    char path[FILE_HEAD];
    char argument[FILE_HEAD]; /* "" when none */
};

enum file_kind file_kind(const struct file_head *head);

/* What executes a script. RC_INVALID, in words for who wrote it. */
MUST_USE enum rc file_interpreter(const struct file_head *head, struct interpreter *ret_interpreter,
                                  struct err *err);

/* Whether a job of type script or binary can have this file, on some machine. RC_INVALID, in words
 * for who made the job. */
MUST_USE enum rc file_check(enum job_type type, const struct file_head *head, struct err *err);

/* The same, and that a binary is for the machine that this was compiled for. */
MUST_USE enum rc file_check_here(enum job_type type, const struct file_head *head, struct err *err);

#endif
