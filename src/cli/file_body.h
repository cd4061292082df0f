/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/file_body.h: a request's body with a file in it, made as it is sent.
 *
 * The file is encoded by the piece, so its size costs no memory. What is no regular file (standard
 * input, a pipe) is copied into one without a name first, for its size must be known.
 */
#ifndef CRONJOB_CLI_FILE_BODY_H
#define CRONJOB_CLI_FILE_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct file_body {
    int fd;
    size_t size;            /* of the file */
    const struct buf *head; /* all before the content; not owned */
};

/* `head` is JSON up to the quotation mark before the content; "\"}" follows that. Answers CLI_DONE,
 * or what the command ends with after a complaint. */
int file_body_open(struct file_body *body, const char *path, const struct buf *head);
void file_body_close(struct file_body *body);

size_t file_body_length(const struct file_body *body);
/* http_call.give, with the body as its context. */
size_t file_body_give(void *context, size_t offset, void *data, size_t capacity);

/* The name of a file without the folders it is in; NULL for standard input. */
const char *file_body_name(const char *path);

#endif
