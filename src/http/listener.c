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
#include <sys/stat.h>
#include <sys/un.h>
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

static enum rc open_address(struct http_server *server, struct err *err)
{
    const struct http_server_config *config = &server->config;
    struct addrinfo *address = NULL;
    int one = 1, error = 0, fd;
    enum rc rc = resolve(config, &address, err);

    if (rc != RC_OK)
        return rc;
    fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    server->listeners[0] = fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        error = errno;
    freeaddrinfo(address);
    if (error)
        return err_errno(err, RC_IO, error, "listening on %s port %u", config->address,
                         (unsigned)config->port);
    server->port = bound_port(fd);
    return RC_OK;
}

/* ---- the Unix socket ------------------------------------------------------------------------- */

static enum rc name_socket(const char *path, struct sockaddr_un *ret_name, struct err *err)
{
    *ret_name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(ret_name->sun_path))
        return err_fail(err, RC_INVALID, "the path of a socket has at most %zu bytes, not %s",
                        sizeof(ret_name->sun_path) - 1, path);
    memcpy(ret_name->sun_path, path, strlen(path));
    return RC_OK;
}

/* A socket that a process left behind when it was killed: nobody listens at it any more. Anything
 * else at this path is not ours to take away, though it refuses connections as well. */
static bool is_left_behind(const struct sockaddr_un *name)
{
    struct stat status;
    bool refused = false;
    int fd;

    if (lstat(name->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)name, sizeof(*name)) < 0)
        refused = errno == ECONNREFUSED;
    (void)close(fd); /* nothing was written */
    return refused;
}

static bool bind_socket(int fd, const struct sockaddr_un *name)
{
    const struct sockaddr *address = (const struct sockaddr *)name;

    if (bind(fd, address, sizeof(*name)) == 0)
        return true;
    if (errno != EADDRINUSE)
        return false;
    if (!is_left_behind(name)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(name->sun_path) == 0 && bind(fd, address, sizeof(*name)) == 0;
}

/* Every account may connect: who it is says SO_PEERCRED. */
static enum rc open_socket(struct http_server *server, struct err *err)
{
    const char *path = server->config.socket;
    struct sockaddr_un name;
    enum rc rc = name_socket(path, &name, err);
    int fd;

    if (rc != RC_OK)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !bind_socket(fd, &name)) {
        rc = err_errno(err, RC_IO, errno, "listening at %s", path);
        if (fd >= 0)
            (void)close(fd); /* nothing was written */
        return rc;
    }
    server->listeners[1] = fd;
    if (chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0)
        return err_errno(err, RC_IO, errno, "listening at %s", path);
    return RC_OK;
}

enum rc http_listener_open(struct http_server *server, struct err *err)
{
    enum rc rc = open_address(server, err);

    return rc == RC_OK && server->config.socket ? open_socket(server, err) : rc;
}

void http_listener_close(struct http_server *server)
{
    if (server->listeners[1] >= 0)
        (void)unlink(server->config.socket); /* else the next one takes it away */
    for (size_t i = 0; i < HTTP_LISTENERS; i++)
        if (server->listeners[i] >= 0)
            (void)close(server->listeners[i]); /* nothing was written */
}

/* ---- on the attendant's thread --------------------------------------------------------------- */

/* For the attendant's epoll set; `events` 0: not for now. */
static void arm(struct http_server *server, size_t which, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = HTTP_LISTENER_ID + which};

    if (server->listeners[which] >= 0)
        CHECK(epoll_ctl(server->watch, operation, server->listeners[which], &event) == 0);
}

static void arm_all(struct http_server *server, int operation, uint32_t events)
{
    for (size_t i = 0; i < HTTP_LISTENERS; i++)
        if (!server->shut[i])
            arm(server, i, operation, events);
}

void http_listener_start(struct http_server *server)
{
    server->closed_until = INT64_MAX;
    arm_all(server, EPOLL_CTL_ADD, EPOLLIN);
}

mono_us http_listener_deadline(struct http_server *server, mono_us now)
{
    if (server->closed_until <= now) {
        server->closed_until = INT64_MAX;
        arm_all(server, EPOLL_CTL_MOD, EPOLLIN);
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
static bool accept_one(struct http_server *server, size_t which)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    int fd = accept4(server->listeners[which], (struct sockaddr *)&peer, &length,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        let_in(server, fd, (struct sockaddr *)&peer, length);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EINVAL: /* it was shut down, by http_server_drain() */
        arm(server, which, EPOLL_CTL_DEL, 0);
        server->shut[which] = true;
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        server->closed_until = server->config.mono() + RECOVERY;
        arm_all(server, EPOLL_CTL_MOD, 0);
        return false;
    default: /* that connection has failed already: accept(2), "Error handling" */
        return true;
    }
}

void http_listener_accept(struct http_server *server, size_t which)
{
    for (int i = 0; i < BURST; i++)
        if (!accept_one(server, which))
            return;
}
