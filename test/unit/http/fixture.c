/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

mono_us fixture_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * SECOND + now.tv_nsec / 1000;
}

void fixture_pause(void)
{
    (void)poll(NULL, 0, 1);
}

static void on_finished(struct http_request *request, unsigned status, span_us duration)
{
    struct fixture *fixture = FIXTURE_OF(request);

    assert_true(duration >= 0);
    fixture->last_status = status;
    atomic_fetch_add(&fixture->finished, 1);
}

void fixture_start(struct fixture *fixture, const struct http_route *routes, size_t count,
                   struct http_server_config config)
{
    struct err err = {0};

    fixture->finished = 0;
    fixture->last_status = 0;
    config.address = config.address ? config.address : "127.0.0.1";
    config.threads = config.threads ? config.threads : 2;
    config.connection_limit = config.connection_limit ? config.connection_limit : 3000;
    config.header_timeout = config.header_timeout ? config.header_timeout : 30 * SECOND;
    config.body_timeout = config.body_timeout ? config.body_timeout : 30 * SECOND;
    config.idle_timeout = config.idle_timeout ? config.idle_timeout : 30 * SECOND;
    config.header_limit = config.header_limit ? config.header_limit : (size_t)16 * 1024;
    config.routes = routes;
    config.route_count = count;
    config.application = fixture;
    config.finished = on_finished;
    config.mono = fixture_now;
    if (http_server_new(&config, &fixture->server, &err) != RC_OK)
        fail_msg("%s", err.message);
    fixture->port = http_server_port(fixture->server);
}

void fixture_stop(struct fixture *fixture)
{
    http_server_free(fixture->server);
    fixture->server = NULL;
}

int fixture_connect(const struct fixture *fixture)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(fixture->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail_msg("connect: errno %d", errno);
    return fd;
}

void fixture_send(int fd, const char *text)
{
    size_t length = strlen(text);

    while (length) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

        if (sent < 0)
            fail_msg("send: errno %d", errno);
        text += sent;
        length -= (size_t)sent;
    }
}

/* False at the end of the connection. */
static bool read_some(int fd, struct buf *buf)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ssize_t length;

    if (poll(&readable, 1, (int)(FIXTURE_PATIENCE / MILLISECOND)) != 1)
        fail_msg("nothing came; before it came: %s", buf->data);
    assert_int_equal(buf_reserve(buf, 4096), RC_OK);
    length = recv(fd, buf->data + buf->length, 4096, 0);
    if (length <= 0)
        return false;
    buf->length += (size_t)length;
    buf->data[buf->length] = '\0';
    return true;
}

void fixture_read_until(int fd, struct buf *buf, const char *text)
{
    while (!strstr(buf->data, text))
        if (!read_some(fd, buf))
            fail_msg("the connection ended without %s: %s", text, buf->data);
}

void fixture_read_all(int fd, struct buf *buf)
{
    while (read_some(fd, buf)) {
    }
}

static size_t answer_length(const char *head, size_t head_length)
{
    const char *field = strstr(head, "\r\nContent-Length: ");

    return head_length + (field ? (size_t)strtoul(field + 18, NULL, 10) : 0);
}

/* What is behind the answer stays in the socket. */
unsigned fixture_read_answer(int fd, struct buf *buf)
{
    size_t wanted;

    buf_reset(buf);
    while (!strstr(buf->data, "\r\n\r\n")) {
        assert_int_equal(buf_reserve(buf, 1), RC_OK);
        if (recv(fd, buf->data + buf->length, 1, 0) != 1)
            fail_msg("the connection ended within a head: %s", buf->data);
        buf->data[++buf->length] = '\0';
    }
    wanted = answer_length(buf->data, buf->length);
    while (buf->length < wanted) {
        ssize_t length;

        assert_int_equal(buf_reserve(buf, wanted - buf->length), RC_OK);
        length = recv(fd, buf->data + buf->length, wanted - buf->length, 0);
        assert_true(length > 0);
        buf->length += (size_t)length;
        buf->data[buf->length] = '\0';
    }
    return (unsigned)strtoul(buf->data + strlen("HTTP/1.1 "), NULL, 10);
}

unsigned fixture_ask(const struct fixture *fixture, const char *request, struct buf *buf)
{
    int fd = fixture_connect(fixture);
    unsigned status;

    fixture_send(fd, request);
    status = fixture_read_answer(fd, buf);
    (void)close(fd);
    return status;
}
