/* SPDX-License-Identifier: Apache-2.0 */
#include "http/route.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL when an escape is broken or stands for NUL. */
static const char *decode(struct arena *arena, const char *text, size_t length, bool plus_is_space)
{
    char *decoded = arena_alloc(arena, length + 1), *out = decoded;

    for (size_t i = 0; i < length; i++, out++) {
        int high, low;

        *out = text[i] == '+' && plus_is_space ? ' ' : text[i];
        if (text[i] != '%')
            continue;
        high = i + 1 < length ? hex_value(text[i + 1]) : -1;
        low = i + 2 < length ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0)
            return NULL;
        *out = (char)(high * 16 + low);
        i += 2;
    }
    *out = '\0';
    return decoded;
}

static enum rc parse_query(struct arena *arena, const char *text, struct http_target *target,
                           struct err *err)
{
    size_t count = 1;

    for (const char *c = text; *c; c++)
        count += *c == '&';
    target->query = arena_alloc(arena, count * sizeof(*target->query));
    while (*text) {
        size_t length = strcspn(text, "&");
        size_t name = strcspn(text, "=&");
        struct http_pair pair;

        pair.name = decode(arena, text, name, true);
        pair.value = name < length ? decode(arena, text + name + 1, length - name - 1, true) : "";
        if (!pair.name || !pair.value)
            return err_fail(err, RC_MALFORMED, "a broken %% escape in the query");
        if (length)
            target->query[target->query_count++] = pair;
        text += length + (text[length] == '&');
    }
    return RC_OK;
}

/* RFC 9112, 3.2.2: a server must accept the absolute form, though clients send it to proxies. */
static const char *skip_origin(const char *text)
{
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : 0;

    if (strncasecmp(text, "https://", 8) == 0)
        scheme = 8;
    return scheme ? text + scheme + strcspn(text + scheme, "/?") : text;
}

enum rc http_target_parse(struct arena *arena, const char *text, struct http_target *ret_target,
                          struct err *err)
{
    struct http_target target = {0};
    size_t length;
    enum rc rc = RC_OK;

    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == '\x7f' || *c == '#')
            return err_fail(err, RC_MALFORMED, "the target holds a byte that no URI may hold");
    text = skip_origin(text);
    if (*text != '/')
        return err_fail(err, RC_MALFORMED, "the target is not a path");
    length = strcspn(text, "?");
    target.path = arena_strndup(arena, text, length);
    if (text[length])
        rc = parse_query(arena, text + length + 1, &target, err);
    if (rc == RC_OK)
        *ret_target = target;
    return rc;
}

struct span {
    const char *text;
    size_t length;
};

/* Splits at the slash behind `*path` and moves there. */
static struct span next_segment(const char **path)
{
    struct span segment = {*path + 1, strcspn(*path + 1, "/")};

    *path = segment.text + segment.length;
    return segment;
}

/* Whether the path has the pattern's form; names and values of parameters are still raw. */
static bool fits(const char *pattern, const char *path, struct span (*parameters)[2],
                 size_t *ret_count)
{
    size_t count = 0;

    while (*pattern && *path) {
        struct span expected = next_segment(&pattern);
        struct span segment = next_segment(&path);

        if (*expected.text == '{') {
            CHECK(count < HTTP_PARAMETERS);
            parameters[count][0] = (struct span){expected.text + 1, expected.length - 2};
            parameters[count++][1] = segment;
            if (!segment.length)
                return false;
        } else if (segment.length != expected.length ||
                   memcmp(segment.text, expected.text, expected.length) != 0) {
            return false;
        }
    }
    *ret_count = count;
    return !*pattern && !*path;
}

static enum http_match_outcome take_parameters(struct arena *arena, struct span (*raw)[2],
                                               size_t count, struct http_match *match)
{
    for (size_t i = 0; i < count; i++) {
        struct span name = raw[i][0];
        struct span value = raw[i][1];
        struct http_pair *pair = &match->parameters[i];

        pair->name = arena_strndup(arena, name.text, name.length);
        pair->value = decode(arena, value.text, value.length, false);
        if (!pair->value)
            return HTTP_BAD_PATH;
        if (strcmp(pair->value, ".") == 0 || strcmp(pair->value, "..") == 0)
            return HTTP_NO_PATH;
    }
    match->parameter_count = count;
    return HTTP_MATCHED;
}

enum http_match_outcome http_route_match(const struct http_route *routes, size_t count,
                                         const char *method, const char *path, struct arena *arena,
                                         struct http_match *ret_match)
{
    enum http_match_outcome outcome = HTTP_NO_PATH;
    struct span parameters[HTTP_PARAMETERS][2];
    size_t parameter_count;

    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (size_t i = 0; i < count; i++) {
        if (!fits(routes[i].path, path, parameters, &parameter_count))
            continue;
        outcome = HTTP_NO_METHOD;
        if (strcmp(routes[i].method, method) != 0)
            continue;
        *ret_match = (struct http_match){.route = &routes[i]};
        return take_parameters(arena, parameters, parameter_count, ret_match);
    }
    return outcome;
}

static void add_method(struct buf *buf, const char *method)
{
    if (!strstr(buf->data, method)) /* no method's name is part of another's */
        (void)buf_printf(buf, "%s%s", buf->length ? ", " : "", method);
}

void http_route_allow(const struct http_route *routes, size_t count, const char *path,
                      struct buf *buf)
{
    struct span parameters[HTTP_PARAMETERS][2];
    size_t parameter_count;

    for (size_t i = 0; i < count; i++) {
        if (!fits(routes[i].path, path, parameters, &parameter_count))
            continue;
        add_method(buf, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            add_method(buf, "HEAD");
    }
}

bool http_type_is(const char *type, const char *types)
{
    size_t length = strcspn(type, "; \t");

    while (*types) {
        size_t expected = strcspn(types, ", ");

        if (expected == length && length && strncasecmp(type, types, length) == 0)
            return true;
        types += expected + strspn(types + expected, ", ");
    }
    return false;
}
