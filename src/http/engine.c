/* SPDX-License-Identifier: Apache-2.0 */
#include "http/engine.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "http/exchange.h"
#include "http/library.h"

/* How much of a stream of known length is asked for at once. One of unknown length fills what is
 * left of the connection's memory. */
enum { STREAM_BLOCK = 16 * 1024 };

/* Of older certificates, with connections that go on. */
enum { RETIRED = 8 };

/*
 * A daemon of libmicrohttpd has one certificate for as long as it lives. So a new certificate gets
 * a new daemon, and the old one keeps the connections that it has.
 */
struct engine {
    struct http_server *server;
    pthread_mutex_t mutex; /* over what follows */
    struct MHD_Daemon *daemon;
    struct MHD_Daemon
        *local; /* in clear text, beside one with a certificate; NULL: there is none */
    struct MHD_Daemon *retired[RETIRED];
    size_t retired_count;
};

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd =
            http_library.get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

        *context = http_exchange_open(cls, mhd, fd);
    } else {
        http_exchange_close(*context);
    }
}

/* The first line was read. Only here is the target seen as it was sent. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct http_connection *connection =
        http_library.get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;

    (void)cls;
    http_exchange_begin(connection, target);
    return &connection->request;
}

/* Targets are decoded by http/route.h; libmicrohttpd's own decoding is not wanted. */
static size_t leave_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (*value) /* libmicrohttpd refuses empty ones; anything else it refuses is a mistake of ours
                 */
        CHECK(http_library.add_response_header(response, name, value) == MHD_YES);
}

static ssize_t on_read(void *cls, uint64_t position, char *data, size_t capacity)
{
    ssize_t outcome = http_stream_read(cls, data, capacity);

    (void)position;
    if (outcome == HTTP_STREAM_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (outcome == HTTP_STREAM_ABORT)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return outcome == HTTP_STREAM_WAIT ? 0 : outcome;
}

static struct MHD_Response *make_response(struct http_request *request)
{
    const struct http_answer *answer = &request->answer;
    struct MHD_Response *response;

    if (answer->is_stream)
        response = http_library.create_response_from_callback((uint64_t)answer->stream.length,
                                                              STREAM_BLOCK, on_read, request, NULL);
    else /* libmicrohttpd does not write to a persistent body; its interface is older than const */
        response = http_library.create_response_from_buffer(
            answer->length, (void *)(uintptr_t)answer->body, MHD_RESPMEM_PERSISTENT);
    CHECK(response);
    if (answer->type)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    for (size_t i = 0; i < answer->header_count; i++)
        add_header(response, answer->headers[i].name, answer->headers[i].value);
    if (request->closing || request->connection->server->draining)
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

static enum MHD_Result send_answer(struct http_request *request, struct MHD_Connection *mhd)
{
    struct MHD_Response *response = make_response(request);
    enum MHD_Result result = http_library.queue_response(mhd, request->answer.status, response);

    http_library.destroy_response(response); /* the connection holds it now */
    return result;
}

static enum MHD_Result take_step(enum http_step step, struct http_request *request,
                                 struct MHD_Connection *mhd)
{
    switch (step) {
    case HTTP_STEP_READ:
    case HTTP_STEP_SUSPEND:
        return MHD_YES;
    case HTTP_STEP_ANSWER:
        return send_answer(request, mhd);
    case HTTP_STEP_DROP:
        return MHD_NO;
    }
    return MHD_NO;
}

/* Called once when the head was read, for each piece of the body, and then, at its end and after
 * each resumption, until there is an answer. */
/* NOLINTNEXTLINE(readability-function-size): the form is libmicrohttpd's */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *length, void **context)
{
    struct http_request *request = *context;
    size_t piece = *length;
    enum http_step step;

    (void)cls;
    (void)url;
    *length = 0;
    if (!request->start)
        step = http_exchange_head(request, method, strcmp(version, MHD_HTTP_VERSION_1_0) == 0);
    else if (piece)
        step = http_exchange_body(request, data, piece);
    else
        step = http_exchange_complete(request);
    return take_step(step, request, mhd);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)mhd;
    if (*context)
        http_exchange_end(*context, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *context = NULL;
}

/* Whole seconds are all it knows; what needs to be exact is the attendant's. */
static unsigned seconds(span_us span)
{
    return (unsigned)MAX((span + SECOND - 1) / SECOND, (span_us)1);
}

/* The libraries do not write to the texts; their interfaces are older than const. */
static struct MHD_OptionItem text_option(enum MHD_OPTION option, const char *text)
{
    return (struct MHD_OptionItem){option, 0, (void *)(uintptr_t)text};
}

static struct MHD_Daemon *start_daemon(struct http_server *server,
                                       const struct http_certificate *certificate)
{
    const struct http_server_config *config = &server->config;
    unsigned pool = config->threads > 1 ? config->threads : 0; /* 0: one thread */
    /* It divides its limit among its threads, which may not be used evenly; ours comes first. */
    unsigned limit = http_hard_limit(config->connection_limit) * (pool + 1);
    struct MHD_OptionItem tls[] = {
        text_option(MHD_OPTION_HTTPS_MEM_CERT, certificate ? certificate->chain : NULL),
        text_option(MHD_OPTION_HTTPS_MEM_KEY, certificate ? certificate->key : NULL),
        text_option(MHD_OPTION_HTTPS_PRIORITIES, HTTP_TLS_PRIORITIES),
        text_option(MHD_OPTION_END, NULL),
    };

    return http_library.start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
            MHD_USE_NO_LISTEN_SOCKET | (certificate ? MHD_USE_TLS : 0),
        0, NULL, NULL, on_access, NULL, MHD_OPTION_THREAD_POOL_SIZE, pool,
        MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        config->header_limit, MHD_OPTION_CONNECTION_TIMEOUT, seconds(config->idle_timeout),
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL, MHD_OPTION_ARRAY,
        certificate ? tls : &tls[ARRAY_SIZE(tls) - 1], MHD_OPTION_END);
}

