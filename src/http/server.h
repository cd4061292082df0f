/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/server.h: an HTTP/1.1 server that knows nothing of jobs. libmicrohttpd stands behind it, in
 * server.c alone.
 *
 * One table of routes drives dispatch; the same table serves the API description, permissions and
 * metrics. A handler is called once, when the whole body was read within the route's limit, on a
 * thread of the pool, and must not block. It answers by http_respond() or http_stream(), at once or
 * later from any thread; until the answer was given the request and its arena stay valid. Every
 * request gets exactly one answer.
 *
 * What the server answers by itself, as application/problem+json: 400 (malformed, both
 * Content-Length and Transfer-Encoding, a NUL in the path), 404, 405 with Allow, 408, 413 (also
 * chunked), 415, 431, 500, 503 with Retry-After (too many connections or requests).
 */
#ifndef CRONJOB_HTTP_SERVER_H
#define CRONJOB_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"

struct http_server;
struct http_request;

typedef void (*http_handler)(struct http_request *request);

struct http_route {
    const char *method; /* "GET"; HEAD is answered by GET's route */
    const char *path;   /* "/jobs/{id}/runs": a name in braces stands for one segment, not empty */
    http_handler handler;
    const char
        *body_type;    /* "application/json": what a body must be (415), NULL when there is none */
    size_t body_limit; /* bytes (413) */
    const void *data;  /* the application's: http_request_route()->data */
};

struct http_server_config {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;       /* 0: a free one, see http_server_port() */
    unsigned threads;
    unsigned connection_limit;
    span_us header_timeout; /* from the connection, or the end of the answer before, to the end of a
                               request's head */
    span_us body_timeout;   /* from there to the end of the body */
    span_us idle_timeout;
    size_t header_limit;
    const struct http_route *routes;
    size_t route_count;
    void *application; /* http_request_application() */
    /* Called first, for each request that has a route: answers false when it has itself responded
     * (401, 403, ...). May be NULL. */
    bool (*admit)(struct http_request *request);
    /* Called after the answer was sent or given up; `status` 0 when given up. May be NULL. */
    void (*finished)(struct http_request *request, unsigned status, span_us duration);
    mono_us (*mono)(void);
};

MUST_USE enum rc http_server_new(const struct http_server_config *config,
                                 struct http_server **ret_server, struct err *err);
uint16_t http_server_port(const struct http_server *server);

/* Stops taking connections, tells streams to end, waits for the requests that go on until the
 * deadline. Then free. */
void http_server_drain(struct http_server *server, span_us at_most);
void http_server_free(struct http_server *server);

/* The request. Strings are NUL-terminated and decoded; NULL when absent. */
const struct http_route *http_request_route(const struct http_request *request);
void *http_request_application(const struct http_request *request);
struct arena *http_request_arena(struct http_request *request);
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request);
const char *http_request_parameter(const struct http_request *request,
                                   const char *name); /* of the path */
const char *http_request_query(const struct http_request *request,
                               const char *name); /* the first of this name */
/* Visits every query parameter in order; false from visit ends it. */
void http_request_each_query(const struct http_request *request,
                             bool (*visit)(void *context, const char *name, const char *value),
                             void *context);
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_body(const struct http_request *request,
                              size_t *ret_length); /* never NULL, NUL-terminated */
const struct sockaddr *
http_request_peer(const struct http_request *request); /* of the connection */
int http_request_socket(const struct http_request *request);
void http_request_set_data(struct http_request *request,
                           void *data); /* the application's, e.g. who asks */
void *http_request_data(const struct http_request *request);

struct http_header {
    const char *name;
    const char *value; /* CR and LF in a value end the process: values are ours or checked */
};

/* One answer with a body in memory, which is copied. `type` NULL: no body. */
void http_respond(struct http_request *request, unsigned status, const char *type, const void *body,
                  size_t length, const struct http_header *headers, size_t header_count);

/* application/problem+json from a failure: status and title of rc, detail of err. */
void http_respond_problem(struct http_request *request, enum rc rc, const struct err *err);

/*
 * An answer that is made while it is sent. next() fills up to `capacity` bytes and answers how
 * many; HTTP_STREAM_END; HTTP_STREAM_WAIT: nothing now, it is called again after http_stream_wake()
 * (which may also come first: no wake-up is lost); HTTP_STREAM_ABORT: the connection is closed so
 * that the client sees a failure. It runs on a pool thread. close() is called exactly once, when
 * the stream ended or the client went away or the server stops. `length`: -1 when not known
 * (chunked). heartbeat: next() is called at least this often while it waits; 0: never.
 */
enum { HTTP_STREAM_END = -1, HTTP_STREAM_WAIT = -2, HTTP_STREAM_ABORT = -3 };
struct http_stream {
    ssize_t (*next)(void *context, char *data, size_t capacity);
    void (*close)(void *context);
    void *context;
    int64_t length;
    span_us heartbeat;
};
void http_stream(struct http_request *request, unsigned status, const char *type,
                 const struct http_stream *stream, const struct http_header *headers,
                 size_t header_count);

/* Wakes a waiting stream. From any thread, between http_stream() and the return of close(). */
void http_stream_wake(struct http_request *request);

/* Whether the server is draining: an endless stream should end itself. */
bool http_request_is_draining(const struct http_request *request);

#endif
