/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/query.h: query parameters, checked against the rules of a route before its handler runs.
 *
 * A parameter that the route does not know, that is given twice, or whose value is not acceptable
 * is a problem with its name as the field: a typing mistake must not silently list everything.
 * Handlers then read values which they know to be good.
 */
#ifndef CRONJOB_API_QUERY_H
#define CRONJOB_API_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#include "core/job.h"

#include "http/server.h"

enum query_kind {
    QUERY_TEXT,    /* up to 1000 bytes */
    QUERY_INTEGER, /* least ... most */
    QUERY_BOOLEAN, /* true, false */
    QUERY_INSTANT, /* RFC 3339 */
    QUERY_WORD,    /* one of `words` */
    QUERY_LABEL,   /* name:value */
    QUERY_RUN,     /* a run's id */
};

struct query_rule {
    const char *name;
    enum query_kind kind;
    bool required;
    int64_t least, most;
    const char *const *words; /* NULL at the end */
    const char *description;
};

/* Adds what is wrong with the request's parameters to `problems`. */
void query_check(const struct http_request *request, const struct query_rule *rules, size_t count,
                 struct problems *problems);

/* After query_check(); `missing` when the parameter is not there. */
int64_t query_integer(const struct http_request *request, const char *name, int64_t missing);
bool query_boolean(const struct http_request *request, const char *name);
instant_us query_instant(const struct http_request *request, const char *name, instant_us missing);

#endif
