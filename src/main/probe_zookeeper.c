/* SPDX-License-Identifier: Apache-2.0 */
#include "main/probe_zookeeper.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_MAX = 4096, TIMEOUT_SECONDS = 2 };

/* Sending, connecting and receiving end by then. */
static enum rc limit_waiting(int fd, struct err *err)
{
    const struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
        return err_errno(err, RC_IO, errno, "limiting how long to wait");
    return RC_OK;
}

static enum rc connect_to(const struct addrinfo *address, int *ret_fd, struct err *err)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    enum rc rc;

    if (fd < 0)
        return err_errno(err, RC_UNAVAILABLE, errno, "socket");
    rc = limit_waiting(fd, err);
    if (rc == RC_OK && connect(fd, address->ai_addr, address->ai_addrlen))
        rc = err_errno(err, RC_UNAVAILABLE, errno, "connecting");
    if (rc != RC_OK) {
        (void)close(fd);
        return rc;
    }
    *ret_fd = fd;
    return RC_OK;
}

static enum rc connect_host(const struct place_host *host, int *ret_fd, struct err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char port[8];
    int error;
    enum rc rc = RC_UNAVAILABLE;

    (void)snprintf(port, sizeof(port), "%u", host->port);
    error = getaddrinfo(host->name, port, &hints, &addresses);
    if (error)
        return err_fail(err, RC_UNAVAILABLE, "%s", gai_strerror(error));
    for (const struct addrinfo *at = addresses; at && rc != RC_OK; at = at->ai_next)
        rc = connect_to(at, ret_fd, err);
    freeaddrinfo(addresses);
    return rc;
}

static enum rc ask(int fd, char answer[ANSWER_MAX], struct err *err)
{
    static const char question[] = "srvr";
    size_t length = 0;
    ssize_t got = 1;

    if (send(fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question))
        return err_errno(err, RC_UNAVAILABLE, errno, "asking");
    while (got > 0 && length < ANSWER_MAX - 1) {
        got = recv(fd, answer + length, ANSWER_MAX - 1 - length, 0);
        length += got > 0 ? (size_t)got : 0;
    }
    answer[length] = '\0';
    if (!length)
        return err_fail(err, RC_UNAVAILABLE, "it does not answer");
    return RC_OK;
}

enum rc probe_zookeeper(const struct place_host *host, struct arena *arena, const char **ret_mode,
                        struct err *err)
{
    static const char label[] = "Mode: ";
    char answer[ANSWER_MAX];
    const char *mode;
    int fd;
    enum rc rc = connect_host(host, &fd, err);

    if (rc != RC_OK)
        return rc;
    rc = ask(fd, answer, err);
    (void)close(fd);
    if (rc != RC_OK)
        return rc;
    mode = strstr(answer, label);
    if (!mode)
        return err_fail(err, RC_UNAVAILABLE, "it serves nobody: %.*s", (int)strcspn(answer, "\r\n"),
                        answer);
    mode += strlen(label);
    *ret_mode = arena_strndup(arena, mode, strcspn(mode, "\r\n"));
    return RC_OK;
}
