/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/config.h: the text of a configuration file.
 *
 *     # a comment, and so is a line that begins with ;
 *     [cronjob]            what follows is for all roles, as what stands before any section
 *     listen = 127.0.0.1:30000
 *     [worker]             what follows is for workers only
 *     name   = "node 1"    quotes around a whole value are taken off
 *
 * A value reaches to the end of its line, less the blanks around it; # and ; inside are its own.
 * Pure: which keys there are is for the visitor to say.
 */
#ifndef CRONJOB_MAIN_CONFIG_H
#define CRONJOB_MAIN_CONFIG_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum { CONFIG_LIMIT = 1024 * 1024 }; /* bytes of a file */

struct config_text {
    const char *file; /* its name, for messages */
    const char *text;
    size_t length;
    const char *const *sections; /* those that there may be, NULL at the end */
};

/* A key as it is written, and its value. All texts live as long as the arena. */
struct config_line {
    const char *section; /* of `sections`; the first of them before there is any */
    const char *key;
    const char *value;
};

/* Any answer but RC_OK ends it. */
typedef enum rc (*config_visit)(void *context, const struct config_line *line, struct err *err);

/*
 * RC_INVALID: a line that is no setting, or what the visitor answers; the message begins with
 * "FILE:LINE: ". RC_TOO_BIG: more bytes than allowed.
 */
MUST_USE enum rc config_read(const struct config_text *text, struct arena *arena,
                             config_visit visit, void *context, struct err *err);

#endif
