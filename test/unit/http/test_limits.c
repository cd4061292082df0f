/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that take their time, and too many of them. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

#define SHORT (150 * MILLISECOND)
#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static atomic_uint closed;
static struct http_request *_Atomic waiting;

static void hello(struct http_request *request)
{
    http_respond(request, 200, "text/plain", "hello", 5, NULL, 0);
}

static void put_off(struct http_request *request)
{
    waiting = request;
}

static ssize_t flood(void *context, char *data, size_t capacity)
{
    (void)context;
    memset(data, 'x', capacity);
    return (ssize_t)capacity;
}

static void on_close(void *context)
{
    (void)context;
    closed++;
}

static void answer_flood(struct http_request *request)
{
    const struct http_stream stream = {.next = flood, .close = on_close, .length = -1};

    http_stream(request, 200, "text/plain", &stream, NULL, 0);
}

static const struct http_route routes[] = {
    {"GET", "/hello", hello, NULL, 0, .data = NULL},
    {"POST", "/hello", hello, NULL, 4096, .data = NULL},
    {"GET", "/later", put_off, NULL, 0, .data = NULL},
    {"GET", "/flood", answer_flood, NULL, 0, .data = NULL},
};

static struct fixture fixture;

static void start(struct http_server_config config)
{
    closed = 0;
    waiting = NULL;
    fixture_start(&fixture, routes, ARRAY_SIZE(routes), config);
}

static bool has_something(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    return poll(&readable, 1, 0) == 1;
}

/* Sends a byte every now and then until the server says something or ends the connection. */
static void trickle(int fd)
{
    fixture_wait_for(send(fd, "x", 1, MSG_NOSIGNAL) != 1 || has_something(fd));
}

static void expect_timeout(int fd, mono_us begin)
{
    AUTO_BUF struct buf answer;

    buf_init(&answer, 65536);
    fixture_read_all(fd, &answer);
    assert_ptr_equal(strstr(answer.data, "HTTP/1.1 408 "), answer.data);
    assert_non_null(strstr(answer.data, "problem+json"));
    assert_in_range(fixture_now() - begin, SHORT - 5 * MILLISECOND, FIXTURE_PATIENCE);
    (void)close(fd);
}

static void ends_heads_that_trickle(void **state)
{
    static const char *const beginnings[] = {"G", "GET /hello HTTP/1.1\r\n",
                                             "GET /hello HTTP/1.1\r\nX: ", "\r\n\r\nGET "};

    (void)state;
    start((struct http_server_config){.header_timeout = SHORT});
    for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++) {
        mono_us begin = fixture_now();
        int fd = fixture_connect(&fixture);

        fixture_send(fd, beginnings[i]);
        trickle(fd);
        expect_timeout(fd, begin);
    }
    assert_int_equal(fixture.finished, 0);
    fixture_stop(&fixture);
}

static void ends_the_second_head_too(void **state)
{
    AUTO_BUF struct buf answer;
    mono_us begin;
    int fd;

    (void)state;
    buf_init(&answer, 4096);
    start((struct http_server_config){.header_timeout = SHORT});
    fd = fixture_connect(&fixture);
    fixture_send(fd, HELLO);
    assert_int_equal(fixture_read_answer(fd, &answer), 200);
    begin = fixture_now();
    fixture_send(fd, "GET /hello HTTP/1.1\r\nX: ");
    trickle(fd);
    expect_timeout(fd, begin);
    fixture_stop(&fixture);
}

