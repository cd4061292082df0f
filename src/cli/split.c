/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/split.h"

#include <string.h>

enum { ELEMENT_LIMIT = 4 * 1024 * 1024 };

void split_init(struct split *split)
{
    *split = (struct split){0};
    buf_init(&split->element, ELEMENT_LIMIT);
}

void split_release(struct split *split)
{
    buf_release(&split->element);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void follow_string(struct split *split, char c)
{
    if (split->escaped)
        split->escaped = false;
    else if (c == '\\')
        split->escaped = true;
    else if (c == '"')
        split->in_string = false;
}

static void follow_nesting(struct split *split, char c)
{
    if (c == '"')
        split->in_string = true;
    else if (c == '[' || c == '{')
        split->depth++;
    else if (c == ']' || c == '}')
        split->depth--;
}

static enum rc hand_out(struct split *split, split_visit visit, void *context)
{
    if (split->element.length == 0)
        return RC_OK;
    bool goes_on = visit(context, split->element.data, split->element.length);
    buf_reset(&split->element);
    return goes_on ? RC_OK : RC_CLOSED;
}

/* A character of the array itself, between elements or at their ends; false when it is a part of
 * one. */
static bool is_between(const struct split *split, char c)
{
    return split->depth == 1 && (c == ',' || c == ']' || is_blank(c));
}

static enum rc take(struct split *split, char c, split_visit visit, void *context)
{
    if (split->in_string)
        follow_string(split, c);
    else if (is_between(split, c)) {
        split->ended = c == ']';
        return is_blank(c) ? RC_OK : hand_out(split, visit, context);
    } else
        follow_nesting(split, c);
    return buf_putc(&split->element, c);
}

enum rc split_feed(struct split *split, const char *data, size_t length, split_visit visit,
                   void *context, struct err *err)
{
    for (size_t i = 0; i < length && !split->ended; i++) {
        if (split->depth == 0 && is_blank(data[i]))
            continue;
        if (split->depth == 0 && data[i] != '[')
            return err_fail(err, RC_MALFORMED, "the server's answer is not a list");
        if (split->depth == 0) {
            split->depth = 1;
            continue;
        }
        enum rc rc = take(split, data[i], visit, context);
        if (rc == RC_TOO_BIG)
            return err_fail(err, rc, "an element of the server's answer is too large");
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}
