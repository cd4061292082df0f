/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/server.h: an HTTP/1.1 server that knows nothing of jobs. libmicrohttpd stands behind it, in
 * engine.c alone.
 *
 * One table of routes drives dispatch; the same table serves the API description, permissions and
 * metrics. A handler is called once, when the whole body was read within the route's limit, on a
 * thread of the pool, and must not block. It answers by http_respond() or http_stream(), at once or
 * later from any thread; until the answer was given the request and its arena stay valid. Every
 * request gets exactly one answer.
 *
 * Paths have one spelling: see http/route.h. Unknown ones are 404, with a slash at the end too.
 *
 * What the server answers by itself, as application/problem+json: 400 (a target or a header field
 * that cannot be, no Host, both Content-Length and Transfer-Encoding, a NUL), 404, 405 with Allow,
 * 408, 413 (also chunked), 415, 503 with Retry-After (too many connections). A head that is no HTTP
 * at all or larger than header_limit is answered by libmicrohttpd, with a line of HTML: 400, 414,
 * 431, 505. A request that is refused before its body came is answered at once when the client
 * waits for "100 Continue" or has announced more than 64 MiB and more than the route takes; else
 * the body is read and thrown away, so that the client gets to read the answer, and the connection
 * lives on.
 */
#ifndef CRONJOB_HTTP_SERVER_H
#define CRONJOB_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"

#include "http/certificate.h"
#include "http/header.h"

struct http_server;
struct http_request;

typedef void (*http_handler)(struct http_request *request);

/* How a body is taken that may be too large for memory. */
struct http_intake {
    /* Takes a piece as it arrives, before the handler is called; must not block. What is to be kept
     * goes to `body`, which has room for `kept` bytes and is http_request_body() in the end.
     * Answers false when it has itself responded: the rest is thrown away, the handler is not
     * called. What it holds besides is given up in `finished`. */
    bool (*take)(struct http_request *request, const char *data, size_t length, struct buf *body);
    size_t kept;
    const char *too_big; /* what a 413 says in detail; NULL: nothing */
};

struct http_route {
    const char *method; /* "GET"; HEAD is answered by GET's route */
    const char *path;   /* "/jobs/{id}/runs": a name in braces stands for one segment, not empty */
    http_handler handler;
    const char *body_type; /* what a body must be (415), one type or several: "application/json,
                              application/merge-patch+json"; NULL: anything */
    size_t body_limit;     /* bytes (413); 0: no body */
    const void *data;      /* the application's: http_request_route()->data */
    const struct http_intake *intake; /* of a large body; NULL: all of it is kept */
};

struct http_server_config {
    const char *address;                        /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;                              /* 0: a free one, see http_server_port() */
    const struct http_certificate *certificate; /* HTTPS by it; NULL: clear text. Not kept */
    /* Also at a Unix socket of this path, for every account of this machine and always in clear
     * text; NULL: not. What nobody listens at there is taken away. Outlives the server */
    const char *socket;
    unsigned threads;
    /* Requests on more connections than this get 503, and idle connections are closed. The process
     * must be allowed an eighth more descriptors than this. */
    unsigned connection_limit;
    span_us header_timeout; /* from the connection to the end of the first request's head; for later
                               ones, from the end of their first line */
    span_us body_timeout;   /* from the end of the head to the end of the body; where a route takes
                               it as it arrives, and a second for each 64 KiB that have come */
    span_us idle_timeout;   /* between requests, and for a client that does not read its answer */
    size_t header_limit;    /* bytes of memory for a request's head */
    const struct http_route *routes; /* outlives the server */
    size_t route_count;
    void *application; /* http_request_application() */
    /* Called first, before the body is read, for each request that has a route: answers false when
     * it has itself responded (401, 403, ...) or will; the handler is not called then. May be
     * NULL. */
    bool (*admit)(struct http_request *request);
    /* Called after the answer was sent or given up (`status` 0), for every request whose head was
     * read; its route may be NULL. `duration` is from the end of the head. May be NULL. */
    void (*finished)(struct http_request *request, unsigned status, span_us duration);
    mono_us (*mono)(void);
};

/* RC_INVALID: the address is not a number of IPv4 or IPv6, or the certificate cannot be used;
 * RC_IO: it cannot be listened on. */
MUST_USE enum rc http_server_new(const struct http_server_config *config,
                                 struct http_server **ret_server, struct err *err);
uint16_t http_server_port(const struct http_server *server);

/* Who connects from now on sees this certificate; open connections go on. For a server that began
 * with one. RC_INVALID: it cannot be used. RC_BUSY: connections of too many older ones go on. The
 * old one stays then. */
MUST_USE enum rc http_server_renew(struct http_server *server,
                                   const struct http_certificate *certificate, struct err *err);

/* Stops taking connections, closes idle ones and, with their next answer, the others, wakes
 * streams so that they can end themselves, and waits for the requests that go on, for `at_most`. */
void http_server_drain(struct http_server *server, span_us at_most);

/* Closes every connection. Whoever would still answer a request or wake a stream from another
 * thread is stopped before: a request that has no answer by now is given up. */
void http_server_free(struct http_server *server);

/* The request. Strings are NUL-terminated and decoded, the path as it was sent; NULL when absent.
 */
const struct http_route *http_request_route(const struct http_request *request);
void *http_request_application(const struct http_request *request);
struct arena *http_request_arena(struct http_request *request);
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request);
const char *http_request_target(const struct http_request *request); /* path and query, as sent */
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

/* One answer with a body in memory, which is copied, as the headers are; a CR or LF in one ends the
 * process: values are ours or checked; empty ones are left out. `type` NULL: no body. Does the same
 * for HEAD, without sending the body. */
void http_respond(struct http_request *request, unsigned status, const char *type, const void *body,
                  size_t length, const struct http_header *headers, size_t header_count);

/* application/problem+json from a failure: status and title of rc, detail of err. Retry-After is
 * set when the same request may succeed later. */
void http_respond_problem(struct http_request *request, enum rc rc, const struct err *err);

/*
 * An answer that is made while it is sent. next() fills from 1 to `capacity` bytes and answers how
 * many; HTTP_STREAM_END; HTTP_STREAM_WAIT: nothing now, it is called again after http_stream_wake()
 * (which may also come first: no wake-up is lost); HTTP_STREAM_ABORT: the connection is closed so
 * that the client sees a failure. It runs on a pool thread, and no more is asked of it than the
 * client takes. close() is called exactly once, when the stream ended or the client went away, also
 * by closing its sending side while the stream waits, or the server stops. `length`: -1 when not
 * known (chunked). heartbeat: next() is called at least this often while it waits; 0: never.
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

/* Wakes a waiting stream. From any thread, between the beginning of http_stream() and the return of
 * close(); cheap when the stream does not wait. */
void http_stream_wake(struct http_request *request);

/* Whether the server is draining: an endless stream should end itself. */
bool http_request_is_draining(const struct http_request *request);

#endif
