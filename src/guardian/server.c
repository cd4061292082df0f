/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#include "ports/guardian_protocol.h"

enum {
    CLIENTS_MAX = 8,
    BACKLOG = 16,
    READ_CHUNK = 256 * 1024,
    OUT_MAX = 64 * 1024 * 1024, /* of what a launcher has not read */
    FILES_MAX = 16,             /* descriptors that came and whose START is not read yet */
    READS_A_TURN = 64,          /* one START with a descriptor ends a read */
};

struct client {
    struct list link;
    struct loop_source source;
    struct server *server;
    struct buf in, out;
    int files[FILES_MAX]; /* in the order in which they came */
    size_t file_count;
    bool greeted; /* said HELLO */
    bool writing; /* EPOLLOUT is watched */
    bool paused;  /* EPOLLIN is not */
    bool broken;
};

/* ---- the socket ---------------------------------------------------------------------------- */

/* sun_path has 108 bytes; a data directory may have a longer name. */
static struct sockaddr_un make_address(int directory_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" GUARDIAN_SOCKET,
                   directory_fd); /* fits */
    return address;
}

static enum rc open_listener(int directory_fd, int *ret_fd, struct err *err)
{
    struct sockaddr_un address = make_address(directory_fd);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before;
    bool bound;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "socket");
    (void)unlinkat(directory_fd, GUARDIAN_SOCKET, 0); /* of a predecessor; we hold the lock */
    before = umask(0177);                             /* the socket is 0600 from birth */
    bound = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)umask(before);
    if (!bound || listen(fd, BACKLOG) != 0) {
        (void)err_errno(err, RC_IO, errno, "listening on " GUARDIAN_SOCKET);
        (void)close(fd);
        return RC_IO;
    }
    *ret_fd = fd;
    return RC_OK;
}

static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

/* ---- clients ------------------------------------------------------------------------------- */

static void client_free(struct client *client)
{
    struct server *server = client->server;

    loop_remove(server->loop, &client->source);
    list_remove(&client->link);
    server->client_count--;
    for (size_t i = 0; i < client->file_count; i++)
        (void)close(client->files[i]);
    (void)close(client->source.fd); /* what was not sent is kept as results */
    buf_release(&client->in);
    buf_release(&client->out);
    free(client);
}

static void client_watch(struct client *client)
{
    loop_change(client->server->loop, &client->source,
                (client->paused ? 0 : EPOLLIN) | (client->writing ? EPOLLOUT : 0U));
}

static void client_tell(void *context, const struct launch_event *event)
{
    struct client *client = context;

    client->broken |= guardian_put_event(&client->out, event) != RC_OK;
}

/* What it is told after its HELLO; ports/launcher.h has the order. */
static void client_greet(struct client *client)
{
    struct server *server = client->server;
    struct launch_event connected = {.kind = LAUNCH_CONNECTED};

    client->greeted = true;
    client->broken |= guardian_put_hello(&client->out, GUARDIAN_VERSION) != RC_OK;
    if (server->stopping)
        client->broken |= guardian_put_stopping(&client->out) != RC_OK;
    supervisor_tell_all(server->supervisor, LAUNCH_KNOWN, client_tell, client);
    client_tell(client, &connected);
    supervisor_tell_all(server->supervisor, LAUNCH_FINISHED, client_tell, client);
}

/* A run that comes while we stop, or past the limit that launchers keep: not executed, and not
 * kept either. */
static void client_refuse(struct client *client, const struct launch *launch, const char *reason)
{
    struct launch_event event = {
        .kind = LAUNCH_FINISHED,
        .run = launch->run,
        .result = {.status = RUN_FAILED,
                   .started_at = INSTANT_NONE,
                   .finished_at = clock_now(client->server->supervisor->clock),
                   .exit_code = -1},
        .reason = reason};

    client_tell(client, &event);
}

