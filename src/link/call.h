/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/call.h: one who calls: an HTTP client that signs. It belongs to one thread at a time.
 */
#ifndef CRONJOB_LINK_CALL_H
#define CRONJOB_LINK_CALL_H

#include "base/buf.h"

#include "ports/clock.h"

#include "http/client.h"
#include "link/secret.h"

#define LINK_CONNECT_TIMEOUT (1 * SECOND)
#define LINK_CALL_TIMEOUT    (6 * SECOND)

struct link_caller {
    struct http_client *client;
    struct clock *clock;              /* not owned */
    const struct link_secret *secret; /* not owned */
};

/* RC_UNAVAILABLE: there is no HTTP client on this machine. */
/* `ca_file`: the certificates that vouch for servers with https; NULL: those of the system. */
MUST_USE enum rc link_caller_init(struct link_caller *caller, struct clock *clock,
                                  const struct link_secret *secret, const char *ca_file,
                                  struct err *err);
void link_caller_release(struct link_caller *caller);

struct link_call {
    const char *method;
    const char *url;        /* the server's: "http://10.0.0.2:30001" */
    const char *target;     /* path and query */
    const struct buf *body; /* JSON; NULL: none */
    span_us timeout;        /* 0: none */
    size_t answer_limit;
    bool once;
    bool (*go_on)(void *context);
    void *context; /* of go_on and take */
};

/* As http_client_request(); any status is RC_OK. */
MUST_USE enum rc link_call(struct link_caller *caller, const struct link_call *call,
                           struct http_response *ret_response, struct err *err);
/* As http_client_stream(). */
MUST_USE enum rc link_call_stream(struct link_caller *caller, const struct link_call *call,
                                  http_take take, struct http_response *ret_response,
                                  struct err *err);

/* What an answer of another status than 200 means, with its problem's detail: RC_CONFLICT (this
 * very call came before), RC_BUSY (503), RC_NOT_FOUND, else RC_UNAVAILABLE. */
enum rc link_refusal(const struct http_response *response, struct err *err);

#endif
