/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attendant: one thread that lets connections in and looks after what the engine's pool does
 * not see: deadlines of heads, bodies and heartbeats, clients that leave while a stream waits, and
 * too many connections.
 *
 * libmicrohttpd's own timeout starts again with every byte, so a client that sends one now and then
 * could hold a connection for ever; and a connection that is suspended it does not watch at all.
 *
 * The pool's threads only write a deadline into their connection, once or twice a request, and wake
 * nobody. That is enough: a deadline lies at least the shortest timeout ahead of the moment it is
 * set, so if each look at all connections is followed by the next no later than that, none set in
 * between is missed. Only a heartbeat shorter than all before must wake the attendant.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#include "http/engine.h"
#include "http/exchange.h"

enum { EVENTS = 64 };
#define GRACE (100 * MILLISECOND)

/* Whether a client that has not completed a first line has sent anything of one. */
static bool has_sent(const struct http_connection *connection)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof(info);

    return getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           info.tcpi_bytes_received > 0;
}

/* The engine reads the end of the connection then, and closes it. It misses the end when that comes
 * together with more bytes; so what is not closed in a while is closed harder, which it cannot miss
 * but which may cost the client the last answer. */
static void close_connection(struct http_connection *connection)
{
    connection->phase = PHASE_EXPIRED;
    connection->deadline = http_now(connection) + GRACE;
    (void)shutdown(connection->fd, SHUT_RD); /* one that is closed already needs none */
}

static void resume(struct http_connection *connection)
{
    connection->request.suspended = false;
    connection->deadline = INT64_MAX;
    engine_resume(connection->engine);
}

/* Under both mutexes, when the deadline has passed. */
static void expire(struct http_connection *connection)
{
    struct http_request *request = &connection->request;

    switch ((enum http_phase)connection->phase) {
    case PHASE_CONNECTED:
        if (has_sent(connection))
            http_exchange_shout(connection, 408, "the head of the request is not complete");
        close_connection(connection);
        break;
    case PHASE_HEAD:
        http_exchange_shout(connection, 408, "the head of the request is not complete");
        close_connection(connection);
        break;
    case PHASE_BODY:
        http_exchange_shout(connection, 408, "the body of the request is not complete");
        close_connection(connection);
        break;
    case PHASE_IDLE:
        close_connection(connection);
        break;
    case PHASE_WORK:
        if (request->suspended && request->answered)
            resume(connection);
        break;
    case PHASE_EXPIRED:
        connection->deadline = INT64_MAX;
        (void)shutdown(connection->fd, SHUT_RDWR);
        break;
    }
}

static mono_us look_at(struct http_connection *connection, mono_us now, unsigned *excess)
{
    mono_us deadline;

    if (connection->deadline > now && !*excess)
        return connection->deadline;
    pthread_mutex_lock(&connection->mutex);
    if (connection->deadline <= now) {
        expire(connection);
    } else if (*excess && connection->phase == PHASE_IDLE) {
        close_connection(connection);
        --*excess;
    }
    deadline = connection->deadline;
    pthread_mutex_unlock(&connection->mutex);
    return deadline;
}

/* Looks at all connections; answers when to look again. */
static mono_us look(struct http_server *server)
{
    mono_us now = server->config.mono();
    mono_us next = now + MIN(server->shortest, (span_us)server->shortest_heartbeat);
    unsigned count, excess;

    next = MIN(next, http_listener_deadline(server, now));
    pthread_mutex_lock(&server->table_mutex);
    count = server->connections;
    excess = count > server->config.connection_limit ? count - server->config.connection_limit : 0;
    for (size_t i = 0; i < server->table_size; i++)
        if (server->table[i])
            next = MIN(next, look_at(server->table[i], now, &excess));
    pthread_mutex_unlock(&server->table_mutex);
    return next;
}

/* The client has closed its side, or the connection broke. */
static void note_leaving(struct http_server *server, uint64_t id)
{
    size_t fd = (size_t)(id & UINT32_MAX);
    struct http_connection *connection;

    pthread_mutex_lock(&server->table_mutex);
    connection = fd < server->table_size ? server->table[fd] : NULL;
    if (connection && connection->generation == (uint32_t)(id >> 32)) {
        pthread_mutex_lock(&connection->mutex);
        connection->request.gone = true;
        if (connection->request.suspended && connection->request.answered)
            resume(connection);
        pthread_mutex_unlock(&connection->mutex);
    }
    pthread_mutex_unlock(&server->table_mutex);
}

static void attend(struct http_server *server, mono_us until)
{
    struct epoll_event events[EVENTS];
    mono_us now = server->config.mono();
    int count, timeout = (int)MIN(MAX(until - now + 999, 0) / 1000, (mono_us)60000);
    uint64_t wakes;

    count = epoll_wait(server->watch, events, EVENTS, timeout);
    CHECK(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == HTTP_WAKE_ID)
            (void)!read(server->wake, &wakes, sizeof(wakes)); /* only to empty it */
        else if (events[i].data.u64 >= HTTP_LISTENER_ID)
            http_listener_accept(server, (size_t)(events[i].data.u64 - HTTP_LISTENER_ID));
        else
            note_leaving(server, events[i].data.u64);
    }
}

static void *run(void *argument)
{
    struct http_server *server = argument;

    (void)pthread_setname_np(pthread_self(), "http-attendant");
    while (!server->stopping)
        attend(server, look(server));
    return NULL;
}

static enum rc set_up(struct http_server *server, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = HTTP_WAKE_ID};

    server->watch = epoll_create1(EPOLL_CLOEXEC);
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->watch < 0 || server->wake < 0)
        return err_errno(err, RC_IO, errno, "making the attendant's descriptors");
    if (epoll_ctl(server->watch, EPOLL_CTL_ADD, server->wake, &event) < 0)
        return err_errno(err, RC_IO, errno, "watching the attendant's wake-up");
    http_listener_start(server);
    return RC_OK;
}

enum rc http_attendant_start(struct http_server *server, struct err *err)
{
    enum rc rc = set_up(server, err);
    int error;

    if (rc != RC_OK)
        return rc;
    error = pthread_create(&server->attendant, NULL, run, server);
    if (error)
        return err_errno(err, RC_IO, error, "starting a thread");
    server->attended = true;
    return RC_OK;
}

void http_attendant_stop(struct http_server *server)
{
    if (!server->attended)
        return;
    http_attendant_wake(server);
    CHECK(pthread_join(server->attendant, NULL) == 0);
    server->attended = false;
}

void http_attendant_wake(struct http_server *server)
{
    uint64_t one = 1;

    (void)!write(server->wake, &one, sizeof(one)); /* full means woken already */
}

void http_attendant_watch(struct http_connection *connection)
{
    struct epoll_event event = {
        .events = EPOLLRDHUP | EPOLLONESHOT,
        .data.u64 = (uint64_t)connection->generation << 32 | (uint32_t)connection->fd,
    };

    if (connection->request.watched)
        return;
    connection->request.watched =
        epoll_ctl(connection->server->watch, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

void http_attendant_unwatch(struct http_connection *connection)
{
    if (connection->request.watched)
        (void)epoll_ctl(connection->server->watch, EPOLL_CTL_DEL, connection->fd, NULL);
    connection->request.watched = false;
}
