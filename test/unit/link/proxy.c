/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#include "testing.h"

enum { MESSAGE_LIMIT = 16 * 1024 * 1024 };

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* A head and as much of a body as it says. False: the connection ended before. */
static bool read_message(int fd, struct buf *buf)
{
    const char *end = NULL, *field;
    size_t wanted = 0;

    while (!end || buf->length < wanted) {
        ssize_t length;

        assert_int_equal(buf_reserve(buf, 65536), RC_OK);
        length = recv(fd, buf->data + buf->length, 65536, 0);
        if (length <= 0)
            return false;
        buf->length += (size_t)length;
        buf->data[buf->length] = '\0';
        end = strstr(buf->data, "\r\n\r\n");
        field = end ? strstr(buf->data, "Content-Length: ") : NULL;
        if (end)
            wanted = (size_t)(end + 4 - buf->data) + (field ? strtoul(field + 16, NULL, 10) : 0);
    }
    return true;
}

static void write_all(int fd, const struct buf *buf)
{
    for (size_t sent = 0; sent < buf->length;) {
        ssize_t length = send(fd, buf->data + sent, buf->length - sent, MSG_NOSIGNAL);

        if (length <= 0)
            return;
        sent += (size_t)length;
    }
}

/* True: the answer is to be lost. */
static bool cuts_now(struct proxy *proxy)
{
    unsigned left = atomic_load(&proxy->cuts);

    if (left > 0)
        atomic_store(&proxy->cuts, left - 1);
    return left > 0;
}

static void pass_on(struct proxy *proxy, int client)
{
    int server = dial(proxy->target);
    AUTO_BUF struct buf message;

    buf_init(&message, MESSAGE_LIMIT);
    if (server < 0)
        return;
    if (read_message(client, &message)) {
        write_all(server, &message);
        buf_reset(&message);
        if (read_message(server, &message)) {
            if (!cuts_now(proxy))
                write_all(client, &message);
            atomic_fetch_add(&proxy->calls, 1);
        }
    }
    close(server);
}

static void *run(void *context)
{
    struct proxy *proxy = context;
    int client;

    while ((client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pass_on(proxy, client);
        close(client);
    }
    return NULL;
}

void proxy_start(struct proxy *proxy, uint16_t target)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    *proxy = (struct proxy){.target = target};
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(proxy->listener, 16), 0);
    assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(proxy->url, sizeof(proxy->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void proxy_stop(struct proxy *proxy)
{
    (void)shutdown(proxy->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(proxy->thread, NULL), 0);
    close(proxy->listener);
}
