/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"

#include "ports/guardian_protocol.h"

#include "adapters/posix/guardian_spawn.h"

enum {
    CHILDREN_MAX = 4,
    READ_CHUNK = 256 * 1024,
    UNSENT_MAX = 32 * 1024 * 1024, /* then starts are answered RC_BUSY */
    FILES_MAX = 256,               /* unsent descriptors, likewise */
};

static const span_us patience = 5 * SECOND; /* with a guardian that starts or is to answer */
static const span_us first_delay = 100 * MILLISECOND;
static const span_us longest_delay = 5 * SECOND;

/*
 *     AWAY --no guardian, spawned--> SPAWNED --ready--> GREETED --CONNECTED--> UP
 *      |  `---------connected: HELLO is said-----------^ |                      |
 *      ^--------lost, or too slow: again after a delay---'----------------------'
 */
enum link { LINK_AWAY, LINK_SPAWNED, LINK_GREETED, LINK_UP };

/* A descriptor that travels with the first byte of its START. */
struct unsent_file {
    size_t at; /* in `out` */
    int fd;    /* ours */
};

struct posix_launcher {
    struct launcher base;
    char *executable, *data_directory;
    const char *const *arguments;
    struct clock *clock;
    launch_callback callback;
    void *context;
    struct loop loop;
    enum link link;
    mono_us deadline;   /* AWAY: of the next attempt; SPAWNED, GREETED: of our patience */
    span_us delay;      /* before the attempt after the next failure */
    struct err trouble; /* why the last attempt failed */
    pid_t
        children[CHILDREN_MAX]; /* guardians that we started, 0: none; the dying one and the next */
    struct loop_source ready;
    struct loop_source socket;
    struct buf in, out;
    struct unsent_file files[FILES_MAX]; /* in the order of `at` */
    size_t file_count;
    uint32_t version; /* of the guardian, as far as is known: what we say to it */
    bool writing;     /* EPOLLOUT is watched */
    bool stopping;    /* the guardian takes no more */
    size_t handed;    /* runs that it has */
};

static struct posix_launcher *self_of(struct launcher *launcher)
{
    return container_of(launcher, struct posix_launcher, base);
}

/* ---- the way to the guardian --------------------------------------------------------------- */

static void close_source(struct posix_launcher *self, struct loop_source *source)
{
    if (source->fd < 0)
        return;
    loop_remove(&self->loop, source);
    (void)close(source->fd); /* what was not sent is sent again or was not accepted */
    source->fd = -1;
}

static void reap(struct posix_launcher *self)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++)
        if (self->children[i] && waitpid(self->children[i], NULL, WNOHANG) != 0)
            self->children[i] = 0;
}

static void note_child(struct posix_launcher *self, pid_t child)
{
    size_t i = 0;

    while (i < CHILDREN_MAX - 1 && self->children[i])
        i++;
    self->children[i] = child;
}

/* Forgets the first `count`, which are sent or never will be. */
static void close_files(struct posix_launcher *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)close(self->files[i].fd); /* was only read */
    self->file_count -= count;
    memmove(self->files, self->files + count, self->file_count * sizeof(*self->files));
}

/* AWAY, and again later: at once after a connection that worked, then more and more seldom. */
static void give_up(struct posix_launcher *self)
{
    bool was_up = self->link == LINK_UP;
    struct launch_event event = {.kind = LAUNCH_DISCONNECTED, .reason = ""};

    close_source(self, &self->ready);
    close_source(self, &self->socket);
    buf_reset(&self->in);
    buf_reset(&self->out);
    close_files(self, self->file_count);
    self->writing = self->stopping = false;
    self->handed = 0;
    self->link = LINK_AWAY;
    if (was_up)
        self->delay = first_delay;
    self->deadline = clock_mono(self->clock) + (was_up ? 0 : self->delay);
    if (!was_up)
        self->delay = MIN(self->delay * 2, longest_delay);
    if (was_up)
        self->callback(self->context, &event);
}

