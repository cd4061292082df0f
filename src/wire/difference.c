/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/difference.h"

#include <stdbool.h>
#include <string.h>

/* What is left of an object's text: its members, each with a comma or the last brace behind it. */
struct rest {
    const char *at, *end;
};

struct member {
    const char *text; /* "name":value */
    size_t name_length, length;
};

/* Behind the string that begins here, or NULL. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : NULL;
}

/* At the comma or brace behind the value that begins here, or NULL. */
static const char *skip_value(const char *at, const char *end)
{
    size_t depth = 0;

    while (at && at < end) {
        if (!depth && (*at == ',' || *at == '}'))
            return at;
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at = *at == '"' ? skip_string(at, end) : at + 1;
    }
    return NULL;
}

static bool begin(const struct buf *object, struct rest *ret_rest)
{
    if (!object->length || object->data[0] != '{' || object->data[object->length - 1] != '}')
        return false;
    *ret_rest = (struct rest){object->data + 1, object->data + object->length};
    return true;
}

/* False: there are no more, or it is no object. */
static bool next(struct rest *rest, struct member *ret_member)
{
    const char *name_end, *end;

    if (rest->at >= rest->end || *rest->at != '"')
        return false;
    name_end = skip_string(rest->at, rest->end);
    end = name_end && *name_end == ':' ? skip_value(name_end, rest->end) : NULL;
    if (!end)
        return false;
    *ret_member =
        (struct member){rest->at, (size_t)(name_end - rest->at), (size_t)(end - rest->at)};
    rest->at = end + 1;
    return true;
}

static bool begins_with(const struct rest *rest, const struct member *wanted)
{
    return wanted->length < (size_t)(rest->end - rest->at) &&
           (rest->at[wanted->length] == ',' || rest->at[wanted->length] == '}') &&
           !memcmp(rest->at, wanted->text, wanted->length);
}

/* Whether the same follows in the other object. Steps over what has at least its name. */
static bool is_next(struct rest *rest, const struct member *wanted)
{
    struct rest ahead = *rest;
    struct member member;

    if (begins_with(rest, wanted)) {
        rest->at += wanted->length + 1;
        return true;
    }
    if (next(&ahead, &member) && member.name_length == wanted->name_length &&
        !memcmp(member.text, wanted->text, wanted->name_length))
        *rest = ahead;
    return false;
}

/* Looks from `rest` on, where it is when the order is the same, and then from the beginning. */
static bool has(const struct buf *object, struct rest *rest, const struct member *wanted)
{
    struct rest other = *rest;
    struct member member;

    if (is_next(rest, wanted))
        return true;
    if (rest->at != other.at)
        return false;
    (void)begin(object, &other);
    while (!begins_with(&other, wanted)) {
        if (!next(&other, &member))
            return false;
    }
    return true;
}

enum rc wire_difference(const struct buf *object, const struct buf *other,
                        struct buf *ret_difference)
{
    struct rest rest, place;
    struct member member;
    const char *comma = "{";

    if (!begin(object, &rest) || !begin(other, &place))
        return RC_MALFORMED;
    while (next(&rest, &member)) {
        if (has(other, &place, &member))
            continue;
        (void)buf_puts(ret_difference, comma);
        (void)buf_append(ret_difference, member.text, member.length);
        comma = ",";
    }
    if (rest.at != rest.end && rest.at + 1 != rest.end)
        return RC_MALFORMED;
    return buf_puts(ret_difference, *comma == '{' ? "{}" : "}");
}
