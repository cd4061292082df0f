/* SPDX-License-Identifier: Apache-2.0 */
/* cli/text.h: values of the server's documents as text for a person, safe for a terminal. */
#ifndef CRONJOB_CLI_TEXT_H
#define CRONJOB_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

#include "wire/json.h"

/* The member at a path of names with dots between ("last_run.status"); NULL when it is not there.
 */
const struct json_value *text_member(const struct json_value *object, const char *path);

/*
 * A value in one line: a text as it is, "yes" and "no", "-" for null and nothing, "a, b" for an
 * array, "name=value, ..." for an object. Control bytes become "?" and line ends a blank, so that
 * nobody's job can write to another's terminal. Memory comes from the arena.
 */
const char *text_of(const struct json_value *value, struct arena *arena);
const char *text_of_member(const struct json_value *object, const char *path, struct arena *arena);

/* The text of a string member, `otherwise` when it is absent or no string. */
const char *text_string(const struct json_value *object, const char *path, const char *otherwise);
int64_t text_integer(const struct json_value *object, const char *path, int64_t otherwise);

/* The value as JSON again, indented by two blanks a level for an editor. */
void text_pretty(const struct json_value *value, struct buf *buf);

/* How many characters a text takes on a line; broken UTF-8 counts byte by byte. */
size_t text_width(const char *text);
/* How many bytes its first `width` characters have. */
size_t text_bytes(const char *text, size_t width);

/* A word as /bin/sh reads it back: quoted unless it is plain. */
void text_quote(const char *word, struct buf *buf);

#endif
