/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/json.h: JSON, read into a tree and written as a stream.
 *
 * Reading is strict RFC 8259 with limits: nesting up to LIMIT_JSON_DEPTH, no name twice in one
 * object, integers that fit int64_t, no NUL inside a string, valid UTF-8. The size of the text is
 * its caller's to limit. A tree is for one document of a request; lists are never made into one.
 *
 * Writing goes straight onto a buffer. A writer needs no release; when the buffer's limit is
 * reached the text is cut and buf->failed says so. Wrong nesting is a broken invariant (CHECK).
 */
#ifndef CRONJOB_WIRE_JSON_H
#define CRONJOB_WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/job.h"

/* ---- reading ------------------------------------------------------------------------------- */

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOLEAN,
    JSON_KIND_INTEGER,
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

/* A value inside a document; lives as long as it. */
struct json_value;

/* A document of any kind of value. RC_MALFORMED names line and column. */
MUST_USE enum rc json_document_read(const char *text, size_t length,
                                    struct json_value **ret_document, struct err *err);
void json_document_free(struct json_value *document);
void json_document_free_at(struct json_value **document);
#define AUTO_JSON CLEANUP(json_document_free_at)

/* RFC 7396: the patch's members replace those of the target, null removes, objects merge. Both
 * documents are objects; the target is changed and keeps no part of the patch that changes later.
 */
void json_document_merge(struct json_value *target, const struct json_value *patch);

enum json_kind json_value_kind(const struct json_value *value);
const char *json_kind_text(enum json_kind kind); /* "an object", "a string" */

/* Of a value of that kind only; number also reads integers. */
bool json_value_boolean(const struct json_value *value);
int64_t json_value_integer(const struct json_value *value);
double json_value_number(const struct json_value *value);
const char *json_value_string(const struct json_value *value);

/* Elements of an array, members of an object. */
size_t json_value_count(const struct json_value *value);
const struct json_value *json_value_at(const struct json_value *array, size_t index);
const struct json_value *json_value_member(const struct json_value *object, const char *name);

/* Members in their order in the text: visit each until it answers false. */
typedef bool (*json_member_visit)(void *context, const char *name, const struct json_value *value);
void json_value_members(const struct json_value *object, json_member_visit visit, void *context);

/* ---- writing ------------------------------------------------------------------------------- */

enum { JSON_WRITER_DEPTH = LIMIT_JSON_DEPTH };

struct json_writer {
    struct buf *buf;
    int depth;
    bool after_name;                /* a member's name is written, its value is to come */
    bool filled[JSON_WRITER_DEPTH]; /* the level has an element already: a comma comes first */
    char closer[JSON_WRITER_DEPTH]; /* '}' or ']' of each level that is open */
};

/* Writes one value, or several in a row (with an array opened by hand), onto `buf`. */
void json_writer_init(struct json_writer *writer, struct buf *buf);

void json_write_object_begin(struct json_writer *writer);
void json_write_object_end(struct json_writer *writer);
void json_write_array_begin(struct json_writer *writer);
void json_write_array_end(struct json_writer *writer);

/* The name of the next member. */
void json_write_name(struct json_writer *writer, const char *name);

/* Invalid UTF-8 becomes U+FFFD. NULL writes null. */
void json_write_string(struct json_writer *writer, const char *text);
void json_write_integer(struct json_writer *writer, int64_t number);
void json_write_number(struct json_writer *writer, double number); /* finite */
void json_write_boolean(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);
void json_write_raw(struct json_writer *writer, const char *text, size_t length); /* one value */
/* The members of a written object, without its braces; NULL or {} adds none. */
void json_write_members(struct json_writer *writer, const char *object, size_t length);

/* A member in one call. */
void json_member_string(struct json_writer *writer, const char *name, const char *text);
/* "" is written as null. */
void json_member_text(struct json_writer *writer, const char *name, const char *text);
void json_member_integer(struct json_writer *writer, const char *name, int64_t number);
void json_member_number(struct json_writer *writer, const char *name, double number);
void json_member_boolean(struct json_writer *writer, const char *name, bool value);
void json_member_null(struct json_writer *writer, const char *name);
/* RFC 3339; INSTANT_NONE is written as null. */
void json_member_instant(struct json_writer *writer, const char *name, instant_us instant);
void json_member_span(struct json_writer *writer, const char *name, span_us span);
/* A decimal number as a string, as the API gives ids. */
void json_member_id(struct json_writer *writer, const char *name, uint64_t id);
void json_member_pairs(struct json_writer *writer, const char *name, const struct pairs *pairs);
void json_member_strings(struct json_writer *writer, const char *name,
                         const struct strings *strings);

#endif
