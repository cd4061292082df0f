/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes in. The attendant takes connections and deals them out to the engine's threads.
 *
 * libmicrohttpd could listen by itself, but when it is to stop with more than one thread, the one
 * that asks and those that listen remove the socket from the same epoll sets, and whoever comes
 * second ends the process; and at its limit of connections it leaves newcomers waiting unanswered.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

#include "http/engine.h"
#include "http/exchange.h"

enum { BURST = 64 }; /* connections taken before the attendant looks at other things */
#define RECOVERY (100 * MILLISECOND) /* until it is tried again when descriptors have run out */

enum { BACKLOG = 4096 }; /* the kernel lowers it to net.core.somaxconn */

static enum rc resolve(const struct http_server_config *config, struct addrinfo **ret_address,
                       struct err *err)
{
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", (unsigned)config->port);
    if (getaddrinfo(config->address, port, &hints, ret_address) != 0)
        return err_fail(err, RC_INVALID, "%s is not an IP address", config->address);
    return RC_OK;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {.in6.sin6_port = 0};
    socklen_t length = sizeof(address);

    CHECK(getsockname(fd, &address.any, &length) == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

enum rc http_listener_open(struct http_server *server, struct err *err)
{
    const struct http_server_config *config = &server->config;
    struct addrinfo *address = NULL;
    int one = 1, error = 0;
    enum rc rc = resolve(config, &address, err);

    if (rc != RC_OK)
        return rc;
    server->listener = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 ||
        setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(server->listener, address->ai_addr, address->ai_addrlen) < 0 ||
        listen(server->listener, BACKLOG) < 0)
        error = errno;
    freeaddrinfo(address);
    if (error)
        return err_errno(err, RC_IO, error, "listening on %s port %u", config->address,
                         (unsigned)config->port);
    server->port = bound_port(server->listener);
    return RC_OK;
}

/* For the attendant's epoll set; `events` 0: not for now. */
static void arm(struct http_server *server, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = HTTP_LISTENER_ID};

    CHECK(epoll_ctl(server->watch, operation, server->listener, &event) == 0);
}

void http_listener_start(struct http_server *server)
{
    server->closed_until = INT64_MAX;
    arm(server, EPOLL_CTL_ADD, EPOLLIN);
}

mono_us http_listener_deadline(struct http_server *server, mono_us now)
{
    if (server->closed_until <= now) {
        server->closed_until = INT64_MAX;
        arm(server, EPOLL_CTL_MOD, EPOLLIN);
    }
    return server->closed_until;
}

/* Too many even to be told so in order: the engine never sees it. */
static void turn_away(int fd)
{
    static const char answer[] = "HTTP/1.1 503 busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                                 "Connection: close\r\n\r\n";

    (void)!send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd);
}

static void let_in(struct http_server *server, int fd, const struct sockaddr *peer,
                   socklen_t length)
{
    unsigned limit = server->config.connection_limit, before;

    before = atomic_fetch_add(&server->connections, 1);
    if (before == limit)
        http_attendant_wake(server); /* which ends idle ones */
    if (before < http_hard_limit(limit) && engine_add(server->engine, fd, peer, length))
        return;
    atomic_fetch_sub(&server->connections, 1);
    if (before >= http_hard_limit(limit))
        turn_away(fd);
}

/* True when there may be another. */
static bool accept_one(struct http_server *server)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    int fd =
        accept4(server->listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        let_in(server, fd, (struct sockaddr *)&peer, length);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EINVAL: /* it was shut down, by http_server_drain() */
        server->closed_until = INT64_MAX;
        arm(server, EPOLL_CTL_DEL, 0);
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        server->closed_until = server->config.mono() + RECOVERY;
        arm(server, EPOLL_CTL_MOD, 0);
        return false;
    default: /* that connection has failed already: accept(2), "Error handling" */
        return true;
    }
}

void http_listener_accept(struct http_server *server)
{
    for (int i = 0; i < BURST; i++)
        if (!accept_one(server))
            return;
}