/* The descriptor that came with a START; -1: none did. */
static int take_file(struct client *client)
{
    int fd = client->files[0];

    if (!client->file_count)
        return -1;
    client->file_count--;
    memmove(client->files, client->files + 1, client->file_count * sizeof(*client->files));
    return fd;
}

static void take_run(struct client *client, const struct launch *launch, const char *body,
                     size_t length)
{
    struct server *server = client->server;
    const char *refusal = NULL;

    if (server->stopping)
        refusal = "the guardian is stopping";
    else if (supervisor_runs(server->supervisor) >= GUARDIAN_RUNS_MAX)
        refusal = "the guardian has too many runs";
    if (!refusal) {
        supervisor_take(server->supervisor, launch, body, length);
        return;
    }
    client_refuse(client, launch, refusal);
    if (!launch->command)
        (void)close(launch->file.fd); /* was only read */
}

/* False: a file is to be executed, and its descriptor did not come. */
static bool client_start(struct client *client, struct launch *launch, const char *body,
                         size_t length)
{
    if (!launch->command)
        launch->file.fd = take_file(client);
    if (!launch->command && launch->file.fd < 0)
        return false;
    take_run(client, launch, body, length);
    return true;
}

static bool client_obey(struct client *client, const char *body, size_t length)
{
    struct supervisor *supervisor = client->server->supervisor;
    AUTO_ARENA struct arena arena = {0};
    struct guardian_message message;

    if (guardian_decode(body, length, &arena, &message, NULL) != RC_OK)
        return false;
    if (client->greeted == (message.kind == GUARDIAN_HELLO))
        return false;
    switch (message.kind) {
    case GUARDIAN_HELLO:
        client_greet(client);
        return guardian_knows(message.version);
    case GUARDIAN_START:
        return client_start(client, &message.launch, body, length);
    case GUARDIAN_KILL:
        supervisor_kill(supervisor, &message.run);
        return true;
    case GUARDIAN_ACKNOWLEDGE:
        supervisor_acknowledge(supervisor, &message.run);
        return true;
    case GUARDIAN_LEASE:
        supervisor_set_lease(supervisor, message.lease_until);
        return true;
    case GUARDIAN_EVENT:
    case GUARDIAN_STOPPING:
        break;
    }
    return false;
}

static bool client_obey_all(struct client *client)
{
    size_t done = 0, frame;

    for (;;) {
        if (guardian_frame(client->in.data + done, client->in.length - done, &frame) != RC_OK)
            return false;
        if (!frame)
            break;
        if (!client_obey(client, client->in.data + done + GUARDIAN_HEAD, frame - GUARDIAN_HEAD))
            return false;
        done += frame;
    }
    buf_consume(&client->in, done);
    return true;
}

/* Keeps the descriptors of a message; false: there are more than its STARTs can be for. */
static bool keep_files(struct client *client, struct msghdr *message)
{
    bool fits = !(message->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + i * sizeof(fd), sizeof(fd));
            if (client->file_count < FILES_MAX) {
                client->files[client->file_count++] = fd;
                continue;
            }
            (void)close(fd); /* nobody's */
            fits = false;
        }
    }
    return fits;
}

/* As read(); a read ends behind the bytes that a descriptor came with. */
static ssize_t receive(struct client *client, void *data, bool *ret_fits)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FILES_MAX * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = data, .iov_len = READ_CHUNK};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t length = recvmsg(client->source.fd, &message, MSG_CMSG_CLOEXEC);

    *ret_fits = length < 0 || keep_files(client, &message);
    return length;
}

/* True: there may be more. */
static bool client_read_once(struct client *client)
{
    ssize_t length;
    bool fits;

    if (buf_reserve(&client->in, READ_CHUNK) != RC_OK) {
        client->broken = true;
        return false;
    }
    length = receive(client, client->in.data + client->in.length, &fits);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (length <= 0) {
        client->broken = true;
        return false;
    }
    client->in.length += (size_t)length;
    client->in.data[client->in.length] = '\0';
    if (!fits || !client_obey_all(client)) {
        log_warn("launcher broke the protocol, closing its connection");
        client->broken = true;
    }
    return !client->broken;
}