/* sun_path has 108 bytes; a data directory may have a longer name. Answers -1 and errno. */
static int connect_to(const char *data_directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int directory_fd = open(data_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" GUARDIAN_SOCKET,
                   directory_fd); /* fits */
    if (directory_fd < 0 || fd < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        error = errno;
    if (directory_fd >= 0)
        (void)close(directory_fd);
    if (!error)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    errno = error;
    return -1;
}

static void flush(struct posix_launcher *self);
static void on_socket(struct loop_source *source, uint32_t events);

/* Says HELLO. False: there is no guardian that listens. */
static bool try_to_greet(struct posix_launcher *self)
{
    int fd = connect_to(self->data_directory);

    if (fd < 0)
        return false;
    self->socket = (struct loop_source){.fd = fd, .ready = on_socket};
    if (loop_add(&self->loop, &self->socket, EPOLLIN, NULL) != RC_OK ||
        guardian_put_hello(&self->out, self->version) != RC_OK) {
        (void)close(fd);
        self->socket.fd = -1;
        return false;
    }
    self->link = LINK_GREETED;
    self->deadline = clock_mono(self->clock) + patience;
    flush(self);
    return true;
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    struct posix_launcher *self = container_of(source, struct posix_launcher, ready);
    char byte;
    bool listens = read(source->fd, &byte, 1) == 1;

    (void)events;
    close_source(self, &self->ready);
    if (listens && try_to_greet(self))
        return;
    (void)err_fail(&self->trouble, RC_IO, "the guardian has ended at once; its log says why");
    give_up(self);
}

static void try_to_spawn(struct posix_launcher *self)
{
    int ready_fd;
    pid_t child;

    reap(self);
    if (guardian_spawn(self->executable, self->data_directory, self->arguments, &child, &ready_fd,
                       &self->trouble) != RC_OK) {
        give_up(self);
        return;
    }
    note_child(self, child);
    self->ready = (struct loop_source){.fd = ready_fd, .ready = on_ready};
    if (loop_add(&self->loop, &self->ready, EPOLLIN, NULL) != RC_OK) {
        (void)close(ready_fd);
        self->ready.fd = -1;
        give_up(self);
        return;
    }
    self->link = LINK_SPAWNED;
    self->deadline = clock_mono(self->clock) + patience;
}

/* ---- messages ------------------------------------------------------------------------------ */

/* From `from` up to the next byte that a descriptor comes with; one that comes with the first goes
 * along. */
static ssize_t send_stretch(struct posix_launcher *self, size_t from, size_t *next_file)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
    const struct unsent_file *file = &self->files[*next_file];
    bool has_file = *next_file < self->file_count && file->at == from;
    size_t after = *next_file + has_file;
    size_t to = after < self->file_count ? self->files[after].at : self->out.length;
    struct iovec part = {.iov_base = self->out.data + from, .iov_len = to - from};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t length;

    if (has_file) {
        memcpy(CMSG_DATA(&control.head), &file->fd, sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
    }
    length = sendmsg(self->socket.fd, &message, MSG_NOSIGNAL);
    *next_file = length > 0 ? after : *next_file;
    return length;
}

static void flush(struct posix_launcher *self)
{
    size_t sent = 0, files = 0;
    ssize_t length = 1;
    bool writing;

    while (sent < self->out.length && (length = send_stretch(self, sent, &files)) > 0)
        sent += (size_t)length;
    buf_consume(&self->out, sent);
    close_files(self, files);
    for (size_t i = 0; i < self->file_count; i++)
        self->files[i].at -= sent;
    /* Any other failure shows when reading. */
    writing = self->out.length > 0;
    if (writing != self->writing)
        loop_change(&self->loop, &self->socket, EPOLLIN | (writing ? EPOLLOUT : 0U));
    self->writing = writing;
}

/* Sent by the next dispatch(), so that many calls share one system call. */
static void send_soon(struct posix_launcher *self)
{
    if (self->writing)
        return;
    loop_change(&self->loop, &self->socket, EPOLLIN | EPOLLOUT);
    self->writing = true;
}

static void hear_event(struct posix_launcher *self, const struct launch_event *event)
{
    if (event->kind == LAUNCH_KNOWN)
        self->handed++;
    if (event->kind == LAUNCH_CONNECTED) {
        self->link = LINK_UP;
        self->delay = first_delay;
        self->deadline = LOOP_NO_DEADLINE;
        self->trouble = (struct err){0};
    }
    self->callback(self->context, event);
}

static bool hear(struct posix_launcher *self, const char *body, size_t length)
{
    AUTO_ARENA struct arena arena = {0};
    struct guardian_message message;

    if (guardian_decode(body, length, &arena, &message, NULL) != RC_OK)
        return false;
    switch (message.kind) {
    case GUARDIAN_HELLO:
        self->version = message.version;
        return guardian_knows(message.version);
    case GUARDIAN_EVENT:
        hear_event(self, &message.event);
        return true;
    case GUARDIAN_STOPPING:
        self->stopping = true;
        return true;
    case GUARDIAN_START:
    case GUARDIAN_KILL:
    case GUARDIAN_ACKNOWLEDGE:
    case GUARDIAN_LEASE:
        break;
    }
    return false;
}

static bool hear_all(struct posix_launcher *self)
{
    size_t done = 0, frame;
    bool understood = true;

    while (understood) {
        understood = guardian_frame(self->in.data + done, self->in.length - done, &frame) == RC_OK;
        if (!understood || !frame)
            break;
        understood = hear(self, self->in.data + done + GUARDIAN_HEAD, frame - GUARDIAN_HEAD);
        done += frame;
    }
    buf_consume(&self->in, done);
    return understood;
}

static bool read_some(struct posix_launcher *self)
{
    ssize_t length;

    if (buf_reserve(&self->in, READ_CHUNK) != RC_OK)
        return false;
    length = read(self->socket.fd, self->in.data + self->in.length, READ_CHUNK);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (length <= 0)
        return false;
    self->in.length += (size_t)length;
    self->in.data[self->in.length] = '\0';
    return hear_all(self);
}

static void on_socket(struct loop_source *source, uint32_t events)
{
    struct posix_launcher *self = container_of(source, struct posix_launcher, socket);

    if (events & EPOLLOUT)
        flush(self);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !read_some(self))
        give_up(self);
}

