/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields, a line each as "name:value", the first line being HTTP/1.0 or not, and what is
 * read out of single ones: Range and Content-Type. */
#include <string.h>

#include "base/arena.h"
#include "base/check.h"

#include "fuzz.h"
#include "http/head.h"
#include "http/range.h"
#include "http/route.h"

static void check_range(const char *value, int64_t size)
{
    struct http_range range;

    if (http_range_parse(value, size, &range) == HTTP_RANGE_PART)
        CHECK(range.first >= 0 && range.first <= range.last && range.last < size);
}

static void take_line(struct arena *arena, struct http_head *head, const char *line)
{
    size_t name = strcspn(line, ":");
    const char *value = line[name] ? line + name + 1 : "";

    http_head_take(head, arena_strndup(arena, line, name), name, value, strlen(value));
    check_range(value, 0);
    check_range(value, 1000);
    check_range(value, INT64_MAX);
    (void)http_type_is(value, "application/json, text/plain");
    (void)http_type_is("application/json", value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    char *text = arena_strndup(&arena, (const char *)data, size);
    struct http_head head = {0};
    bool is_1_0 = size && *text == '0';

    while (text) {
        char *line = strsep(&text, "\n");

        take_line(&arena, &head, line);
    }
    if (!http_head_problem(&head, is_1_0)) {
        CHECK(!head.has_length || !head.chunked);
        CHECK(head.hosts == 1 || (is_1_0 && !head.hosts));
        CHECK(head.length < (uint64_t)1000000000000000000);
    }
    return 0;
}
