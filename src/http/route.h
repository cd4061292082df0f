/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/route.h: what a request's target means: its path, its query and the route it takes. Pure.
 *
 * There is one spelling of each path. A literal segment is matched as it was sent, byte by byte, so
 * that no other way to write it (%6A for j, other case, "//", "/./", a slash at the end) reaches
 * what a rule in front of the server was meant to keep closed. Only parameters are decoded, once,
 * after the path was split: %2F in one is a slash in its value and never a separator.
 */
#ifndef CRONJOB_HTTP_ROUTE_H
#define CRONJOB_HTTP_ROUTE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include "http/server.h"

struct http_pair {
    const char *name;
    const char *value;
};

struct http_target {
    const char *path; /* as it was sent */
    struct http_pair *query;
    size_t query_count;
};

/*
 * Reads "/jobs?limit=5" and "http://host/jobs?limit=5". In the query "+" is a space and a name
 * without "=" has the value "". RC_MALFORMED: not a path, a byte that no URI may hold, a broken
 * escape in the query, a NUL.
 */
MUST_USE enum rc http_target_parse(struct arena *arena, const char *text,
                                   struct http_target *ret_target, struct err *err);

enum { HTTP_PARAMETERS = 4 }; /* of one path */

struct http_match {
    const struct http_route *route;
    struct http_pair parameters[HTTP_PARAMETERS];
    size_t parameter_count;
};

enum http_match_outcome {
    HTTP_MATCHED,
    HTTP_NO_PATH,   /* 404 */
    HTTP_NO_METHOD, /* 405: the path exists, see http_route_allow() */
    HTTP_BAD_PATH,  /* 400: a broken escape or a NUL in a parameter */
};

/* The first route of the table for this method and path; HEAD takes GET's. */
enum http_match_outcome http_route_match(const struct http_route *routes, size_t count,
                                         const char *method, const char *path, struct arena *arena,
                                         struct http_match *ret_match);

/* The methods of a path, "GET, HEAD, POST", for Allow. */
void http_route_allow(const struct http_route *routes, size_t count, const char *path,
                      struct buf *buf);

/* Whether `type` ("application/json; charset=utf-8") is one of `types` ("text/plain, application/
 * json"): parameters are not looked at, case does not matter. */
bool http_type_is(const char *type, const char *types);

#endif
