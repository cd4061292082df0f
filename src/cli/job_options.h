/* SPDX-License-Identifier: Apache-2.0 */
/* cli/job_options.h: a job's fields as options of `add` and `edit`, one table. */
#ifndef CRONJOB_CLI_JOB_OPTIONS_H
#define CRONJOB_CLI_JOB_OPTIONS_H

#include <stdbool.h>

#include "base/buf.h"

#include "cli/cli.h"
#include "wire/json.h"

extern const struct option job_options[];

/*
 * Writes the members that the options say into the object that is open. In a patch, `--label K` and
 * `--env K` without a value take the pair away. CLI_USAGE or CLI_FAILED after a complaint.
 */
int job_options_write(const struct arguments *arguments, bool is_patch, struct json_writer *writer);

/* The pairs of the argument at `from` and of all others of its option, as one object. CLI_USAGE
 * after a complaint about one that is not NAME=VALUE. */
int job_options_write_pairs(const struct arguments *arguments, size_t from, bool is_patch,
                            struct json_writer *writer);

/* Whether any of them is given. */
bool job_options_any(const struct arguments *arguments);

/*
 * The words behind "--" as a line for the shell: a single word is the line itself, several are each
 * quoted where that is needed, so that the shell sees the same words.
 */
void job_options_command(const struct arguments *arguments, struct buf *buf);

#endif
