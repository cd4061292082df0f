/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include <string.h>
#include <strings.h>

/* RFC 9110, 5.6.2: tchar. */
static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && (!c || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return length > 0;
}

static bool is_text(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == '\x7f')
            return false;
    return true;
}

static bool is(const char *name, size_t length, const char *expected)
{
    return strlen(expected) == length && strncasecmp(name, expected, length) == 0;
}

/* RFC 9110, 8.6: digits only. More than 18 of them is more than anybody may send. */
static void take_length(struct http_head *head, const char *value, size_t length)
{
    uint64_t number = 0;

    if (head->has_length)
        head->problem = "more than one Content-Length";
    if (!length || length > 18 || strspn(value, "0123456789") != length)
        head->problem = "Content-Length is not a number";
    for (size_t i = 0; i < length && !head->problem; i++)
        number = number * 10 + (uint64_t)(value[i] - '0');
    head->has_length = true;
    head->length = number;
}

void http_head_take(struct http_head *head, const char *name, size_t name_length, const char *value,
                    size_t value_length)
{
    while (value_length && (value[value_length - 1] == ' ' || value[value_length - 1] == '\t'))
        value_length--;
    if (head->problem)
        return;
    if (!is_token(name, name_length))
        head->problem = "the name of a header field is not a token";
    else if (!is_text(value, value_length))
        head->problem = "a header field holds a control byte";
    else if (is(name, name_length, "Content-Length"))
        take_length(head, value, value_length);
    else if (is(name, name_length, "Transfer-Encoding")) {
        if (head->chunked || !is(value, value_length, "chunked"))
            head->problem = "a Transfer-Encoding other than chunked";
        head->chunked = true;
    } else if (is(name, name_length, "Host"))
        head->hosts++;
    else if (is(name, name_length, "Content-Type") && !head->type)
        head->type = value;
    else if (is(name, name_length, "Expect") && is(value, value_length, "100-continue"))
        head->expects_continue = true;
}

const char *http_head_problem(const struct http_head *head, bool is_1_0)
{
    if (head->problem)
        return head->problem;
    if (head->has_length && head->chunked)
        return "both Content-Length and Transfer-Encoding";
    if (head->chunked && is_1_0)
        return "Transfer-Encoding in HTTP/1.0";
    if (head->hosts > 1 || (!head->hosts && !is_1_0))
        return head->hosts ? "more than one Host" : "no Host";
    return NULL;
}
