/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/route.h: everything that the API can be asked, in one table.
 *
 * Dispatch, permission, the check of query parameters, the metrics' labels and the OpenAPI document
 * are all derived from it, so that none of them can know a call that another does not.
 */
#ifndef CRONJOB_API_ROUTE_H
#define CRONJOB_API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/query.h"

struct call;

/* Who may ask. What they may not see is not there for them: that is for the handler to heed. */
enum access {
    ACCESS_NOBODY,  /* what a row has that says nothing: then nobody may */
    ACCESS_OPEN,    /* anybody, also without being known */
    ACCESS_SEE,     /* whoever is known */
    ACCESS_OPERATE, /* operators, editors, administrators */
    ACCESS_EDIT,    /* editors and administrators */
    ACCESS_ADMIN,   /* administrators */
};

enum body_kind {
    BODY_NONE,
    BODY_JSON,
    BODY_OPTIONAL, /* JSON, or nothing at all */
    BODY_PATCH,    /* a JSON merge patch */
};

struct api_route {
    const char *method;
    const char *path;
    const char *operation; /* its name in the API's description */
    const char *summary;
    const char *tag;
    enum access access;
    enum body_kind body;
    const char *body_schema; /* a name of api/schema.h */
    const struct query_rule *query;
    size_t query_count;
    unsigned status;      /* of success */
    const char *type;     /* the answer's content type; NULL: an empty answer */
    const char *schema;   /* of the answer; a name of api/schema.h, or NULL */
    bool many;            /* the answer is an array of it */
    const char *failures; /* further statuses, "404 409"; those every call may have are left out */
    void (*handle)(struct call *call);
    bool has_file; /* the body may hold one, up to upload-limit */
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

#endif
