/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/fires.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define SOCKET_NAME "fire.sock"

enum { CALLS_AT_ONCE = 64 };

struct posix_fires {
    struct fires base;
    int directory, fd;
    uid_t account;
    fire_callback callback;
    void *context;
};

static struct posix_fires *self_of(struct fires *fires)
{
    return container_of(fires, struct posix_fires, base);
}

/* sun_path has 108 bytes; a data directory may have a longer name. */
static struct sockaddr_un address_in(int directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SOCKET_NAME,
                   directory); /* fits */
    return address;
}

/* ---- the worker's side ------------------------------------------------------------------------
 */

static void posix_listen(struct fires *fires, fire_callback callback, void *context)
{
    struct posix_fires *self = self_of(fires);

    self->callback = callback;
    self->context = context;
}

static int posix_fd(struct fires *fires)
{
    return self_of(fires)->fd;
}

struct call {
    struct sockaddr_un from;
    struct iovec part;
    struct msghdr message;
    char text[FIRE_TEXT];
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
};

/* False: there is none. Its length is -1 when it is cut off. */
static bool receive(const struct posix_fires *self, struct call *call, ssize_t *ret_length)
{
    ssize_t length;

    call->part = (struct iovec){.iov_base = call->text, .iov_len = sizeof(call->text)};
    call->message = (struct msghdr){.msg_name = &call->from,
                                    .msg_namelen = sizeof(call->from),
                                    .msg_iov = &call->part,
                                    .msg_iovlen = 1,
                                    .msg_control = call->control.bytes,
                                    .msg_controllen = sizeof(call->control)};
    length = recvmsg(self->fd, &call->message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return false;
    *ret_length = call->message.msg_flags & MSG_TRUNC ? -1 : length;
    return true;
}

static bool is_allowed(const struct posix_fires *self, struct call *call)
{
    const struct cmsghdr *head = CMSG_FIRSTHDR(&call->message);
    struct ucred credentials;

    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS)
        return false;
    memcpy(&credentials, CMSG_DATA(head), sizeof(credentials));
    return credentials.uid == 0 || credentials.uid == self->account;
}

static void answer(const struct posix_fires *self, struct call *call, ssize_t length)
{
    enum fire_answer answer = FIRE_REFUSED;
    const char *text;
    job_id job;

    if (is_allowed(self, call))
        answer = length >= 0 && fire_parse(call->text, (size_t)length, &job)
                     ? self->callback(self->context, job)
                     : FIRE_UNKNOWN;
    text = fire_answer_text(answer);
    (void)sendto(self->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&call->from,
                 call->message.msg_namelen); /* who does not take it does not get it */
}

static void posix_dispatch(struct fires *fires)
{
    struct posix_fires *self = self_of(fires);
    struct call call;
    ssize_t length;

    for (int i = 0; i < CALLS_AT_ONCE && receive(self, &call, &length); i++)
        answer(self, &call, length);
}

static void posix_free(struct fires *fires)
{
    struct posix_fires *self = self_of(fires);

    if (self->fd >= 0) {
        (void)unlinkat(self->directory, SOCKET_NAME, 0); /* or the next worker does */
        (void)close(self->fd);
    }
    if (self->directory >= 0)
        (void)close(self->directory);
    free(self);
}

static const struct fires_ops ops = {
    .name = "posix",
    .listen = posix_listen,
    .fd = posix_fd,
    .dispatch = posix_dispatch,
    .free = posix_free,
};

/* Nobody else can enter the directory before the mode is set. */
static bool open_socket(const struct posix_fires *self)
{
    struct sockaddr_un address = address_in(self->directory);
    int on = 1;

    (void)unlinkat(self->directory, SOCKET_NAME, 0); /* a dead one's, or there is none */
    return setsockopt(self->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
           bind(self->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
           fchmodat(self->directory, SOCKET_NAME, 0600, 0) == 0;
}

enum rc posix_fires_new(const char *data, struct fires **ret_fires, struct err *err)
{
    struct posix_fires *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->account = geteuid();
    self->directory = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->directory < 0 || self->fd < 0 || !open_socket(self)) {
        enum rc rc = err_errno(err, RC_IO, errno, "%s/" SOCKET_NAME, data);

        posix_free(&self->base);
        return rc;
    }
    *ret_fires = &self->base;
    return RC_OK;
}

/* ---- the caller's side ------------------------------------------------------------------------
 */

static enum rc trouble(int error, const char *data, struct err *err)
{
    switch (error) {
    case ENOENT:
    case ECONNREFUSED:
    case ECONNRESET:
        return err_fail(err, RC_UNAVAILABLE,
                        "no worker of %s takes calls: it is away and will make up for the tick, or "
                        "its scheduler is not crontab",
                        data);
    case EACCES:
    case EPERM:
        return err_fail(err, RC_FORBIDDEN, "only root and the worker's account may call it");
    case EAGAIN:
        return err_fail(err, RC_TIMEOUT, "the worker does not answer");
    default:
        return err_errno(err, RC_IO, error, "calling the worker of %s", data);
    }
}

/* A name of its own for the answer, which the kernel chooses. */
static bool prepare(int fd, span_us patience)
{
    const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = patience / SECOND, .tv_usec = patience % SECOND};

    return bind(fd, (const struct sockaddr *)&nameless, sizeof(nameless.sun_family)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0;
}

/* Connected, it takes nothing from anybody but the worker. */
static bool ask(int fd, int directory, job_id job, char text[FIRE_TEXT], ssize_t *ret_length)
{
    struct sockaddr_un address = address_in(directory);
    size_t length = fire_print(job, text);

    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        return false;
    *ret_length = recv(fd, text, FIRE_TEXT, 0);
    return *ret_length >= 0;
}

enum rc posix_fire(const char *data, job_id job, span_us patience, enum fire_answer *ret_answer,
                   struct err *err)
{
    int directory = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = directory < 0 ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[FIRE_TEXT];
    ssize_t length = 0;
    enum rc rc = RC_OK;

    if (fd < 0 || !prepare(fd, patience) || !ask(fd, directory, job, text, &length))
        rc = trouble(errno, data, err);
    else if (!fire_answer_parse(text, (size_t)length, ret_answer))
        rc = err_fail(err, RC_IO, "the worker's answer is not understood: it has another version");
    if (fd >= 0)
        (void)close(fd); /* all was said */
    if (directory >= 0)
        (void)close(directory);
    return rc;
}
