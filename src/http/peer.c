/* SPDX-License-Identifier: Apache-2.0 */
#include "http/peer.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

enum { ANSWER_SIZE = 1024 };

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

/* One netlink socket per thread, kept until the thread ends: opening one costs more than asking. */

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void close_socket(void *value)
{
    (void)close((int)(intptr_t)value - 1); /* nothing was left to send */
}

static void make_key(void)
{
    CHECK(pthread_key_create(&key, close_socket) == 0);
}

static int keep_socket(int fd)
{
    CHECK(pthread_setspecific(key, (void *)((intptr_t)fd + 1)) == 0); /* NULL means none */
    return fd;
}

static int netlink_socket(void)
{
    void *kept;
    int fd;

    CHECK(pthread_once(&once, make_key) == 0);
    kept = pthread_getspecific(key);
    if (kept)
        return (int)(intptr_t)kept - 1;
    fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    return fd < 0 ? fd : keep_socket(fd);
}

/* An answer that does not fit its question would be taken for that of the next: begin anew. */
static enum rc forget_socket(int fd, enum rc rc)
{
    (void)close(fd);
    CHECK(pthread_setspecific(key, NULL) == 0);
    return rc;
}

/* An address of either family, as the question needs it. */
struct end {
    uint32_t address[4];
    uint16_t port; /* as in the packet */
};

static bool is_loopback_end(const struct end *end, int family)
{
    const unsigned char *bytes = (const unsigned char *)end->address;

    if (family == AF_INET)
        return bytes[0] == 127;
    return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)end->address);
}

/* ::ffff:127.0.0.1 is a socket of IPv4 to the kernel's table when the peer used IPv4. */
static int end_of(const struct sockaddr_storage *address, struct end *ret_end)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memcpy(&in, address, sizeof(in));
    memcpy(&in6, address, sizeof(in6));
    *ret_end = (struct end){0};
    if (address->ss_family == AF_INET) {
        ret_end->address[0] = in.sin_addr.s_addr;
        ret_end->port = in.sin_port;
        return AF_INET;
    }
    ret_end->port = in6.sin6_port;
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        memcpy(ret_end->address, in6.sin6_addr.s6_addr + 12, 4);
        return AF_INET;
    }
    memcpy(ret_end->address, &in6.sin6_addr, sizeof(in6.sin6_addr));
    return AF_INET6;
}

/* The peer's socket has the peer's address as its source and ours as its destination. */
static struct request make_request(int family, const struct end *peer, const struct end *self)
{
    struct request request = {
        .header = {.nlmsg_len = sizeof(request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id = {.idiag_sport = peer->port,
                        .idiag_dport = self->port,
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };

    memcpy(request.body.id.idiag_src, peer->address, sizeof(peer->address));
    memcpy(request.body.id.idiag_dst, self->address, sizeof(self->address));
    return request;
}

/* TCP_FIN_WAIT1 and 2: the peer has sent all it had to say and may wait for the answer still. */
static bool is_open(const struct inet_diag_msg *found)
{
    switch (found->idiag_state) {
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSE_WAIT:
        return found->idiag_inode != 0;
    default:
        return false;
    }
}

/* Without a connection of these ends the kernel finds who listens on the peer's port, if anybody.
 */
static enum rc judge(const struct inet_diag_msg *found, const struct inet_diag_sockid *asked,
                     uid_t *ret_uid, struct err *err)
{
    bool same =
        found->id.idiag_sport == asked->idiag_sport && found->id.idiag_dport == asked->idiag_dport;

    if (!same || !is_open(found))
        return err_fail(err, RC_NOT_FOUND, "the peer has closed its end");
    *ret_uid = found->idiag_uid;
    return RC_OK;
}

static enum rc ask(const struct request *request, uid_t *ret_uid, struct err *err)
{
    union {
        struct nlmsghdr header;
        char bytes[ANSWER_SIZE];
    } answer = {0};
    int fd = netlink_socket();
    ssize_t length;

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "opening a netlink socket");
    if (send(fd, request, sizeof(*request), 0) < 0)
        return forget_socket(fd, err_errno(err, RC_IO, errno, "asking the kernel for a socket"));
    /* The kernel answers within send(): there is nothing to wait for. */
    length = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
    if (length < 0)
        return forget_socket(fd, err_errno(err, RC_IO, errno, "reading the kernel's answer"));
    if (!NLMSG_OK(&answer.header, (size_t)length))
        return forget_socket(fd, err_fail(err, RC_IO, "the kernel's answer is cut short"));
    if (answer.header.nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(&answer.header);

        if (error->error == -ENOENT)
            return err_fail(err, RC_NOT_FOUND, "the peer is not on this machine");
        return err_errno(err, RC_IO, -error->error, "asking the kernel for a socket");
    }
    if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer.header.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return forget_socket(fd, err_fail(err, RC_IO, "the kernel's answer is of another kind"));
    return judge(NLMSG_DATA(&answer.header), &request->body.id, ret_uid, err);
}

static enum rc ask_for_tcp(const struct sockaddr_storage *peer_address, int socket, uid_t *ret_uid,
                           struct err *err)
{
    struct sockaddr_storage self_address = {0};
    socklen_t length = sizeof(self_address);
    struct end peer, self;
    struct request request;
    int family = end_of(peer_address, &peer);

    if (getsockname(socket, (struct sockaddr *)&self_address, &length) < 0)
        return err_errno(err, RC_IO, errno, "asking for a socket's own address");
    (void)end_of(&self_address, &self); /* both ends are of one family */
    if (!is_loopback_end(&peer, family) && memcmp(peer.address, self.address, 16) != 0)
        return err_fail(err, RC_NOT_FOUND, "the peer is not on this machine");
    request = make_request(family, &peer, &self);
    return ask(&request, ret_uid, err);
}

static enum rc peer_address(int socket, struct sockaddr_storage *ret_address, struct err *err)
{
    socklen_t length = sizeof(*ret_address);

    *ret_address = (struct sockaddr_storage){0};
    if (getpeername(socket, (struct sockaddr *)ret_address, &length) == 0)
        return RC_OK;
    if (errno == ENOTCONN)
        return err_fail(err, RC_NOT_FOUND, "the peer has closed its end");
    return err_errno(err, RC_IO, errno, "asking for a peer's address");
}

/* The connection still stands after the look-up, so what was found is the other end of it. */
static enum rc tcp_peer_uid(const struct sockaddr_storage *address, int socket, uid_t *ret_uid,
                            struct err *err)
{
    struct sockaddr_storage again;
    uid_t uid;
    enum rc rc = ask_for_tcp(address, socket, &uid, err);

    if (rc == RC_OK)
        rc = peer_address(socket, &again, err);
    if (rc == RC_OK)
        *ret_uid = uid;
    return rc;
}

enum rc http_peer_uid(int socket, uid_t *ret_uid, struct err *err)
{
    struct sockaddr_storage address;
    struct ucred credentials;
    socklen_t length = sizeof(credentials);
    enum rc rc = peer_address(socket, &address, err);

    if (rc != RC_OK)
        return rc;
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
        return tcp_peer_uid(&address, socket, ret_uid, err);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
        return err_errno(err, RC_IO, errno, "asking for a peer's credentials");
    *ret_uid = credentials.uid;
    return RC_OK;
}