static enum rc make_daemon(struct engine *engine, const struct http_certificate *certificate,
                           struct MHD_Daemon **ret_daemon, struct err *err)
{
    enum rc rc = certificate ? http_certificate_check(certificate, err) : RC_OK;

    if (rc != RC_OK)
        return rc;
    *ret_daemon = start_daemon(engine->server, certificate);
    return *ret_daemon ? RC_OK
                       : err_fail(err, RC_IO, "the threads of the HTTP server cannot be started");
}

enum rc engine_new(struct http_server *server, struct engine **ret_engine, struct err *err)
{
    enum rc rc = http_library_load(err);
    struct engine *engine;

    if (rc != RC_OK)
        return rc;
    engine = xcalloc(1, sizeof(*engine));
    engine->server = server;
    CHECK(pthread_mutex_init(&engine->mutex, NULL) == 0);
    rc = make_daemon(engine, server->config.certificate, &engine->daemon, err);
    if (rc == RC_OK && server->config.certificate && server->config.socket)
        rc = make_daemon(engine, NULL, &engine->local, err);
    if (rc == RC_OK)
        *ret_engine = engine;
    else
        engine_free(engine);
    return rc;
}

static bool is_empty(struct MHD_Daemon *daemon)
{
    return http_library.get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
               ->num_connections == 0;
}

static void stop_empty(struct engine *engine)
{
    size_t left = 0;

    for (size_t i = 0; i < engine->retired_count; i++) {
        if (is_empty(engine->retired[i]))
            http_library.stop_daemon(engine->retired[i]);
        else
            engine->retired[left++] = engine->retired[i];
    }
    engine->retired_count = left;
}

enum rc engine_renew(struct engine *engine, const struct http_certificate *certificate,
                     struct err *err)
{
    struct MHD_Daemon *daemon = NULL;
    enum rc rc = RC_OK;

    pthread_mutex_lock(&engine->mutex);
    stop_empty(engine);
    if (engine->retired_count == RETIRED)
        rc = err_fail(err, RC_BUSY, "connections of the last %d certificates still go on", RETIRED);
    if (rc == RC_OK)
        rc = make_daemon(engine, certificate, &daemon, err);
    if (rc == RC_OK) {
        engine->retired[engine->retired_count++] = engine->daemon;
        engine->daemon = daemon;
    }
    pthread_mutex_unlock(&engine->mutex);
    return rc;
}

bool engine_add(struct engine *engine, int fd, const struct sockaddr *peer, socklen_t length)
{
    bool added;
    struct MHD_Daemon *daemon;

    pthread_mutex_lock(&engine->mutex);
    daemon = peer->sa_family == AF_UNIX && engine->local ? engine->local : engine->daemon;
    added = http_library.add_connection(daemon, fd, peer, length) == MHD_YES;
    pthread_mutex_unlock(&engine->mutex);
    return added;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < engine->retired_count; i++)
        http_library.stop_daemon(engine->retired[i]);
    if (engine->local)
        http_library.stop_daemon(engine->local);
    if (engine->daemon)
        http_library.stop_daemon(engine->daemon);
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
}

void engine_suspend(struct MHD_Connection *connection)
{
    http_library.suspend_connection(connection);
}

void engine_resume(struct MHD_Connection *connection)
{
    http_library.resume_connection(connection);
}

const char *engine_header(struct MHD_Connection *connection, const char *name)
{
    return http_library.lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

struct visit {
    void (*visit)(void *context, const char *name, size_t name_length, const char *value,
                  size_t value_length);
    void *context;
};

static enum MHD_Result visit_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    size_t name_length, const char *value, size_t value_length)
{
    const struct visit *visit = cls;

    (void)kind;
    visit->visit(visit->context, name, name_length, value ? value : "", value ? value_length : 0);
    return MHD_YES;
}

void engine_each_header(struct MHD_Connection *connection,
                        void (*visit)(void *context, const char *name, size_t name_length,
                                      const char *value, size_t value_length),
                        void *context)
{
    (void)http_library.get_connection_values_n(connection, MHD_HEADER_KIND, visit_header,
                                               &(struct visit){visit, context});
}

const struct sockaddr *engine_peer(struct MHD_Connection *connection)
{
    return http_library.get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
        ->client_addr;
}
