/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/field.h: the members of a JSON object, read into a struct as a table says.
 *
 * Each row names a member, the kind of its value and where it goes. What is wrong becomes a problem
 * on the member's path ("retries.limit"), and reading goes on, so that a user sees all mistakes at
 * once. A member that is absent or null leaves the struct as it was, with its default. A member
 * without a row is a problem: a typing mistake must not pass for a default.
 */
#ifndef CRONJOB_WIRE_FIELD_H
#define CRONJOB_WIRE_FIELD_H

#include <stddef.h>

#include "core/job.h"

#include "wire/json.h"

enum field_kind {
    FIELD_TEXT,    /* const char * */
    FIELD_BOOLEAN, /* bool */
    FIELD_INSTANT, /* instant_us */
    FIELD_SPAN,    /* span_us: seconds, or a text like "1h30m" */
    FIELD_CHOICE,  /* an enum, by `choice` */
    FIELD_SIZE,    /* int64_t: bytes, or a text like "10MiB" */
    FIELD_COUNT,   /* int64_t, not negative */
    FIELD_COUNT32, /* uint32_t */
    FIELD_SIGNED,  /* int32_t */
    FIELD_NUMBER,  /* double */
    FIELD_STRINGS, /* struct strings */
    FIELD_PAIRS,   /* struct pairs */
    FIELD_GROUP,   /* an object of `members`, whose offsets are in the same struct */
    FIELD_IGNORED, /* written by the system: accepted, so that an answer can be sent back */
    FIELD_EMPTY,   /* not supported: only an empty array, empty object or false is accepted */
};

struct field_choice {
    const char *const *texts; /* indexed by the value */
    size_t count;
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    const struct field_choice *choice;
    const struct field *members;
    size_t member_count;
};

/* Rows of a table. */
#define FIELD(text, kind_of, at)                          \
    {                                                     \
        .name = (text), .kind = (kind_of), .offset = (at) \
    }
#define FIELD_OF(text, at, choices)                                                \
    {                                                                              \
        .name = (text), .kind = FIELD_CHOICE, .offset = (at), .choice = &(choices) \
    }
#define FIELD_WITH(text, table)                                                                    \
    {                                                                                              \
        .name = (text), .kind = FIELD_GROUP, .members = (table), .member_count = ARRAY_SIZE(table) \
    }

/* Memory of the values comes from problems->arena. Answers whether there was no problem. */
bool fields_read(const struct json_value *object, const struct field *fields, size_t count,
                 struct problems *problems, void *ret_struct);

/* "10MiB" -> bytes; units B KiB MiB GiB. RC_INVALID says what is wrong. */
MUST_USE enum rc size_parse(const char *text, int64_t *ret_size, struct err *err);

/* A member of bytes: a text with a unit when that is exact, else a number. */
void json_member_size(struct json_writer *writer, const char *name, int64_t size);

#endif
