/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/call.h: the server's state, and one request on its way through it. Private to api/.
 *
 * A call lives in the arena of its request. Its answer is given exactly once; afterwards neither
 * exists any more.
 */
#ifndef CRONJOB_API_CALL_H
#define CRONJOB_API_CALL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"

#include "core/rights.h"

#include "api/api.h"
#include "api/audit.h"
#include "api/guard.h"
#include "api/import.h"
#include "api/route.h"
#include "http/server.h"

struct backends;
struct hub;
struct intake;
struct people;
struct rate;
struct sign_ins;
struct transfers;

struct api {
    struct api_config config; /* strings are our own copies */
    struct guard guard;
    struct arena arena;      /* of the strings here */
    const char *own_account; /* the name of config.uid */
    bool has_tls;            /* who reaches us does so by HTTPS */
    struct http_route *routes;
    struct http_server *server;
    struct backends *backends;
    struct hub *hub;
    struct people *people;
    struct sign_ins *sign_ins;
    struct rate *rate;
    struct audit_budget audit;
    struct transfers *transfers;
    struct transfers *readers;   /* of outputs */
    struct transfers *passwords; /* hashed and compared, which takes a while */
    struct import_sources sources;
    struct http_intake intake; /* of the bodies of jobs */
    atomic_uint uploads;       /* files that are arriving, or on their way on */
    struct buf openapi;        /* the document, made once */
    atomic_bool draining;
    pthread_mutex_t ready_mutex; /* protects the two below */
    bool ready;
    char ready_reason[200];
};

/* Who asks. */
struct identity {
    const char *account; /* a user's, or an account's of the machine; "" when not known */
    struct rights rights;
    bool by_connection; /* the kernel said so, and the account is in the system's list */
    bool by_cookie;     /* as a browser does, which also pages of others can make send it */
    bool by_session;    /* the token is of a sign-in */
    const char *token;  /* its id; NULL: none was used */
};

struct call {
    struct api *api;
    struct http_request *request;
    const struct api_route *route;
    struct arena *arena; /* the request's */
    struct identity who;
    struct intake *intake; /* of a body with a job in it; NULL: none came */
};

/* Whether what belongs to `owner` is there for who asks; what may be done with it is the role's. */
bool call_may_see(const struct call *call, const char *owner);
/* NULL when everything may be seen, else the only owner that may. */
const char *call_owner_filter(const struct call *call);

/* Whether who asks may have something executed as the account. */
bool call_may_run_as(const struct call *call, const char *account);

instant_us call_now(const struct call *call);

#endif
