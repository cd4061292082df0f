/* SPDX-License-Identifier: Apache-2.0 */
#include "http/exchange.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "http/engine.h"

/* Connections come and go. */

static void put_in_table(struct http_server *server, struct http_connection *connection)
{
    size_t index = (size_t)connection->fd;

    pthread_mutex_lock(&server->table_mutex);
    if (index >= server->table_size) {
        size_t size = MAX(index + 1, server->table_size * 2);

        server->table = xrealloc(server->table, size, sizeof(struct http_connection *));
        for (size_t i = server->table_size; i < size; i++)
            server->table[i] = NULL;
        server->table_size = size;
    }
    connection->generation = ++server->generation;
    server->table[index] = connection;
    pthread_mutex_unlock(&server->table_mutex);
}

struct http_connection *http_exchange_open(struct http_server *server,
                                           struct MHD_Connection *engine, int fd)
{
    struct http_connection *connection = xcalloc(1, sizeof(*connection));

    connection->server = server;
    connection->engine = engine;
    connection->fd = fd;
    connection->phase = PHASE_CONNECTED;
    connection->deadline = server->config.mono() + server->config.header_timeout;
    connection->request.connection = connection;
    CHECK(pthread_mutex_init(&connection->mutex, NULL) == 0);
    put_in_table(server, connection);
    return connection;
}

void http_exchange_close(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    pthread_mutex_lock(&server->table_mutex);
    server->table[connection->fd] = NULL;
    pthread_mutex_unlock(&server->table_mutex);
    atomic_fetch_sub(&server->connections, 1);
    pthread_mutex_destroy(&connection->mutex);
    free(connection);
}

/* False when the attendant has given the connection up. */
static bool enter(struct http_connection *connection, enum http_phase phase, mono_us deadline)
{
    bool alive;

    pthread_mutex_lock(&connection->mutex);
    alive = connection->phase != PHASE_EXPIRED;
    if (alive) {
        connection->phase = phase;
        connection->deadline = deadline;
    }
    pthread_mutex_unlock(&connection->mutex);
    return alive;
}

static bool is_answered(struct http_request *request)
{
    bool answered;

    pthread_mutex_lock(&request->connection->mutex);
    answered = request->answered;
    pthread_mutex_unlock(&request->connection->mutex);
    return answered;
}

