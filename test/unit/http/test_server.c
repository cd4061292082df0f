/* SPDX-License-Identifier: Apache-2.0 */
/* The server: what it answers to which bytes. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"

static void text(struct http_request *request, unsigned status, const char *body)
{
    http_respond(request, status, "text/plain", body, strlen(body), NULL, 0);
}

static void hello(struct http_request *request)
{
    text(request, 200, "hello");
}

static bool print_query(void *context, const char *name, const char *value)
{
    (void)buf_printf(context, " %s=%s", name, value);
    return strcmp(name, "stop") != 0;
}

static void echo(struct http_request *request)
{
    AUTO_BUF struct buf buf;
    size_t length;
    const char *body = http_request_body(request, &length);

    buf_init(&buf, 4096);
    (void)buf_printf(&buf, "%s %s a=%s b=%s first=%s field=%s", http_request_method(request),
                     http_request_path(request), http_request_parameter(request, "a"),
                     http_request_parameter(request, "b"), http_request_query(request, "x"),
                     http_request_header(request, "x-field"));
    http_request_each_query(request, print_query, &buf);
    (void)buf_printf(&buf, " body=%s/%zu", body, length);
    text(request, 200, buf.data);
}

static void created(struct http_request *request)
{
    const struct http_header headers[] = {
        {"Location", "/jobs/1"}, {"ETag", "\"1\""}, {"X-None", ""}};
    size_t length;

    (void)http_request_body(request, &length);
    assert_ptr_equal(http_request_route(request)->data, "data of the route");
    http_respond(request, 201, "application/json", "{}", 2, headers, 3);
}

static void nothing(struct http_request *request)
{
    http_respond(request, 204, NULL, NULL, 0, NULL, 0);
}

static void fails(struct http_request *request)
{
    struct err err = {.message = "say \"when\"\n"};

    http_respond_problem(request, RC_BUSY, &err);
}

static const struct http_route routes[] = {
    {"GET", "/", hello, NULL, 0, .data = NULL},
    {"GET", "/hello", hello, NULL, 0, .data = NULL},
    {"POST", "/hello", hello, NULL, 0, .data = NULL},
    {"GET", "/echo/{a}/{b}", echo, NULL, 0, .data = NULL},
    {"PUT", "/echo/{a}/fixed", echo, NULL, 64, .data = NULL},
    {"POST", "/jobs", created, "application/json, application/merge-patch+json", 1000,
     .data = "data of the route"},
    {"DELETE", "/jobs/{a}", nothing, NULL, 0, .data = NULL},
    {"GET", "/fails", fails, NULL, 0, .data = NULL},
    {"GET", "/denied", hello, NULL, 0, .data = NULL},
};

static bool admit(struct http_request *request)
{
    if (strcmp(http_request_route(request)->path, "/denied") != 0)
        return true;
    text(request, 403, "no");
    return false;
}

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, routes, ARRAY_SIZE(routes),
                  (struct http_server_config){.admit = admit});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static void expect_body(const struct buf *answer, const char *body)
{
    assert_string_equal(strstr(answer->data, "\r\n\r\n") + 4, body);
}

static void keeps_the_connection_from_request_to_request(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    for (int i = 0; i < 3; i++) {
        fixture_send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(fixture_read_answer(fd, &answer), 200);
        assert_non_null(strstr(answer.data, "\r\nContent-Type: text/plain\r\n"));
        expect_body(&answer, "hello");
    }
    fixture_send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    fixture_read_all(fd, &answer);
    assert_non_null(strstr(answer.data, "Connection: close"));
    (void)close(fd);
}

static void answers_pipelined_requests_in_order(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    fixture_send(fd, "GET /echo/1/x HTTP/1.1\r\nHost: a\r\n\r\n"
                     "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                     "Content-Length: 2\r\n\r\n{}"
                     "DELETE /jobs/4 HTTP/1.1\r\nHost: a\r\n\r\n"
                     "GET /echo/2/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(fixture_read_answer(fd, &answer), 200);
    assert_non_null(strstr(answer.data, "a=1 b=x"));
    assert_int_equal(fixture_read_answer(fd, &answer), 201);
    assert_int_equal(fixture_read_answer(fd, &answer), 204);
    assert_int_equal(fixture_read_answer(fd, &answer), 200);
    assert_non_null(strstr(answer.data, "a=2 b=x"));
    (void)close(fd);
}

static void answers_head_as_get_without_the_body(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    fixture_send(fd, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n"
                     "GET /echo/h/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    fixture_read_all(fd, &answer);
    assert_non_null(strstr(answer.data, "Content-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n"));
    (void)close(fd);
}

static void decodes_what_is_behind_the_split_only(void **state)
{
    AUTO_BUF struct buf answer;

    (void)state;
    buf_init(&answer, 65536);
    assert_int_equal(fixture_ask(&fixture,
                                 "GET /echo/a%2Fb/c%20+?x=%41+1&x=2&&flag&e=&stop=1&z HTTP/1.1\r\n"
                                 "Host: a\r\nX-Field:  some text \r\n\r\n",
                                 &answer),
                     200);
    assert_non_null(strstr(answer.data, "GET /echo/a%2Fb/c%20+ a=a/b b=c + first=A 1 field=some"));
    assert_non_null(strstr(answer.data, " x=A 1 x=2 flag= e= stop=1 body=/0"));
    assert_null(strstr(answer.data, " z="));
}

static void takes_bodies_in_any_framing(void **state)
{
    AUTO_BUF struct buf answer;

    (void)state;
    buf_init(&answer, 65536);
    assert_int_equal(
        fixture_ask(&fixture,
                    "PUT http://any.host/echo/p/fixed HTTP/1.1\r\nHost: a\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
                    &answer),
        200);
    assert_non_null(strstr(answer.data, "PUT /echo/p/fixed a=p"));
    assert_non_null(strstr(answer.data, "body=abcde/5"));
    assert_int_equal(fixture_ask(&fixture,
                                 "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
                                 "Content-Type: Application/JSON ;charset=utf-8\r\n\r\n{}",
                                 &answer),
                     201);
    assert_non_null(strstr(answer.data, "Location: /jobs/1\r\nETag: \"1\"\r\n"));
    assert_int_equal(fixture_ask(&fixture,
                                 "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                                 &answer),
                     201);
    assert_int_equal(fixture_ask(&fixture, "GET /hello HTTP/1.0\r\n\r\n", &answer), 200);
}

static void sends_continue_only_for_what_it_will_read(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    fixture_send(fd, "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                     "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    fixture_read_until(fd, &answer, "HTTP/1.1 100 Continue\r\n\r\n");
    fixture_send(fd, "{}");
    assert_int_equal(fixture_read_answer(fd, &answer), 201);
    fixture_send(fd, "POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                     "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    buf_reset(&answer);
    fixture_read_all(fd, &answer);
    assert_ptr_equal(strstr(answer.data, "HTTP/1.1 413 "), answer.data);
    (void)close(fd);
}

#define HOST "Host: a\r\n"
#define JSON "Content-Type: application/json\r\n"

static const struct refusal {
    const char *request;
    unsigned status;
    const char *holds; /* what the answer contains */
} refusals[] = {
    {"GET /nope HTTP/1.1\r\n" HOST "\r\n", 404, "\"status\":404"},
    {"GET /hello/ HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET //hello HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /Hello HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /%68ello HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /hello%2f HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /hello;v=1 HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /./hello HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /x/../hello HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /echo/../b HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /echo/%2e%2E/b HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /echo//b HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"GET /echo/a HTTP/1.1\r\n" HOST "\r\n", 404, ""},
    {"DELETE /hello HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, POST\r\n"},
    {"get /hello HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: "},
    {"OPTIONS /echo/a/fixed HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: GET, HEAD, PUT\r\n"},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400, "not a path"},
    {"GET hello HTTP/1.1\r\n" HOST "\r\n", 400, "not a path"},
    {"GET /hell o HTTP/1.1\r\n" HOST "\r\n", 400, "no URI may hold"},
    {"GET /hello#x HTTP/1.1\r\n" HOST "\r\n", 400, "no URI may hold"},
    {"GET /echo/%00/b HTTP/1.1\r\n" HOST "\r\n", 400, "in the path"},
    {"GET /echo/%zz/b HTTP/1.1\r\n" HOST "\r\n", 400, "in the path"},
    {"GET /hello?x=%0 HTTP/1.1\r\n" HOST "\r\n", 400, "in the query"},
    {"GET /hello HTTP/1.1\r\n\r\n", 400, "no Host"},
    {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "more than one Host"},
    {"GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400, "not a token"},
    {"GET /hello HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400, "control byte"},
    {"POST /jobs HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400,
     "more than one Content-Length"},
    {"POST /jobs HTTP/1.1\r\n" HOST JSON
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "both Content-Length"},
    {"POST /jobs HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400,
     "other than chunked"},
    {"POST /jobs HTTP/1.0\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"},
    {"POST /jobs HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415, "problem+json"},
    {"POST /jobs HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415,
     "problem+json"},
    {"GET /hello HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", 413, "problem+json"},
    {"GET /fails HTTP/1.1\r\n" HOST "\r\n", 503,
     "Retry-After: 1\r\nContent-Length: 71\r\n\r\n{\"title\":\"busy, try again\",\"status\":503,"
     "\"detail\":\"say \\\"when\\\"\\u000a\"}\n"},
};

static void refuses_what_cannot_be(void **state)
{
    AUTO_BUF struct buf answer;

    (void)state;
    buf_init(&answer, 65536);
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        unsigned status = fixture_ask(&fixture, refusals[i].request, &answer);

        if (status != refusals[i].status || !strstr(answer.data, refusals[i].holds) ||
            !strstr(answer.data, "Content-Type: application/problem+json\r\n"))
            fail_msg("%s\n-> %s", refusals[i].request, answer.data);
    }
    assert_int_equal(fixture_ask(&fixture, "GET /denied HTTP/1.1\r\nHost: a\r\n\r\n", &answer),
                     403);
}

static void refuses_what_is_no_http(void **state)
{
    static const struct {
        const char *request;
        const char *begins;
    } rows[] = {
        {"GET /hello HTTP/2.0\r\n\r\n", "HTTP/1.1 505 "},
        {"GET /hello\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
         "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
         "HTTP/1.1 400 "},
        {"\x16\x03\x01\x02\r\n\r\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_BUF struct buf answer;
        int fd = fixture_connect(&fixture);

        buf_init(&answer, 65536);
        fixture_send(fd, rows[i].request);
        fixture_read_all(fd, &answer);
        if (strncmp(answer.data, rows[i].begins, strlen(rows[i].begins)) != 0)
            fail_msg("%s\n-> %s", rows[i].request, answer.data);
        (void)close(fd);
    }
}

/* Too long, but read to its end: the client can read the answer and go on. */
static void lives_on_after_a_body_beyond_the_limit(void **state)
{
    AUTO_BUF struct buf answer;
    AUTO_BUF struct buf chunk;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    buf_init(&chunk, 200000);
    (void)buf_puts(&chunk, "18000\r\n");
    while (chunk.length < 7 + 0x18000)
        (void)buf_putc(&chunk, 'x');
    (void)buf_puts(&chunk, "\r\n");
    fixture_send(fd, "POST /jobs HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; i++)
        fixture_send(fd, chunk.data);
    fixture_send(fd, "0\r\n\r\n");
    assert_int_equal(fixture_read_answer(fd, &answer), 413);
    fixture_send(fd, "POST /jobs HTTP/1.1\r\n" HOST JSON "Content-Length: 98304\r\n\r\n");
    chunk.data[chunk.length - 2] = '\0';
    fixture_send(fd, chunk.data + 7);
    assert_int_equal(fixture_read_answer(fd, &answer), 413);
    fixture_send(fd, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(fixture_read_answer(fd, &answer), 200);
    (void)close(fd);
}

static void cuts_off_a_body_that_does_not_end(void **state)
{
    AUTO_BUF struct buf answer;
    AUTO_FREE char *chunk = xmalloc(1 << 20);
    int fd = fixture_connect(&fixture);
    ssize_t sent = 1;

    (void)state;
    buf_init(&answer, 65536);
    memset(chunk, 'x', 1 << 20);
    fixture_send(fd, "POST /jobs HTTP/1.1\r\n" HOST JSON
                     "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n");
    for (int i = 0; i < 200 && sent > 0; i++)
        sent = send(fd, chunk, 1 << 20, MSG_NOSIGNAL);
    assert_true(sent < 0);
    fixture_read_all(fd, &answer);
    assert_true(!answer.length || strstr(answer.data, "HTTP/1.1 413 ") == answer.data);
    (void)close(fd);
}

static void refuses_a_head_beyond_the_limit(void **state)
{
    AUTO_BUF struct buf answer;
    AUTO_BUF struct buf head;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    buf_init(&head, 65536);
    (void)buf_puts(&head, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
    while (head.length < 20000)
        (void)buf_putc(&head, 'x');
    fixture_send(fd, head.data);
    fixture_read_all(fd, &answer);
    assert_ptr_equal(strstr(answer.data, "HTTP/1.1 431 "), answer.data);
    (void)close(fd);
    buf_reset(&head);
    (void)buf_puts(&head, "GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
    while (head.length < 10000)
        (void)buf_putc(&head, 'x');
    (void)buf_puts(&head, "\r\n\r\n");
    assert_int_equal(fixture_ask(&fixture, head.data, &answer), 200);
}

static void tells_of_every_answer(void **state)
{
    AUTO_BUF struct buf answer;

    fixture_stop(&fixture); /* the end of an earlier test's answer would be counted */
    (void)start(state);
    buf_init(&answer, 65536);
    (void)fixture_ask(&fixture, "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
    fixture_wait_for(fixture.finished == 1);
    assert_int_equal(fixture.last_status, 404);
    (void)fixture_ask(&fixture, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", &answer);
    fixture_wait_for(fixture.finished == 2);
    assert_int_equal(fixture.last_status, 200);
}

static void says_why_it_cannot_listen(void **state)
{
    struct http_server_config config = {.address = "127.0.0.1",
                                        .port = fixture.port,
                                        .threads = 1,
                                        .connection_limit = 10,
                                        .header_limit = 4096,
                                        .mono = fixture_now};
    struct http_server *server = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(http_server_new(&config, &server, &err), RC_IO);
    assert_non_null(strstr(err.message, "Address already in use"));
    config.address = "nowhere";
    assert_int_equal(http_server_new(&config, &server, &err), RC_INVALID);
    assert_null(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_connection_from_request_to_request),
        cmocka_unit_test(answers_pipelined_requests_in_order),
        cmocka_unit_test(answers_head_as_get_without_the_body),
        cmocka_unit_test(decodes_what_is_behind_the_split_only),
        cmocka_unit_test(takes_bodies_in_any_framing),
        cmocka_unit_test(sends_continue_only_for_what_it_will_read),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(refuses_what_is_no_http),
        cmocka_unit_test(lives_on_after_a_body_beyond_the_limit),
        cmocka_unit_test(cuts_off_a_body_that_does_not_end),
        cmocka_unit_test(refuses_a_head_beyond_the_limit),
        cmocka_unit_test(tells_of_every_answer),
        cmocka_unit_test(says_why_it_cannot_listen),
    };

    return cmocka_run_group_tests_name("http server", tests, start, stop);
}
