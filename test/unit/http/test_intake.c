/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are taken as they arrive. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

enum { LIMIT = 100 * 1024 * 1024, KEPT = 64, PIECE = 1024 * 1024 };

static struct fixture fixture;
static atomic_size_t taken; /* bytes of all pieces */

/* Counts 'x' and keeps all else; a '!' is refused. */
static bool take(struct http_request *request, const char *data, size_t length, struct buf *body)
{
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '!') {
            http_respond(request, 422, "text/plain", "no !", 4, NULL, 0);
            return false;
        }
        if (data[i] != 'x' && buf_putc(body, data[i]) != RC_OK) {
            http_respond(request, 413, "text/plain", "kept too much", 13, NULL, 0);
            return false;
        }
    }
    taken += length;
    return true;
}

static void answer(struct http_request *request)
{
    size_t length;
    const char *body = http_request_body(request, &length);

    http_respond(request, 200, "text/plain", body, length, NULL, 0);
}

static const struct http_intake intake = {take, KEPT, "at most 100 MiB"};
static const struct http_route routes[] = {
    {"POST", "/", answer, NULL, LIMIT, .data = NULL, .intake = &intake},
};

static int setup(void **state)
{
    (void)state;
    taken = 0;
    fixture_start(&fixture, routes, ARRAY_SIZE(routes),
                  (struct http_server_config){.body_timeout = 2 * SECOND});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static void begin(int fd, size_t length)
{
    char head[128];

    (void)snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                   length);
    fixture_send(fd, head);
}

static void send_much(int fd, size_t pieces)
{
    static char piece[PIECE + 1];

    memset(piece, 'x', PIECE);
    for (size_t i = 0; i < pieces; i++)
        fixture_send(fd, piece);
}

static void a_large_body_is_taken_as_it_comes(void **state)
{
    AUTO_BUF struct buf reply;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&reply, 4096);
    begin(fd, (size_t)80 * PIECE + 2);
    fixture_send(fd, "a");
    send_much(fd, 80);
    fixture_send(fd, "z");
    assert_int_equal(fixture_read_answer(fd, &reply), 200);
    assert_non_null(strstr(reply.data, "\r\n\r\naz"));
    assert_int_equal(taken, (size_t)80 * PIECE + 2);
    begin(fd, 3); /* the connection goes on */
    fixture_send(fd, "xyx");
    buf_reset(&reply);
    assert_int_equal(fixture_read_answer(fd, &reply), 200);
    assert_non_null(strstr(reply.data, "\r\n\r\ny"));
    (void)close(fd);
}

static void what_take_refuses_is_answered_once_the_body_is_read(void **state)
{
    AUTO_BUF struct buf reply;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&reply, 4096);
    begin(fd, (size_t)70 * PIECE + 1);
    fixture_send(fd, "!");
    send_much(fd, 70);
    assert_int_equal(fixture_read_answer(fd, &reply), 422);
    assert_int_equal(taken, 0);
    (void)close(fd);
    fixture_wait_for(fixture.finished == 1);
}

static void more_than_announced_as_allowed_is_refused_at_once(void **state)
{
    AUTO_BUF struct buf reply;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&reply, 4096);
    begin(fd, (size_t)LIMIT + 1);
    assert_int_equal(fixture_read_answer(fd, &reply), 413);
    assert_non_null(strstr(reply.data, "at most 100 MiB"));
    (void)close(fd);
}

static void who_leaves_in_the_middle_is_seen_to_finish(void **state)
{
    int fd = fixture_connect(&fixture);

    (void)state;
    begin(fd, (size_t)2 * PIECE);
    fixture_send(fd, "xxx");
    fixture_wait_for(taken > 0);
    (void)close(fd);
    fixture_wait_for(fixture.finished == 1); /* at the latest when its time is over */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_large_body_is_taken_as_it_comes),
        TEST(what_take_refuses_is_answered_once_the_body_is_read),
        TEST(more_than_announced_as_allowed_is_refused_at_once),
        TEST(who_leaves_in_the_middle_is_seen_to_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