static void client_read(struct client *client)
{
    int reads = 0;

    while (client_read_once(client) && !supervisor_is_full(client->server->supervisor) &&
           ++reads < READS_A_TURN)
        continue;
}

static void client_write(struct client *client)
{
    ssize_t length = 0;
    bool writing;

    if (client->out.length)
        length = send(client->source.fd, client->out.data, client->out.length, MSG_NOSIGNAL);
    if (length < 0 && errno != EAGAIN && errno != EINTR) {
        client->broken = true;
        return;
    }
    buf_consume(&client->out, length > 0 ? (size_t)length : 0);
    writing = client->out.length > 0;
    if (writing != client->writing) {
        client->writing = writing;
        client_watch(client);
    }
}

/* The client is freed by server_flush() only, so that whoever is in the middle of it may go on. */
static void on_client(struct loop_source *source, uint32_t events)
{
    struct client *client = container_of(source, struct client, source);

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        client_read(client);
}

static void on_listener(struct loop_source *source, uint32_t events)
{
    struct server *server = container_of(source, struct server, listener);
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct client *client;

    (void)events;
    if (fd < 0)
        return;
    client = xcalloc(1, sizeof(*client));
    client->source = (struct loop_source){.fd = fd, .ready = on_client};
    client->server = server;
    if (server->client_count >= CLIENTS_MAX || !is_allowed(fd) ||
        loop_add(server->loop, &client->source, EPOLLIN, NULL) != RC_OK) {
        log_warn("connection refused");
        (void)close(fd);
        free(client);
        return;
    }
    buf_init(&client->in, GUARDIAN_FRAME_MAX + READ_CHUNK);
    buf_init(&client->out, OUT_MAX);
    list_append(&server->clients, &client->link);
    server->client_count++;
}

/* ---- the server ---------------------------------------------------------------------------- */

enum rc server_init(struct server *server, struct loop *loop, struct supervisor *supervisor,
                    int directory_fd, struct err *err)
{
    enum rc rc;
    int fd;

    rc = open_listener(directory_fd, &fd, err);
    if (rc != RC_OK)
        return rc;
    *server = (struct server){.loop = loop,
                              .supervisor = supervisor,
                              .directory_fd = directory_fd,
                              .listener = {.fd = fd, .ready = on_listener}};
    list_init(&server->clients);
    rc = loop_add(loop, &server->listener, EPOLLIN, err);
    if (rc != RC_OK)
        (void)close(fd);
    return rc;
}

void server_release(struct server *server)
{
    while (!list_is_empty(&server->clients))
        client_free(list_take(&server->clients, struct client, link));
    loop_remove(server->loop, &server->listener);
    (void)close(server->listener.fd);
    (void)unlinkat(server->directory_fd, GUARDIAN_SOCKET, 0); /* nobody listens there any more */
}

void server_tell(void *context, const struct launch_event *event)
{
    struct server *server = context;
    struct client *client;

    list_for_each (client, &server->clients, link)
        if (client->greeted)
            client_tell(client, event);
}

static void pause_or_resume(struct client *client)
{
    bool full = supervisor_is_full(client->server->supervisor);

    if (full == client->paused)
        return;
    client->paused = full;
    client_watch(client);
}

void server_flush(struct server *server)
{
    struct client *client;
    struct list *after;

    list_for_each_safe (client, after, &server->clients, link) {
        if (!client->broken)
            client_write(client);
        if (!client->broken)
            pause_or_resume(client);
        if (client->broken)
            client_free(client);
    }
}

void server_stop(struct server *server)
{
    struct client *client;

    server->stopping = true;
    list_for_each (client, &server->clients, link)
        if (client->greeted)
            client->broken |= guardian_put_stopping(&client->out) != RC_OK;
}
