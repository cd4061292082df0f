/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { PATH_TEXT = 160 };

struct reading {
    const struct field *fields;
    size_t count;
    const char *prefix; /* "" or "retries." */
    struct problems *problems;
    char *target;
};

/* One member that is being read: where its problems go and where its value. */
struct member {
    struct reading *reading;
    const struct field *field;
    const struct json_value *value;
    const char *path;
    void *target;
};

static void wrong_type(const struct member *member, const char *wanted)
{
    problems_add(member->reading->problems, member->path, "must be %s, is %s", wanted,
                 json_kind_text(json_value_kind(member->value)));
}

static bool has_kind(const struct member *member, enum json_kind kind)
{
    if (json_value_kind(member->value) == kind)
        return true;
    wrong_type(member, json_kind_text(kind));
    return false;
}

static struct arena *arena_of(const struct member *member)
{
    return member->reading->problems->arena;
}

static void read_text(const struct member *member)
{
    if (has_kind(member, JSON_KIND_STRING))
        *(const char **)member->target =
            arena_strdup(arena_of(member), json_value_string(member->value));
}

static void read_boolean(const struct member *member)
{
    if (has_kind(member, JSON_KIND_BOOLEAN))
        *(bool *)member->target = json_value_boolean(member->value);
}

static void read_instant(const struct member *member)
{
    struct err err = {0};

    if (has_kind(member, JSON_KIND_STRING) &&
        instant_parse(json_value_string(member->value), member->target, &err) != RC_OK)
        problems_add(member->reading->problems, member->path, "%s", err.message);
}

/* A whole number in [least, most]; false with a problem for anything else. */
static bool whole(const struct member *member, int64_t least, int64_t most, int64_t *ret_number)
{
    int64_t number;

    if (json_value_kind(member->value) != JSON_KIND_INTEGER) {
        wrong_type(member, "a whole number");
        return false;
    }
    number = json_value_integer(member->value);
    if (number < least || number > most) {
        problems_add(member->reading->problems, member->path,
                     "%" PRId64 " is not between %" PRId64 " and %" PRId64, number, least, most);
        return false;
    }
    *ret_number = number;
    return true;
}

/* Down to the milliseconds that answers show. */
static void read_span_text(const struct member *member)
{
    struct err err = {0};
    span_us span;

    if (span_parse(json_value_string(member->value), &span, &err) == RC_OK)
        *(span_us *)member->target = span - span % MILLISECOND;
    else
        problems_add(member->reading->problems, member->path, "%s", err.message);
}

static void read_span(const struct member *member)
{
    static const int64_t longest = (int64_t)100 * 366 * 86400;
    int64_t seconds;

    switch (json_value_kind(member->value)) {
    case JSON_KIND_INTEGER:
        if (whole(member, 0, longest, &seconds))
            *(span_us *)member->target = seconds * SECOND;
        return;
    case JSON_KIND_STRING:
        read_span_text(member);
        return;
    case JSON_KIND_NULL:
    case JSON_KIND_BOOLEAN:
    case JSON_KIND_REAL:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        wrong_type(member, "whole seconds or a string like 1h30m");
    }
}

static void read_size(const struct member *member)
{
    struct err err = {0};

    switch (json_value_kind(member->value)) {
    case JSON_KIND_INTEGER:
        (void)whole(member, 0, INT64_MAX, member->target); /* a problem says it */
        return;
    case JSON_KIND_STRING:
        if (size_parse(json_value_string(member->value), member->target, &err) != RC_OK)
            problems_add(member->reading->problems, member->path, "%s", err.message);
        return;
    case JSON_KIND_NULL:
    case JSON_KIND_BOOLEAN:
    case JSON_KIND_REAL:
    case JSON_KIND_ARRAY:
    case JSON_KIND_OBJECT:
        wrong_type(member, "whole bytes or a string like 10MiB");
    }
}

static void read_choice(const struct member *member)
{
    const struct field_choice *choice = member->field->choice;
    char all[PATH_TEXT] = "";
    size_t length = 0;
    const char *text;

    if (!has_kind(member, JSON_KIND_STRING))
        return;
    text = json_value_string(member->value);
    for (size_t i = 0; i < choice->count; i++) {
        if (!strcmp(choice->texts[i], text)) {
            *(unsigned *)member->target = (unsigned)i;
            return;
        }
        length += (size_t)snprintf(all + length, sizeof(all) - length, "%s%s", i ? ", " : "",
                                   choice->texts[i]);
        CHECK(length < sizeof(all));
    }
    problems_add(member->reading->problems, member->path, "'%.80s' is not one of %s", text, all);
}

static void read_number(const struct member *member)
{
    enum json_kind kind = json_value_kind(member->value);

    if (kind == JSON_KIND_INTEGER || kind == JSON_KIND_REAL)
        *(double *)member->target = json_value_number(member->value);
    else
        wrong_type(member, "a number");
}

static void read_strings(const struct member *member)
{
    struct strings strings = {0};

    if (!has_kind(member, JSON_KIND_ARRAY))
        return;
    strings.count = json_value_count(member->value);
    strings.items = arena_alloc(arena_of(member), strings.count * sizeof(*strings.items));
    for (size_t i = 0; i < strings.count; i++) {
        const struct json_value *item = json_value_at(member->value, i);

        if (json_value_kind(item) != JSON_KIND_STRING) {
            problems_add(member->reading->problems, member->path,
                         "item %zu must be a string, is %s", i,
                         json_kind_text(json_value_kind(item)));
            return;
        }
        strings.items[i] = arena_strdup(arena_of(member), json_value_string(item));
    }
    *(struct strings *)member->target = strings;
}

