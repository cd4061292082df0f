/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "http/engine.h"
#include "http/exchange.h"

static enum rc start(struct http_server *server, struct err *err)
{
    enum rc rc = http_listener_open(server, err);

    if (rc != RC_OK)
        return rc;
    server->drained = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->drained < 0)
        return err_errno(err, RC_IO, errno, "eventfd");
    rc = engine_new(server, &server->engine, err);
    if (rc == RC_OK)
        rc = http_attendant_start(server, err);
    server->config.certificate = NULL; /* the caller's, and only lent */
    return rc;
}

enum rc http_server_new(const struct http_server_config *config, struct http_server **ret_server,
                        struct err *err)
{
    struct http_server *server = xcalloc(1, sizeof(*server));
    sigset_t all, before;
    enum rc rc;

    server->config = *config;
    for (size_t i = 0; i < HTTP_LISTENERS; i++)
        server->listeners[i] = -1;
    server->drained = server->watch = server->wake = -1;
    server->shortest = MIN(config->header_timeout, config->body_timeout);
    server->shortest = MAX(MIN(server->shortest, config->idle_timeout), MILLISECOND);
    server->shortest_heartbeat = INT64_MAX;
    CHECK(pthread_mutex_init(&server->table_mutex, NULL) == 0);
    /* Signals are for the threads that wait for them. */
    (void)sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = start(server, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == RC_OK)
        *ret_server = server;
    else
        http_server_free(server);
    return rc;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

enum rc http_server_renew(struct http_server *server, const struct http_certificate *certificate,
                          struct err *err)
{
    return engine_renew(server->engine, certificate, err);
}

/* Makes every stream look again, and ends the connections between two requests. */
static void stir(struct http_server *server)
{
    pthread_mutex_lock(&server->table_mutex);
    for (size_t i = 0; i < server->table_size; i++) {
        struct http_connection *connection = server->table[i];

        if (!connection)
            continue;
        http_stream_wake(&connection->request);
        if (connection->phase == PHASE_IDLE)
            (void)shutdown(connection->fd, SHUT_RD); /* what has come already is still answered */
    }
    pthread_mutex_unlock(&server->table_mutex);
}

void http_server_drain(struct http_server *server, span_us at_most)
{
    mono_us deadline = server->config.mono() + at_most;
    uint64_t count;

    server->draining = true;
    for (size_t i = 0; i < HTTP_LISTENERS; i++)
        if (server->listeners[i] >= 0)
            (void)shutdown(server->listeners[i], SHUT_RDWR); /* refuses those who still come */
    stir(server);
    while (server->active > 0) {
        struct pollfd drained = {.fd = server->drained, .events = POLLIN};
        span_us left = deadline - server->config.mono();

        if (left <= 0)
            return;
        (void)poll(&drained, 1, (int)MIN((left + 999) / 1000, (span_us)60000));
        (void)!read(server->drained, &count, sizeof(count)); /* only to empty it */
    }
}

/* libmicrohttpd must not be stopped while it looks away from a connection. */
static void resume_all(struct http_server *server)
{
    pthread_mutex_lock(&server->table_mutex);
    for (size_t i = 0; i < server->table_size; i++) {
        struct http_connection *connection = server->table[i];

        if (!connection)
            continue;
        pthread_mutex_lock(&connection->mutex);
        if (connection->request.suspended)
            engine_resume(connection->engine);
        connection->request.suspended = false;
        pthread_mutex_unlock(&connection->mutex);
    }
    pthread_mutex_unlock(&server->table_mutex);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    server->stopping = true;
    http_attendant_stop(server);
    if (server->engine) {
        resume_all(server);
        engine_free(server->engine);
    }
    http_listener_close(server);
    close_if_open(server->drained);
    close_if_open(server->watch);
    close_if_open(server->wake);
    pthread_mutex_destroy(&server->table_mutex);
    free(server->table);
    free(server);
}
