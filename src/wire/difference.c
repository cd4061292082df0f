/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/difference.h"

#include <string.h>

static void write_value(struct json_writer *writer, const struct json_value *value);

static bool write_member(void *context, const char *name, const struct json_value *value)
{
    json_write_name(context, name);
    write_value(context, value);
    return true;
}

static void write_array(struct json_writer *writer, const struct json_value *array)
{
    json_write_array_begin(writer);
    for (size_t i = 0; i < json_value_count(array); i++)
        write_value(writer, json_value_at(array, i));
    json_write_array_end(writer);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a document may be */
static void write_value(struct json_writer *writer, const struct json_value *value)
{
    switch (json_value_kind(value)) {
    case JSON_KIND_NULL:
        json_write_null(writer);
        return;
    case JSON_KIND_BOOLEAN:
        json_write_boolean(writer, json_value_boolean(value));
        return;
    case JSON_KIND_INTEGER:
        json_write_integer(writer, json_value_integer(value));
        return;
    case JSON_KIND_REAL:
        json_write_number(writer, json_value_number(value));
        return;
    case JSON_KIND_STRING:
        json_write_string(writer, json_value_string(value));
        return;
    case JSON_KIND_ARRAY:
        write_array(writer, value);
        return;
    case JSON_KIND_OBJECT:
        json_write_object_begin(writer);
        json_value_members(value, write_member, writer);
        json_write_object_end(writer);
        return;
    }
}

static bool are_equal(const struct json_value *a, const struct json_value *b)
{
    AUTO_BUF struct buf first, second;
    struct json_writer writer;

    buf_init(&first, SIZE_MAX);
    buf_init(&second, SIZE_MAX);
    json_writer_init(&writer, &first);
    write_value(&writer, a);
    json_writer_init(&writer, &second);
    write_value(&writer, b);
    return first.length == second.length && memcmp(first.data, second.data, first.length) == 0;
}

struct comparison {
    const struct json_value *other;
    struct json_writer writer;
};

static bool compare_member(void *context, const char *name, const struct json_value *value)
{
    struct comparison *comparison = context;
    const struct json_value *other = json_value_member(comparison->other, name);

    if (!other || !are_equal(value, other))
        (void)write_member(&comparison->writer, name, value);
    return true;
}

/* The members of `object` that `other` has not, or not so. */
static void write_difference(const struct json_value *object, const struct json_value *other,
                             struct buf *buf)
{
    struct comparison comparison = {.other = other};

    json_writer_init(&comparison.writer, buf);
    json_write_object_begin(&comparison.writer);
    json_value_members(object, compare_member, &comparison);
    json_write_object_end(&comparison.writer);
}

enum rc wire_difference(const struct buf *before, const struct buf *after, struct buf *ret_before,
                        struct buf *ret_after)
{
    struct json_value *AUTO_JSON old = NULL;
    struct json_value *AUTO_JSON fresh = NULL;
    enum rc rc = json_document_read(before->data, before->length, &old, NULL);

    if (rc == RC_OK)
        rc = json_document_read(after->data, after->length, &fresh, NULL);
    if (rc != RC_OK)
        return rc;
    if (json_value_kind(old) != JSON_KIND_OBJECT || json_value_kind(fresh) != JSON_KIND_OBJECT)
        return RC_MALFORMED;
    write_difference(old, fresh, ret_before);
    write_difference(fresh, old, ret_after);
    return RC_OK;
}