static void ends_bodies_that_trickle(void **state)
{
    mono_us begin = fixture_now();
    int fd;

    (void)state;
    start((struct http_server_config){.body_timeout = SHORT});
    fd = fixture_connect(&fixture);
    fixture_send(fd, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n");
    trickle(fd);
    expect_timeout(fd, begin);
    fixture_wait_for(fixture.finished == 1);
    assert_int_equal(fixture.last_status, 408);
    fixture_stop(&fixture);
}

static void ends_the_silent_without_a_word(void **state)
{
    AUTO_BUF struct buf answer;
    int never, idle;

    (void)state;
    buf_init(&answer, 4096);
    start((struct http_server_config){.header_timeout = SHORT, .idle_timeout = SHORT});
    never = fixture_connect(&fixture);
    idle = fixture_connect(&fixture);
    fixture_send(idle, HELLO);
    assert_int_equal(fixture_read_answer(idle, &answer), 200);
    buf_reset(&answer);
    fixture_read_all(never, &answer);
    fixture_read_all(idle, &answer);
    assert_int_equal(answer.length, 0);
    (void)close(never);
    (void)close(idle);
    fixture_stop(&fixture);
}

static void lets_handlers_take_longer(void **state)
{
    AUTO_BUF struct buf answer;
    mono_us begin = fixture_now();
    int fd;

    (void)state;
    buf_init(&answer, 4096);
    start((struct http_server_config){
        .header_timeout = SHORT, .body_timeout = SHORT, .idle_timeout = SHORT});
    fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture_wait_for(waiting && fixture_now() - begin > 4 * SHORT);
    http_respond(waiting, 200, "text/plain", "late", 4, NULL, 0);
    assert_int_equal(fixture_read_answer(fd, &answer), 200);
    (void)close(fd);
    fixture_stop(&fixture);
}

static void ends_answers_that_nobody_reads(void **state)
{
    int fd;

    (void)state;
    start((struct http_server_config){.idle_timeout = SECOND});
    fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture_wait_for(closed == 1);
    (void)close(fd);
    fixture_stop(&fixture);
}

static void refuses_beyond_the_limit_of_connections(void **state)
{
    enum { LIMIT = 8 };
    AUTO_BUF struct buf answer;
    int fds[LIMIT + 1];

    (void)state;
    buf_init(&answer, 65536);
    start((struct http_server_config){.connection_limit = LIMIT, .threads = 1});
    for (int i = 0; i < LIMIT; i++) {
        fds[i] = fixture_connect(&fixture);
        fixture_send(fds[i], "GET /hello HTTP/1.1\r\n"); /* not idle: in the middle of a head */
    }
    fds[LIMIT] = fixture_connect(&fixture);
    fixture_send(fds[LIMIT], HELLO);
    fixture_read_all(fds[LIMIT], &answer);
    assert_ptr_equal(strstr(answer.data, "HTTP/1.1 503 "), answer.data);
    assert_non_null(strstr(answer.data, "Retry-After: 1\r\n"));
    for (int i = 0; i < LIMIT; i++) {
        fixture_send(fds[i], "Host: a\r\n\r\n");
        assert_int_equal(fixture_read_answer(fds[i], &answer), 200);
    }
    for (int i = 0; i <= LIMIT; i++)
        (void)close(fds[i]);
    fixture_stop(&fixture);
}

static void makes_room_by_ending_idle_connections(void **state)
{
    enum { LIMIT = 8 };
    AUTO_BUF struct buf answer;
    AUTO_BUF struct buf rest;
    int fds[LIMIT], one_more;
    unsigned ended = 0;

    (void)state;
    buf_init(&answer, 65536);
    buf_init(&rest, 65536);
    start((struct http_server_config){.connection_limit = LIMIT, .threads = 1});
    for (int i = 0; i < LIMIT; i++) {
        fds[i] = fixture_connect(&fixture);
        fixture_send(fds[i], HELLO);
        assert_int_equal(fixture_read_answer(fds[i], &answer), 200);
    }
    one_more = fixture_connect(&fixture);
    fixture_wait_for(({
        for (int i = 0; i < LIMIT; i++)
            ended += has_something(fds[i]);
        ended > 0;
    }));
    fixture_send(one_more, HELLO);
    assert_int_equal(fixture_read_answer(one_more, &answer), 200);
    for (int i = 0; i < LIMIT; i++)
        (void)close(fds[i]);
    (void)close(one_more);
    fixture_stop(&fixture);
}

static rlim_t limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = MIN(count, limit.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void recovers_when_descriptors_run_out(void **state)
{
    enum { MOST = 128 };
    AUTO_BUF struct buf answer;
    rlim_t before = limit_descriptors(MOST);
    int spare[MOST] = {-1}, count = 0, fd;

    (void)state;
    buf_init(&answer, 65536);
    start((struct http_server_config){0});
    while (count < MOST && (spare[count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    (void)close(spare[--count]);
    fd = fixture_connect(&fixture); /* has the last one: the server has none for its end */
    fixture_send(fd, HELLO);
    for (int i = 0; i < 20; i++) {
        assert_false(has_something(fd));
        fixture_pause();
    }
    while (count > 0)
        (void)close(spare[--count]);
    assert_int_equal(fixture_read_answer(fd, &answer), 200);
    (void)close(fd);
    fixture_stop(&fixture);
    (void)limit_descriptors(before);
}

static void survives_thousands_of_idle_connections(void **state)
{
    enum { IDLE = 2000 };
    static int fds[IDLE];
    struct rlimit limit;
    AUTO_BUF struct buf answer;

    (void)state;
    buf_init(&answer, 65536);
    (void)limit_descriptors(RLIM_INFINITY);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 2 * IDLE + 200)
        skip();
    start((struct http_server_config){0});
    for (int i = 0; i < IDLE; i++)
        fds[i] = fixture_connect(&fixture);
    for (int i = 0; i < IDLE; i += 100) {
        fixture_send(fds[i], HELLO);
        assert_int_equal(fixture_read_answer(fds[i], &answer), 200);
    }
    assert_int_equal(fixture_ask(&fixture, HELLO, &answer), 200);
    for (int i = 0; i < IDLE; i++)
        (void)close(fds[i]);
    fixture_stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_heads_that_trickle),
        cmocka_unit_test(ends_the_second_head_too),
        cmocka_unit_test(ends_bodies_that_trickle),
        cmocka_unit_test(ends_the_silent_without_a_word),
        cmocka_unit_test(lets_handlers_take_longer),
        cmocka_unit_test(ends_answers_that_nobody_reads),
        cmocka_unit_test(refuses_beyond_the_limit_of_connections),
        cmocka_unit_test(makes_room_by_ending_idle_connections),
        cmocka_unit_test(recovers_when_descriptors_run_out),
        cmocka_unit_test(survives_thousands_of_idle_connections),
    };

    return cmocka_run_group_tests_name("http limits", tests, NULL, NULL);
}
