/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "base/check.h"

#include "wire/json.h"

/* A `struct json_value` is jansson's json_t by another name, so that its header stays here. */
static json_t *inner(struct json_value *value)
{
    return (json_t *)value;
}

static const json_t *view(const struct json_value *value)
{
    return (const json_t *)value;
}

static const struct json_value *outer(const json_t *value)
{
    return (const struct json_value *)value;
}

static bool is_nested(const json_t *value)
{
    return json_is_array(value) || json_is_object(value);
}

/* Whether no array or object lies deeper than `levels`; recursion ends at that depth too. */
static bool fits_depth(json_t *value, int levels)
{
    const char *name;
    json_t *item;
    size_t index;

    if (!is_nested(value))
        return true;
    if (levels == 0)
        return false;
    json_array_foreach(value, index, item)
    {
        if (!fits_depth(item, levels - 1))
            return false;
    }
    json_object_foreach(value, name, item)
    {
        if (!fits_depth(item, levels - 1))
            return false;
    }
    return true;
}

enum rc json_document_read(const char *text, size_t length, struct json_value **ret_document,
                           struct err *err)
{
    json_error_t error;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);

    if (!document)
        return err_fail(err, RC_MALFORMED, "not JSON: line %d, column %d: %s", error.line,
                        error.column, error.text);
    if (!fits_depth(document, LIMIT_JSON_DEPTH)) {
        json_decref(document);
        return err_fail(err, RC_MALFORMED, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
    }
    *ret_document = (struct json_value *)document;
    return RC_OK;
}

void json_document_free(struct json_value *document)
{
    json_decref(inner(document));
}

void json_document_free_at(struct json_value **document)
{
    json_document_free(*document);
}

/* RFC 7396 section 2: what replaces `target` when `patch` is an object; else it is the patch. */
static void merge(json_t *target, const json_t *patch)
{
    void *at = json_object_iter((json_t *)(uintptr_t)patch);

    for (; at; at = json_object_iter_next((json_t *)(uintptr_t)patch, at)) {
        const char *name = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        json_t *member;

        if (json_is_null(value)) {
            (void)json_object_del(target, name); /* one that is not there is fine */
            continue;
        }
        if (!json_is_object(value)) {
            CHECK(!json_object_set(target, name, value));
            continue;
        }
        member = json_object_get(target, name);
        if (!json_is_object(member)) {
            CHECK(!json_object_set_new(target, name, json_object()));
            member = json_object_get(target, name);
        }
        merge(member, value);
    }
}

void json_document_merge(struct json_value *target, const struct json_value *patch)
{
    CHECK(json_is_object(view(target)) && json_is_object(view(patch)));
    merge(inner(target), view(patch));
}

enum json_kind json_value_kind(const struct json_value *value)
{
    switch (json_typeof(view(value))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_ARRAY;
    case JSON_STRING:
        return JSON_KIND_STRING;
    case JSON_INTEGER:
        return JSON_KIND_INTEGER;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOLEAN;
    case JSON_NULL:
        return JSON_KIND_NULL;
    }
    return JSON_KIND_NULL;
}

const char *json_kind_text(enum json_kind kind)
{
    static const char *const texts[] = {
        [JSON_KIND_NULL] = "null",        [JSON_KIND_BOOLEAN] = "a boolean",
        [JSON_KIND_INTEGER] = "a number", [JSON_KIND_REAL] = "a number",
        [JSON_KIND_STRING] = "a string",  [JSON_KIND_ARRAY] = "an array",
        [JSON_KIND_OBJECT] = "an object"};

    return texts[kind];
}

bool json_value_boolean(const struct json_value *value)
{
    CHECK(json_is_boolean(view(value)));
    return json_is_true(view(value));
}

int64_t json_value_integer(const struct json_value *value)
{
    CHECK(json_is_integer(view(value)));
    return json_integer_value(view(value));
}

double json_value_number(const struct json_value *value)
{
    CHECK(json_is_number(view(value)));
    return json_number_value(view(value));
}

const char *json_value_string(const struct json_value *value)
{
    CHECK(json_is_string(view(value)));
    return json_string_value(view(value));
}

size_t json_value_count(const struct json_value *value)
{
    return json_is_array(view(value)) ? json_array_size(view(value))
                                      : json_object_size(view(value));
}

const struct json_value *json_value_at(const struct json_value *array, size_t index)
{
    return outer(json_array_get(view(array), index));
}

const struct json_value *json_value_member(const struct json_value *object, const char *name)
{
    return outer(json_object_get(view(object), name));
}

void json_value_members(const struct json_value *object, json_member_visit visit, void *context)
{
    /* jansson's iterator takes a pointer that it does not write through. */
    json_t *members = (json_t *)(uintptr_t)object;

    for (void *at = json_object_iter(members); at; at = json_object_iter_next(members, at)) {
        if (!visit(context, json_object_iter_key(at), outer(json_object_iter_value(at))))
            return;
    }
}