struct pairs_reading {
    const struct member *member;
    struct pairs pairs;
    bool failed;
};

static bool read_pair(void *context, const char *name, const struct json_value *value)
{
    struct pairs_reading *reading = context;
    struct arena *arena = arena_of(reading->member);

    if (json_value_kind(value) != JSON_KIND_STRING) {
        problems_add(reading->member->reading->problems, reading->member->path,
                     "the value of '%.80s' must be a string, is %s", name,
                     json_kind_text(json_value_kind(value)));
        reading->failed = true;
        return false;
    }
    reading->pairs.items[reading->pairs.count++] = (struct pair){
        .name = arena_strdup(arena, name), .value = arena_strdup(arena, json_value_string(value))};
    return true;
}

static void read_pairs(const struct member *member)
{
    struct pairs_reading reading = {.member = member};

    if (!has_kind(member, JSON_KIND_OBJECT))
        return;
    reading.pairs.items = arena_alloc(arena_of(member), json_value_count(member->value) *
                                                            sizeof(*reading.pairs.items));
    json_value_members(member->value, read_pair, &reading);
    if (!reading.failed)
        *(struct pairs *)member->target = reading.pairs;
}

static bool read_member(void *context, const char *name, const struct json_value *value);

static void read_group(const struct member *member)
{
    char prefix[PATH_TEXT];
    struct reading group = *member->reading;

    if (!has_kind(member, JSON_KIND_OBJECT))
        return;
    (void)snprintf(prefix, sizeof(prefix), "%s.", member->path); /* names of our own tables */
    group.fields = member->field->members;
    group.count = member->field->member_count;
    group.prefix = prefix;
    json_value_members(member->value, read_member, &group);
}

static void read_empty(const struct member *member)
{
    enum json_kind kind = json_value_kind(member->value);
    bool nested = kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT;

    if ((nested && json_value_count(member->value)) ||
        (!nested && (kind != JSON_KIND_BOOLEAN || json_value_boolean(member->value))))
        problems_add(member->reading->problems, member->path, "not supported yet by this version");
}

static void read_value(const struct member *member)
{
    int64_t number;

    switch (member->field->kind) {
    case FIELD_TEXT:
        read_text(member);
        return;
    case FIELD_BOOLEAN:
        read_boolean(member);
        return;
    case FIELD_INSTANT:
        read_instant(member);
        return;
    case FIELD_SPAN:
        read_span(member);
        return;
    case FIELD_CHOICE:
        read_choice(member);
        return;
    case FIELD_SIZE:
        read_size(member);
        return;
    case FIELD_COUNT:
        (void)whole(member, 0, INT64_MAX, member->target); /* a problem says it */
        return;
    case FIELD_COUNT32:
        if (whole(member, 0, UINT32_MAX, &number))
            *(uint32_t *)member->target = (uint32_t)number;
        return;
    case FIELD_SIGNED:
        if (whole(member, INT32_MIN, INT32_MAX, &number))
            *(int32_t *)member->target = (int32_t)number;
        return;
    case FIELD_NUMBER:
        read_number(member);
        return;
    case FIELD_STRINGS:
        read_strings(member);
        return;
    case FIELD_PAIRS:
        read_pairs(member);
        return;
    case FIELD_GROUP:
        read_group(member);
        return;
    case FIELD_EMPTY:
        read_empty(member);
        return;
    case FIELD_IGNORED:
        return;
    }
}

static bool read_member(void *context, const char *name, const struct json_value *value)
{
    struct reading *reading = context;
    char path[PATH_TEXT];

    (void)snprintf(path, sizeof(path), "%s%.80s", reading->prefix, name); /* cut is fine */
    for (size_t i = 0; i < reading->count; i++) {
        const struct field *field = &reading->fields[i];
        struct member member = {reading, field, value, path, reading->target + field->offset};

        if (strcmp(field->name, name) != 0)
            continue;
        if (json_value_kind(value) != JSON_KIND_NULL)
            read_value(&member);
        return true;
    }
    problems_add(reading->problems, path, "unknown field");
    return true;
}

bool fields_read(const struct json_value *object, const struct field *fields, size_t count,
                 struct problems *problems, void *ret_struct)
{
    struct reading reading = {fields, count, "", problems, ret_struct};
    size_t before = problems->count;

    json_value_members(object, read_member, &reading);
    return problems->count == before;
}

static const struct {
    const char *name;
    int64_t bytes;
} units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

enum rc size_parse(const char *text, int64_t *ret_size, struct err *err)
{
    const char *at = text;
    int64_t number = 0, size;

    for (; *at >= '0' && *at <= '9' && number < INT64_MAX / 10 - 9; at++)
        number = number * 10 + (*at - '0');
    for (size_t i = 0; at > text && i < ARRAY_SIZE(units); i++) {
        if (strcmp(at, units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(number, units[i].bytes, &size))
            break;
        *ret_size = size;
        return RC_OK;
    }
    return err_fail(err, RC_INVALID, "'%.64s' is not a size like 512KiB, 10MiB or 1GiB", text);
}

void json_member_size(struct json_writer *writer, const char *name, int64_t size)
{
    char text[32];

    for (size_t i = 0; size && units[i].bytes > 1; i++) {
        if (size % units[i].bytes)
            continue;
        (void)snprintf(text, sizeof(text), "%" PRId64 "%s", size / units[i].bytes, units[i].name);
        json_member_string(writer, name, text);
        return;
    }
    json_member_integer(writer, name, size);
}