/* ---- the port ------------------------------------------------------------------------------ */

static enum rc attach_file(struct posix_launcher *self, const struct launch *launch,
                           struct err *err)
{
    struct unsent_file *file;

    if (self->version < GUARDIAN_VERSION_FILES)
        return err_fail(err, RC_INVALID,
                        "the guardian is of an older version that executes commands only; it is "
                        "replaced when it has nothing to do");
    if (self->file_count == FILES_MAX)
        flush(self);
    file = &self->files[self->file_count];
    if (self->file_count == FILES_MAX)
        return err_fail(err, RC_BUSY, "the guardian takes no more files now");
    *file = (struct unsent_file){.at = self->out.length,
                                 .fd = fcntl(launch->file.fd, F_DUPFD_CLOEXEC, 0)};
    if (file->fd < 0)
        return err_errno(err, RC_BUSY, errno, "duplicating a descriptor");
    self->file_count++;
    return RC_OK;
}

static void detach_file(struct posix_launcher *self)
{
    (void)close(self->files[--self->file_count].fd); /* was only read */
}

static enum rc posix_start(struct launcher *launcher, const struct launch *launch, struct err *err)
{
    struct posix_launcher *self = self_of(launcher);
    struct launch said = *launch;
    enum rc rc = RC_OK;

    said.may_gain &= self->version >= GUARDIAN_VERSION; /* an older one keeps nobody from it */
    if (self->link != LINK_UP)
        return err_fail(err, RC_UNAVAILABLE, "the guardian is not connected%s%s",
                        self->trouble.message[0] ? ": " : "", self->trouble.message);
    if (self->stopping || self->handed >= GUARDIAN_RUNS_MAX || self->out.length > UNSENT_MAX)
        return err_fail(err, RC_BUSY, "the guardian takes no more runs now");
    if (!launch->command)
        rc = attach_file(self, launch, err);
    if (rc != RC_OK)
        return rc;
    if (guardian_put_start(&self->out, &said) != RC_OK) {
        if (!launch->command)
            detach_file(self);
        return err_fail(err, RC_TOO_BIG, "a run's arguments and environment are too large");
    }
    self->handed++;
    send_soon(self);
    return RC_OK;
}

