/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/exchange.h: the server's insides: a connection, the request it carries and its answer.
 *
 *                 first line        head            body read        answer sent
 *     connected ------------> HEAD ------> BODY ------------> WORK -------------> IDLE
 *         |                    |            |                                      |
 *         +--- header_timeout -+            +--- body_timeout --> EXPIRED <--------+ idle_timeout
 *
 * A connection belongs to one thread of the pool, which alone moves it through its phases; what
 * other threads touch (answering, waking, expiring) is under its mutex. HTTP/1.1 carries one
 * request at a time, so the request lives inside its connection and is cleared between two.
 *
 * Locks: the server's table mutex before a connection's; neither is held while application code
 * runs.
 */
#ifndef CRONJOB_HTTP_EXCHANGE_H
#define CRONJOB_HTTP_EXCHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"

#include "http/head.h"
#include "http/route.h"
#include "http/server.h"

struct engine;
struct MHD_Connection;

/* What a request without a place in memory for its body is read and thrown away for: more than
 * this, and more than its route takes, is answered at once, or cut off. */
#define HTTP_DISCARD_LIMIT ((uint64_t)64 * 1024 * 1024)

/* Bytes a second that a body must come with which may be large. */
#define HTTP_LEAST_RATE ((uint64_t)64 * 1024)

enum http_phase { PHASE_CONNECTED, PHASE_HEAD, PHASE_BODY, PHASE_WORK, PHASE_IDLE, PHASE_EXPIRED };

struct http_answer {
    unsigned status;
    const char *type; /* NULL: no body */
    const char *body; /* of the request's arena */
    size_t length;
    const struct http_header *headers; /* of the arena too */
    size_t header_count;
    bool is_stream;
    struct http_stream stream;
};

struct http_request {
    struct http_connection *connection;
    struct arena arena;
    const char *raw_target;
    const char *method;
    struct http_target target;
    struct http_match match;
    struct http_head head;
    struct buf body;
    uint64_t received; /* bytes of the body */
    void *data;
    mono_us start;    /* the end of the head; 0 before */
    bool handed_over; /* to the handler, or to admit, which kept it: one of them answers */
    bool discarding;  /* the answer does not need the body */
    bool closing;     /* the connection ends with this answer */
    struct http_answer answer;

    /* Under the connection's mutex. */
    bool answered;
    bool suspended;   /* libmicrohttpd was told to look away: until the answer, or a wake */
    bool woken;       /* a wake came while the stream did not wait */
    bool gone;        /* the client has closed its side */
    bool watched;     /* the attendant looks for that */
    unsigned shouted; /* the status that was sent past the engine; 0: none */
};

struct http_connection {
    struct http_server *server;
    struct MHD_Connection *engine;
    int fd;
    uint32_t generation;      /* tells it from others that had the same descriptor */
    atomic_int phase;         /* enum http_phase */
    _Atomic mono_us deadline; /* of the phase, or of a stream's wait; INT64_MAX: none */
    unsigned requests;
    pthread_mutex_t mutex;
    struct http_request request;
};

/* An address, and a Unix socket. */
enum { HTTP_LISTENERS = 2 };

struct http_server {
    struct http_server_config config;
    struct engine *engine;
    uint16_t port;
    int listeners[HTTP_LISTENERS]; /* -1: none */
    span_us shortest;              /* of the timeouts: no deadline comes sooner after it was set */
    atomic_bool draining;
    atomic_bool stopping;
    atomic_uint connections; /* from being accepted to being closed */
    atomic_uint active;      /* requests whose head was read and whose answer is not yet sent */
    int drained;             /* eventfd: `active` may have become 0 while draining */

    pthread_mutex_t table_mutex;
    struct http_connection **table; /* by descriptor */
    size_t table_size;
    uint32_t generation;

    pthread_t attendant;
    int watch;     /* epoll: `wake`, and clients of waiting streams */
    int wake;      /* eventfd */
    bool attended; /* the attendant runs */
    _Atomic span_us shortest_heartbeat;
    /* The attendant's: */
    bool shut[HTTP_LISTENERS]; /* they give nobody any more */
    mono_us closed_until;      /* no descriptors are left to accept; INT64_MAX: open */
};

/* What the attendant's epoll set says of other things than clients. */
#define HTTP_WAKE_ID     UINT64_MAX
#define HTTP_LISTENER_ID (HTTP_WAKE_ID - HTTP_LISTENERS) /* and those between */

/* More connections than this are not even told, in order, that there are too many. */
static inline unsigned http_hard_limit(unsigned connection_limit)
{
    return connection_limit + connection_limit / 8 + 16;
}

static inline mono_us http_now(const struct http_connection *connection)
{
    return connection->server->config.mono();
}

/* exchange.c, on the connection's thread: what the engine tells. */
struct http_connection *http_exchange_open(struct http_server *server,
                                           struct MHD_Connection *engine, int fd);
void http_exchange_close(struct http_connection *connection);
void http_exchange_begin(struct http_connection *connection, const char *raw_target);

enum http_step {
    HTTP_STEP_READ,    /* go on reading the body */
    HTTP_STEP_ANSWER,  /* send request->answer */
    HTTP_STEP_SUSPEND, /* done already: nothing until it is resumed */
    HTTP_STEP_DROP,    /* close the connection */
};
enum http_step http_exchange_head(struct http_request *request, const char *method, bool is_1_0);
enum http_step http_exchange_body(struct http_request *request, const char *data, size_t length);
enum http_step http_exchange_complete(struct http_request *request);
void http_exchange_end(struct http_request *request, bool sent);

/* Sends a whole answer past the engine, which has nothing to say on this connection now and will
 * close it. Does not wait. Under the connection's mutex. */
void http_exchange_shout(struct http_connection *connection, unsigned status, const char *detail);

/* respond.c */
void http_respond_status(struct http_request *request, unsigned status, const char *detail,
                         const struct http_header *header);
void http_problem_write(struct buf *buf, unsigned status, const char *title, const char *detail);
const char *http_status_title(unsigned status);

/* stream.c, on the connection's thread. Answers as next(), but HTTP_STREAM_WAIT only when the
 * connection was suspended. */
ssize_t http_stream_read(struct http_request *request, char *data, size_t capacity);
void http_stream_finish(struct http_request *request);

/* listener.c, on the attendant's thread but for the first. */
MUST_USE enum rc http_listener_open(struct http_server *server, struct err *err);
void http_listener_start(struct http_server *server);
void http_listener_close(struct http_server *server); /* when the attendant has stopped */
/* Opens it again when it is time; answers when that will be. */
mono_us http_listener_deadline(struct http_server *server, mono_us now);
void http_listener_accept(struct http_server *server, size_t which);

/* attendant.c */
MUST_USE enum rc http_attendant_start(struct http_server *server, struct err *err);
void http_attendant_stop(struct http_server *server);
void http_attendant_wake(struct http_server *server);
/* Looks for the client's end of the connection from now on. Under the connection's mutex. */
void http_attendant_watch(struct http_connection *connection);
void http_attendant_unwatch(struct http_connection *connection);

#endif