void http_exchange_shout(struct http_connection *connection, unsigned status, const char *detail)
{
    AUTO_BUF struct buf body;
    AUTO_BUF struct buf whole;

    buf_init(&body, 4096);
    buf_init(&whole, 8192);
    http_problem_write(&body, status, http_status_title(status), detail);
    (void)buf_printf(&whole,
                     "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     status, http_status_title(status), body.length, body.data);
    /* Whoever does not take these few bytes at once does not get them. */
    (void)!send(connection->fd, whole.data, whole.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    connection->request.shouted = status;
}

/* A request, as it arrives. */

void http_exchange_begin(struct http_connection *connection, const char *raw_target)
{
    struct http_request *request = &connection->request;
    mono_us deadline = connection->deadline;

    if (connection->requests++)
        deadline = http_now(connection) + connection->server->config.header_timeout;
    request->raw_target = arena_strdup(&request->arena, raw_target ? raw_target : "");
    (void)enter(connection, PHASE_HEAD, deadline); /* the head's end will find out */
}

static void take_field(void *context, const char *name, size_t name_length, const char *value,
                       size_t value_length)
{
    http_head_take(context, name, name_length, value, value_length);
}

static void refuse(struct http_request *request, unsigned status, const char *detail)
{
    http_respond_status(request, status, detail, NULL);
}

static void refuse_method(struct http_request *request)
{
    const struct http_server_config *config = &request->connection->server->config;
    AUTO_BUF struct buf allow;

    buf_init(&allow, 256);
    http_route_allow(config->routes, config->route_count, request->target.path, &allow);
    http_respond_status(request, 405, NULL, &(struct http_header){"Allow", allow.data});
}

/* What keeps the connection from being understood any further. */
static bool is_readable(struct http_request *request, bool is_1_0)
{
    struct http_server *server = request->connection->server;
    const char *problem;

    engine_each_header(request->connection->engine, take_field, &request->head);
    problem = http_head_problem(&request->head, is_1_0);
    request->closing = problem || server->connections > server->config.connection_limit;
    if (problem)
        refuse(request, 400, problem);
    else if (request->closing)
        http_respond_status(request, 503, "too many connections",
                            &(struct http_header){"Retry-After", "1"});
    return !request->closing;
}

static bool find_route(struct http_request *request)
{
    const struct http_server_config *config = &request->connection->server->config;
    struct err err = {0};

    if (http_target_parse(&request->arena, request->raw_target, &request->target, &err) != RC_OK) {
        refuse(request, 400, err.message);
        return false;
    }
    switch (http_route_match(config->routes, config->route_count, request->method,
                             request->target.path, &request->arena, &request->match)) {
    case HTTP_MATCHED:
        return true;
    case HTTP_NO_PATH:
        refuse(request, 404, "there is nothing at this path");
        return false;
    case HTTP_NO_METHOD:
        refuse_method(request);
        return false;
    case HTTP_BAD_PATH:
        refuse(request, 400, "a broken % escape in the path");
        return false;
    }
    return false;
}

static void refuse_size(struct http_request *request)
{
    const struct http_intake *intake = request->match.route->intake;

    refuse(request, 413, intake ? intake->too_big : NULL);
}

static uint64_t discard_limit(const struct http_request *request)
{
    const struct http_route *route = request->match.route;

    return route ? MAX(HTTP_DISCARD_LIMIT, (uint64_t)route->body_limit) : HTTP_DISCARD_LIMIT;
}

static void check_body(struct http_request *request)
{
    const struct http_route *route = request->match.route;
    const char *type = request->head.type ? request->head.type : "";

    if (!http_head_has_body(&request->head))
        return;
    buf_init(&request->body, route->intake ? route->intake->kept : route->body_limit);
    if (request->head.length > route->body_limit)
        refuse_size(request);
    else if (route->body_type && !http_type_is(type, route->body_type))
        refuse(request, 415, NULL);
}

static void judge(struct http_request *request, bool is_1_0)
{
    bool (*admit)(struct http_request *) = request->connection->server->config.admit;

    if (!is_readable(request, is_1_0) || !find_route(request))
        return;
    request->handed_over = admit && !admit(request);
    if (!request->handed_over)
        check_body(request);
}

enum http_step http_exchange_head(struct http_request *request, const char *method, bool is_1_0)
{
    struct http_connection *connection = request->connection;
    bool answered;

    request->start = http_now(connection);
    request->method = method;
    atomic_fetch_add(&connection->server->active, 1);
    if (!enter(connection, PHASE_BODY, request->start + connection->server->config.body_timeout))
        return HTTP_STEP_DROP;
    judge(request, is_1_0);
    answered = is_answered(request);
    request->discarding = answered || request->handed_over;
    if (!answered || !(request->closing || request->head.expects_continue ||
                       request->head.length > discard_limit(request)))
        return HTTP_STEP_READ;
    return enter(connection, PHASE_WORK, INT64_MAX) ? HTTP_STEP_ANSWER : HTTP_STEP_DROP;
}

/* An answer is due only at the end of the body, and that does not come. */
static void cut_off(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    const struct http_route *route = request->match.route;
    const struct http_intake *intake = route ? route->intake : NULL;

    pthread_mutex_lock(&connection->mutex);
    if (connection->phase != PHASE_EXPIRED)
        http_exchange_shout(connection, 413, intake ? intake->too_big : NULL);
    pthread_mutex_unlock(&connection->mutex);
}

/* False when it was refused. */
static bool take_piece(struct http_request *request, const char *data, size_t length)
{
    const struct http_route *route = request->match.route;
    bool fits = request->received <= route->body_limit;

    if (fits && route->intake)
        return route->intake->take(request, data, length, &request->body);
    if (fits && buf_append(&request->body, data, length) == RC_OK)
        return true;
    buf_release(&request->body);
    refuse_size(request);
    return false;
}

/* Whoever sends much gets the time for it, as long as it comes at a fair rate. */
static mono_us body_deadline(const struct http_request *request)
{
    return request->start + request->connection->server->config.body_timeout +
           (mono_us)(request->received / HTTP_LEAST_RATE) * SECOND;
}

enum http_step http_exchange_body(struct http_request *request, const char *data, size_t length)
{
    request->received += length;
    if (!request->discarding)
        request->discarding = !take_piece(request, data, length);
    if (request->match.route && request->match.route->intake &&
        !enter(request->connection, PHASE_BODY, body_deadline(request)))
        return HTTP_STEP_DROP;
    if (request->received <= discard_limit(request) || !request->discarding)
        return HTTP_STEP_READ;
    cut_off(request);
    return HTTP_STEP_DROP;
}

/* Sends the answer if there is one; else waits for it. */
static enum http_step settle(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    enum http_step step = HTTP_STEP_ANSWER;

    pthread_mutex_lock(&connection->mutex);
    if (!request->answered && connection->server->stopping) {
        step = HTTP_STEP_DROP;
    } else if (!request->answered) {
        step = HTTP_STEP_SUSPEND;
        request->suspended = true;
        engine_suspend(connection->engine);
    }
    pthread_mutex_unlock(&connection->mutex);
    return step;
}

enum http_step http_exchange_complete(struct http_request *request)
{
    if (!enter(request->connection, PHASE_WORK, INT64_MAX))
        return HTTP_STEP_DROP;
    if (!request->handed_over && !is_answered(request)) {
        request->handed_over = true;
        request->match.route->handler(request);
    }
    return settle(request);
}

static void account(struct http_request *request, bool sent)
{
    struct http_server *server = request->connection->server;
    uint64_t one = 1;
    unsigned status;

    pthread_mutex_lock(&request->connection->mutex);
    status = sent ? request->answer.status : request->shouted;
    pthread_mutex_unlock(&request->connection->mutex);
    if (server->config.finished)
        server->config.finished(request, status, server->config.mono() - request->start);
    if (atomic_fetch_sub(&server->active, 1) == 1 && server->draining)
        (void)!write(server->drained, &one, sizeof(one)); /* full means told already */
}

void http_exchange_end(struct http_request *request, bool sent)
{
    struct http_connection *connection = request->connection;

    http_stream_finish(request);
    if (request->start)
        account(request, sent);
    arena_release(&request->arena);
    if (request->body.limit)
        buf_release(&request->body);
    pthread_mutex_lock(&connection->mutex);
    *request = (struct http_request){.connection = connection};
    pthread_mutex_unlock(&connection->mutex);
    (void)enter(connection, PHASE_IDLE,
                http_now(connection) + connection->server->config.idle_timeout);
    if (connection->server->draining) /* and nobody looks for idle connections any more */
        (void)shutdown(connection->fd, SHUT_RD);
}
