/* SPDX-License-Identifier: Apache-2.0 */
/* A request's target and the route it takes, from any bytes. */
#include <string.h>

#include "base/check.h"

#include "fuzz.h"
#include "http/route.h"

static const struct http_route routes[] = {
    {.method = "GET", .path = "/"},
    {.method = "GET", .path = "/jobs"},
    {.method = "GET", .path = "/jobs/recent"},
    {.method = "GET", .path = "/jobs/{id}"},
    {.method = "DELETE", .path = "/jobs/{id}"},
    {.method = "GET", .path = "/jobs/{id}/runs/{run}"},
};

/* A parameter is never empty, never a step in a path, and only ever what one segment holds. */
static void check_match(const struct http_match *match, const char *path)
{
    size_t slashes = 0, expected = 0;

    for (const char *c = path; *c; c++)
        slashes += *c == '/';
    for (const char *c = match->route->path; *c; c++)
        expected += *c == '/';
    CHECK(slashes == expected);
    for (size_t i = 0; i < match->parameter_count; i++) {
        const char *value = match->parameters[i].value;

        CHECK(*value && strcmp(value, ".") != 0 && strcmp(value, "..") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    AUTO_BUF struct buf allow;
    const char *text = arena_strndup(&arena, (const char *)data, size);
    struct http_match match = {0};
    struct http_target target;
    struct err err;

    buf_init(&allow, 256);
    if (http_target_parse(&arena, text, &target, &err) != RC_OK)
        return 0;
    for (size_t i = 0; i < target.query_count; i++)
        CHECK(target.query[i].name && target.query[i].value);
    if (http_route_match(routes, ARRAY_SIZE(routes), "HEAD", target.path, &arena, &match) ==
        HTTP_MATCHED)
        check_match(&match, target.path);
    http_route_allow(routes, ARRAY_SIZE(routes), target.path, &allow);
    CHECK(!allow.failed);
    return 0;
}