/* Without a connection there is nothing to tell: after the next one, FINISHED comes again, and who
 * wants a run killed learns whether there still is one. */
static void posix_kill(struct launcher *launcher, const struct run_key *run)
{
    struct posix_launcher *self = self_of(launcher);

    if (self->link == LINK_UP && guardian_put_kill(&self->out, run) == RC_OK)
        send_soon(self);
}

/* Told again after the next connection. */
static void posix_set_lease(struct launcher *launcher, mono_us until)
{
    struct posix_launcher *self = self_of(launcher);

    if (self->link == LINK_UP && guardian_put_lease(&self->out, until) == RC_OK)
        send_soon(self);
}

static void posix_acknowledge(struct launcher *launcher, const struct run_key *run)
{
    struct posix_launcher *self = self_of(launcher);

    if (self->link < LINK_GREETED || guardian_put_acknowledge(&self->out, run) != RC_OK)
        return;
    self->handed -= self->handed > 0;
    send_soon(self);
}

static int posix_fd(struct launcher *launcher)
{
    return self_of(launcher)->loop.fd;
}

/* A guardian of an older version goes on with its runs, and makes room when it has none. */
static void replace_when_idle(struct posix_launcher *self)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);

    if (self->link != LINK_UP || self->version == GUARDIAN_VERSION || self->handed ||
        self->stopping || self->out.length)
        return;
    self->stopping = getsockopt(self->socket.fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
                     kill(peer.pid, SIGTERM) == 0;
}

static void posix_dispatch(struct launcher *launcher)
{
    struct posix_launcher *self = self_of(launcher);

    loop_poll(&self->loop);
    replace_when_idle(self);
    if (clock_mono(self->clock) >= self->deadline) {
        if (self->link != LINK_AWAY)
            give_up(self);
        else if (!try_to_greet(self))
            try_to_spawn(self);
    }
    loop_set_deadline(&self->loop, self->deadline);
}

static void posix_free(struct launcher *launcher)
{
    struct posix_launcher *self = self_of(launcher);

    close_source(self, &self->ready);
    close_source(self, &self->socket);
    close_files(self, self->file_count);
    reap(self);
    loop_release(&self->loop);
    buf_release(&self->in);
    buf_release(&self->out);
    free(self->executable);
    free(self->data_directory);
    free(self);
}

enum rc posix_launcher_new(const struct posix_launcher_config *config,
                           struct launcher **ret_launcher, struct err *err)
{
    static const struct launcher_ops ops = {.name = "posix",
                                            .start = posix_start,
                                            .kill = posix_kill,
                                            .set_lease = posix_set_lease,
                                            .acknowledge = posix_acknowledge,
                                            .fd = posix_fd,
                                            .dispatch = posix_dispatch,
                                            .free = posix_free};
    struct posix_launcher *self = xcalloc(1, sizeof(*self));
    enum rc rc = loop_init(&self->loop, err);

    if (rc != RC_OK) {
        free(self);
        return rc;
    }
    self->base.ops = &ops;
    self->executable = xstrdup(config->executable ? config->executable : "/proc/self/exe");
    self->data_directory = xstrdup(config->data_directory);
    self->arguments = config->arguments;
    self->clock = config->clock;
    self->callback = config->callback;
    self->context = config->context;
    self->ready.fd = self->socket.fd = -1;
    self->delay = first_delay;
    self->version = GUARDIAN_VERSION;
    buf_init(&self->in, GUARDIAN_FRAME_MAX + READ_CHUNK);
    buf_init(&self->out, UNSENT_MAX + GUARDIAN_FRAME_MAX);
    loop_set_deadline(&self->loop, 0); /* the first attempt is in the first dispatch() */
    *ret_launcher = &self->base;
    return RC_OK;
}
