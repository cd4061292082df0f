/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at the other end: of every kind of connection, and of more than one account. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compiler.h"

#include "http/peer.h"
#include "testing.h"

enum { NOBODY = 65534, PATIENCE = 20000 };

/* A socket address of either family, as the system calls want it. */
struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } socket;
    socklen_t length;
};

static struct address address_of(const char *text)
{
    struct address address = {0};

    if (inet_pton(AF_INET, text, &address.socket.in.sin_addr) == 1) {
        address.socket.in.sin_family = AF_INET;
        address.length = sizeof(address.socket.in);
        return address;
    }
    assert_int_equal(inet_pton(AF_INET6, text, &address.socket.in6.sin6_addr), 1);
    address.socket.in6.sin6_family = AF_INET6;
    address.length = sizeof(address.socket.in6);
    return address;
}

/* Listens on a free port of the address. */
static int listen_at(const char *text, in_port_t *ret_port)
{
    struct address address = address_of(text);
    int fd = socket(address.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &address.socket.any, address.length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, &address.socket.any, &address.length), 0);
    *ret_port = address.socket.in.sin_port; /* at the same place in both families */
    return fd;
}

static int connect_to(const char *text, in_port_t port)
{
    struct address address = address_of(text);
    int fd = socket(address.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.socket.in.sin_port = port;
    if (fd < 0 || connect(fd, &address.socket.any, address.length) < 0)
        return -1;
    return fd;
}

static void wait_for_end(int fd)
{
    struct pollfd ended = {.fd = fd, .events = POLLRDHUP};

    assert_int_equal(poll(&ended, 1, PATIENCE), 1);
}

static const struct row {
    const char *listens, *connects;
} rows[] = {
    {"127.0.0.1", "127.0.0.1"},
    {"0.0.0.0", "127.3.2.1"},
    {"::1", "::1"},
    {"::", "127.0.0.1"},
    {"127.0.0.1", "::ffff:127.0.0.1"},
    {"::", "::ffff:127.0.0.1"},
    {"::", "::1"},
};

static void knows_the_account_over_either_family(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        in_port_t port;
        int listener = listen_at(rows[i].listens, &port);
        int client = connect_to(rows[i].connects, port);
        int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct err err = {0};
        uid_t uid = 12345;

        if (http_peer_uid(server, &uid, &err) != RC_OK)
            fail_msg("%s -> %s: %s", rows[i].connects, rows[i].listens, err.message);
        assert_int_equal(uid, geteuid());
        assert_int_equal(http_peer_uid(client, &uid, NULL), RC_OK);
        (void)close(client);
        (void)close(server);
        (void)close(listener);
    }
}

static void knows_the_account_over_a_local_socket(void **state)
{
    int fds[2];
    uid_t uid = 12345;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(http_peer_uid(fds[0], &uid, NULL), RC_OK);
    assert_int_equal(uid, geteuid());
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void knows_nobody_behind_a_closed_socket(void **state)
{
    in_port_t port;
    int listener = listen_at("127.0.0.1", &port), client = connect_to("127.0.0.1", port);
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    uid_t uid = 12345;

    (void)state;
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    wait_for_end(server);
    assert_int_equal(http_peer_uid(server, &uid, NULL), RC_OK);
    uid = 12345;
    (void)close(client);
    assert_int_equal(http_peer_uid(server, &uid, NULL), RC_NOT_FOUND);
    assert_int_equal(http_peer_uid(listener, &uid, NULL), RC_NOT_FOUND);
    assert_int_equal(http_peer_uid(-1, &uid, NULL), RC_IO);
    assert_int_equal(uid, 12345);
    (void)close(server);
    (void)close(listener);
}

/* TIME_WAIT is listed as root's. */
static void takes_no_leftover_for_root(void **state)
{
    in_port_t port;
    int listener = listen_at("127.0.0.1", &port), client = connect_to("127.0.0.1", port);
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    uid_t uid = 12345;

    (void)state;
    (void)close(client);
    wait_for_end(server);
    assert_int_equal(shutdown(server, SHUT_WR), 0); /* the client's end is in TIME_WAIT now */
    assert_int_equal(http_peer_uid(server, &uid, NULL), RC_NOT_FOUND);
    assert_int_equal(uid, 12345);
    (void)close(server);
    (void)close(listener);
}

/* In a child as another account: connects, and asks itself who is at the parent's end. */
static void be_nobody(in_port_t port, int until)
{
    uid_t uid = 12345;
    char end;
    int fd;

    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        _exit(1);
    fd = connect_to("127.0.0.1", port);
    if (fd < 0 || read(until, &end, 1) != 0) /* the parent has accepted and asked */
        _exit(2);
    _exit(http_peer_uid(fd, &uid, NULL) == RC_OK && uid == 0 ? 0 : 3);
}

static void tells_accounts_apart(void **state)
{
    in_port_t port;
    int listener = listen_at("127.0.0.1", &port), server, status, until[2];
    uid_t uid = 12345;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(pipe2(until, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(until[1]);
        be_nobody(port, until[0]);
    }
    server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(http_peer_uid(server, &uid, NULL), RC_OK);
    assert_int_equal(uid, NOBODY);
    (void)close(until[0]);
    (void)close(until[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(server);
    (void)close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_account_over_either_family),
        cmocka_unit_test(knows_the_account_over_a_local_socket),
        cmocka_unit_test(knows_nobody_behind_a_closed_socket),
        cmocka_unit_test(takes_no_leftover_for_root),
        cmocka_unit_test(tells_accounts_apart),
    };

    return cmocka_run_group_tests_name("http peer", tests, NULL, NULL);
}
