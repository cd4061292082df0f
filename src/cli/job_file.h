/* SPDX-License-Identifier: Apache-2.0 */
/* cli/job_file.h: --script FILE and --binary FILE, what a job executes instead of a command. */
#ifndef CRONJOB_CLI_JOB_FILE_H
#define CRONJOB_CLI_JOB_FILE_H

#include <stdbool.h>

#include "cli/file_body.h"
#include "cli/option.h"
#include "wire/json.h"

/* --script, --binary. */
extern const struct option job_file_options[];

struct job_file {
    const char *type; /* "script", "binary"; NULL: neither option was given */
    const char *path; /* or a URL */
    bool is_url;
    struct file_body body; /* once it is open */
    bool is_open;
};

/* What the options say. Answers CLI_DONE, or CLI_USAGE after a complaint. */
int job_file_read(const struct arguments *arguments, struct job_file *ret_file);
#define AUTO_JOB_FILE CLEANUP(job_file_close)
void job_file_close(struct job_file *file);

/* Members of the job: its type, its name unless --filename is given, and the words behind "--" as
 * its arguments. */
void job_file_write(const struct job_file *file, const struct arguments *arguments,
                    struct json_writer *writer);

/*
 * Ends the object: with the URL, or open, for the file's content to follow; then the request's body
 * is file->body instead of the buffer. Answers CLI_DONE, or what the command ends with.
 */
int job_file_end(struct job_file *file, struct json_writer *writer);

#endif
