/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/* Reads digits and moves behind them; a number that is too large is the largest. */
static bool take_number(const char **text, int64_t *ret_number)
{
    const char *c = *text;
    int64_t number = 0;

    for (; *c >= '0' && *c <= '9'; c++) {
        int64_t digit = *c - '0';

        number = number > (INT64_MAX - digit) / 10 ? INT64_MAX : number * 10 + digit;
    }
    if (c == *text)
        return false;
    *text = c;
    *ret_number = number;
    return true;
}

/* "-500": the last 500 bytes. */
static enum http_range_outcome suffix(int64_t length, int64_t size, struct http_range *ret_range)
{
    if (!length)
        return HTTP_RANGE_UNSATISFIABLE;
    if (!size)
        return HTTP_RANGE_NONE;
    *ret_range = (struct http_range){length < size ? size - length : 0, size - 1};
    return HTTP_RANGE_PART;
}

enum http_range_outcome http_range_parse(const char *value, int64_t size,
                                         struct http_range *ret_range)
{
    int64_t first, last = INT64_MAX;

    if (!value || strncasecmp(value, "bytes=", 6) != 0)
        return HTTP_RANGE_NONE;
    value += 6;
    if (*value == '-') {
        value++;
        if (!take_number(&value, &first) || *value)
            return HTTP_RANGE_NONE;
        return suffix(first, size, ret_range);
    }
    if (!take_number(&value, &first) || *value++ != '-')
        return HTTP_RANGE_NONE;
    if (*value && (!take_number(&value, &last) || *value || last < first))
        return HTTP_RANGE_NONE;
    if (first >= size)
        return HTTP_RANGE_UNSATISFIABLE;
    *ret_range = (struct http_range){first, last < size ? last : size - 1};
    return HTTP_RANGE_PART;
}
