/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/client.h: an HTTP/1.1 client. libcurl stands behind it, in client.c alone, and is loaded
 * when the first client is made: linked, it would cost every daemon 3 MB and every start 2 ms.
 *
 *     AUTO_HTTP_CLIENT struct http_client *client = NULL;
 *     rc = http_client_new(&(struct http_client_config){...}, &client, &err);
 *     rc = http_client_request(client, &request, &response, &err);
 *     ... response.status, response.body ...
 *     http_response_release(&response);
 *
 * A client belongs to one thread at a time and keeps its connections open between calls. An answer
 * of any status is RC_OK: what 404 means is the caller's to know. It never follows a redirection,
 * sends no cookies, uses no proxy and raises no signals.
 */
#ifndef CRONJOB_HTTP_CLIENT_H
#define CRONJOB_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"

#include "http/header.h"

struct http_client;

struct http_client_config {
    const char *user_agent; /* NULL: none */
    span_us connect_timeout;
    const char *ca_file; /* certificates to trust instead of the system's; NULL: those */
    const char *socket;  /* the Unix socket to connect to, whatever the URL's host; NULL: by that */
};

/* RC_UNAVAILABLE: libcurl is not installed, or not usable. */
MUST_USE enum rc http_client_new(const struct http_client_config *config,
                                 struct http_client **ret_client, struct err *err);
void http_client_free(struct http_client *client);
void http_client_free_at(struct http_client **client);
#define AUTO_HTTP_CLIENT CLEANUP(http_client_free_at)

struct http_call {
    const char *method;
    const char *url; /* http or https, complete and encoded */
    const struct http_header *headers;
    size_t header_count;
    const void *body; /* NULL: none */
    size_t body_length;
    /* Gives the body in its stead, as it is sent: at most `capacity` bytes from `offset` on, and
     * from the beginning again when libcurl repeats the call. 0 ends the call: RC_IO. */
    size_t (*give)(void *context, size_t offset, void *data, size_t capacity);
    void *give_context;
    span_us timeout;      /* for the whole call; 0: none, for streams */
    span_us idle_timeout; /* RC_TIMEOUT when for so long nothing came; 0: none. Whole seconds */
    size_t body_limit;    /* of the answer: RC_TOO_BIG. For http_client_request() */
    /* Sent at most once, on a new connection. On one that was kept open and turns out to be closed,
     * libcurl sends a call a second time by itself, whatever its method. */
    bool once;
    /* Asked of each address that the URL's host turns out to have, before it is connected to: false
     * and it is not. The connection goes to the very address that was asked of. May be NULL */
    bool (*may_connect)(void *context, const struct sockaddr *address);
    void *may_connect_context;
    bool (*go_on)(void *context); /* asked once a second or more often; false ends the call:
                                     RC_CLOSED. May be NULL */
    void *go_on_context;
};

struct http_response {
    unsigned status;
    struct buf body;
    struct arena arena;          /* of the headers */
    struct http_header *headers; /* in order; of trailers and interim answers nothing */
    size_t header_count;
};

/* The value of a field, whatever the case of its name; NULL when absent. */
const char *http_response_header(const struct http_response *response, const char *name);
void http_response_release(struct http_response *response);

/*
 * RC_UNAVAILABLE: the server cannot be reached or has broken off; `err` says why in words.
 * RC_TIMEOUT. RC_TOO_BIG. RC_INVALID: the URL. RC_IO: give(). On failure there is nothing to
 * release.
 */
MUST_USE enum rc http_client_request(struct http_client *client, const struct http_call *call,
                                     struct http_response *ret_response, struct err *err);

/* Whether something of the last call was sent: if not, the server cannot have acted on it. */
bool http_client_has_sent(const struct http_client *client);

/*
 * As http_client_request(), but hands the body to `take` as it comes, when the head is complete in
 * `ret_response`, whose own body stays empty. `take` answers false to end the call there:
 * RC_CLOSED. The response is set, and to be released, whatever the result; its status is 0 when
 * none came.
 */
typedef bool (*http_take)(void *context, const struct http_response *response, const char *data,
                          size_t length);
MUST_USE enum rc http_client_stream(struct http_client *client, const struct http_call *call,
                                    http_take take, void *context,
                                    struct http_response *ret_response, struct err *err);

/* Appends text as it may stand in one segment of a path or in a query: all but RFC 3986's
 * unreserved characters become %XX. */
void http_url_encode(struct buf *buf, const char *text);

#endif
