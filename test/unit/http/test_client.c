/* SPDX-License-Identifier: Apache-2.0 */
/* The client, against the server of this folder. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"
#include "http/client.h"

static struct http_request *_Atomic waiting;

struct speaker {
    int fd;
    const char *text;
};

static void echo(struct http_request *request)
{
    const struct http_header headers[] = {{"X-Seen", http_request_header(request, "X-Sent")},
                                          {"ETag", "\"7\""}};
    size_t length;
    const char *body = http_request_body(request, &length);
    char *text =
        arena_printf(http_request_arena(request), "%s %s", http_request_method(request), body);

    http_respond(request, 200, "text/plain", text, strlen(text), headers, headers[0].value ? 2 : 0);
}

static void refuse(struct http_request *request)
{
    http_respond_problem(request, RC_CONFLICT, NULL);
}

static void redirect(struct http_request *request)
{
    const struct http_header location = {"Location", "/echo"};

    http_respond(request, 302, NULL, NULL, 0, &location, 1);
}

static void put_off(struct http_request *request)
{
    waiting = request;
}

static ssize_t next(void *context, char *data, size_t capacity)
{
    int *left = context;

    if (!*left)
        return HTTP_STREAM_END;
    if (*left < 0)
        return HTTP_STREAM_WAIT;
    --*left;
    memset(data, 'x', MIN(capacity, (size_t)1000));
    return (ssize_t)MIN(capacity, (size_t)1000);
}

static void forget(void *context)
{
    free(context);
}

static void stream(struct http_request *request)
{
    int *left = xmalloc(sizeof(*left));
    struct http_stream answer = {.next = next, .close = forget, .context = left, .length = -1};

    *left = http_request_query(request, "endless") ? -1 : 50;
    http_stream(request, 200, "text/plain", &answer, NULL, 0);
}

static const struct http_route routes[] = {
    {"GET", "/echo", echo, NULL, 0, .data = NULL},
    {"PATCH", "/echo", echo, NULL, 4096, .data = NULL},
    {"DELETE", "/echo", echo, NULL, 0, .data = NULL},
    {"GET", "/refused", refuse, NULL, 0, .data = NULL},
    {"GET", "/moved", redirect, NULL, 0, .data = NULL},
    {"GET", "/later", put_off, NULL, 0, .data = NULL},
    {"GET", "/stream", stream, NULL, 0, .data = NULL},
};

static struct fixture fixture;
static struct http_client *client;

static int start(void **state)
{
    const struct http_client_config config = {.user_agent = "test", .connect_timeout = 5 * SECOND};

    (void)state;
    fixture_start(&fixture, routes, ARRAY_SIZE(routes), (struct http_server_config){0});
    return http_client_new(&config, &client, NULL) == RC_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    http_client_free(client);
    fixture_stop(&fixture);
    return 0;
}

static struct http_call call_of(const char *method, const char *url)
{
    return (struct http_call){
        .method = method, .url = url, .timeout = 20 * SECOND, .body_limit = 65536};
}

static char *url_of(const char *path)
{
    return xasprintf("http://127.0.0.1:%u%s", (unsigned)fixture.port, path);
}

static void sends_and_receives(void **state)
{
    const struct http_header header = {"X-Sent", "some text"};
    AUTO_FREE char *url = url_of("/echo");
    struct http_call call = call_of("PATCH", url);
    struct http_response response;
    struct err err = {0};

    (void)state;
    call.headers = &header;
    call.header_count = 1;
    call.body = "{\"a\":1}";
    call.body_length = 7;
    for (int i = 0; i < 3; i++) {
        if (http_client_request(client, &call, &response, &err) != RC_OK)
            fail_msg("%s", err.message);
        assert_int_equal(response.status, 200);
        assert_string_equal(response.body.data, "PATCH {\"a\":1}");
        assert_string_equal(http_response_header(&response, "x-seen"), "some text");
        assert_string_equal(http_response_header(&response, "etag"), "\"7\"");
        assert_string_equal(http_response_header(&response, "content-type"), "text/plain");
        assert_null(http_response_header(&response, "X-Sent"));
        http_response_release(&response);
    }
}

static size_t give_text(void *context, size_t offset, void *data, size_t capacity)
{
    static const char text[] = "a body that is given in pieces";
    size_t length = MIN(MIN(capacity, (size_t)7), sizeof(text) - 1 - offset);

    (void)context;
    memcpy(data, text + offset, length);
    return length;
}

static size_t give_nothing(void *context, size_t offset, void *data, size_t capacity)
{
    (void)data, (void)capacity;
    ++*(int *)context;
    return offset ? 0 : 1;
}

static void gives_the_body_as_it_is_sent(void **state)
{
    AUTO_FREE char *url = url_of("/echo");
    struct http_call call = call_of("PATCH", url);
    struct http_response response;
    struct err err = {0};
    int asked = 0;

    (void)state;
    call.give = give_text;
    call.body_length = strlen("a body that is given in pieces");
    for (int i = 0; i < 2; i++) {
        if (http_client_request(client, &call, &response, &err) != RC_OK)
            fail_msg("%s", err.message);
        assert_string_equal(response.body.data, "PATCH a body that is given in pieces");
        http_response_release(&response);
    }
    call.body_length = 0;
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_OK);
    assert_string_equal(response.body.data, "PATCH ");
    http_response_release(&response);
    call.give = give_nothing;
    call.give_context = &asked;
    call.body_length = 10;
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_IO);
    assert_int_equal(asked, 2);
}

/* A server of one connection, which says what it was told to and ends. */
static void *say(void *context)
{
    struct speaker *speaker = context;
    int fd = accept4(speaker->fd, NULL, NULL, SOCK_CLOEXEC);
    char text[4096];
    ssize_t got = read(fd, text, sizeof(text)); /* a request is short */

    assert_true(got > 0);
    assert_int_equal(write(fd, speaker->text, strlen(speaker->text)), strlen(speaker->text));
    close(fd);
    return NULL;
}

static enum rc ask_speaker(const char *text, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct speaker speaker = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .text = text};
    socklen_t length = sizeof(address);
    struct http_response response;
    pthread_t thread;
    char url[64];
    struct http_call call = call_of("GET", url);
    enum rc rc;

    assert_int_equal(bind(speaker.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(speaker.fd, 1), 0);
    assert_int_equal(getsockname(speaker.fd, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, say, &speaker), 0);
    rc = http_client_request(client, &call, &response, err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(speaker.fd);
    if (rc == RC_OK)
        http_response_release(&response);
    return rc;
}

static void knows_an_answer_that_ended_early(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", RC_OK},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", RC_OK},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
         RC_OK},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", RC_UNAVAILABLE},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", RC_UNAVAILABLE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", RC_UNAVAILABLE},
        {"HTTP/1.1 200 OK\r\nContent-Len", RC_UNAVAILABLE},
        {"HTTP/1.1 200 OK\r\n", RC_UNAVAILABLE},
        {"HTTP/1.1 200", RC_UNAVAILABLE},
        {"HTTP/1.1 100 Continue\r\n\r\n", RC_UNAVAILABLE},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", RC_UNAVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};
        enum rc rc = ask_speaker(rows[i].text, &err);

        if (rc != rows[i].rc)
            fail_msg("%s: %d %s", rows[i].text, rc, err.message);
    }
}

struct status_row {
    const char *method, *path;
    unsigned status;
    const char *body;
};

static void answers_any_status(void **state)
{
    static const struct status_row rows[] = {
        {"DELETE", "/echo", 200, "DELETE "},
        {"HEAD", "/echo", 200, ""},
        {"GET", "/echo", 200, "GET "},
        {"GET", "/nope", 404,
         "{\"title\":\"no such thing\",\"status\":404,\"detail\":\"there is nothing at this "
         "path\"}\n"},
        {"GET", "/moved", 302, ""},
        {"GET", "/refused", 409, "{\"title\":\"in conflict with what exists\",\"status\":409}\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_FREE char *url = url_of(rows[i].path);
        struct http_call call = call_of(rows[i].method, url);
        struct http_response response;

        assert_int_equal(http_client_request(client, &call, &response, NULL), RC_OK);
        assert_int_equal(response.status, rows[i].status);
        assert_string_equal(response.body.data, rows[i].body);
        http_response_release(&response);
    }
}

static void fails_in_words(void **state)
{
    struct http_call call = call_of("GET", "http://127.0.0.1:1/");
    AUTO_FREE char *url = url_of("/stream");
    struct http_response response;
    struct err err = {0};

    (void)state;
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_UNAVAILABLE);
    assert_non_null(strstr(err.message, "Failed to connect to 127.0.0.1 port 1"));
    call.url = "http://no-such-host.invalid/";
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no-such-host.invalid"));
    call.url = "file:///etc/passwd";
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_INVALID);
    call.url = url;
    call.body_limit = 49999;
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_TOO_BIG);
    call.body_limit = 50000;
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_OK);
    http_response_release(&response);
}

static void gives_up_in_time(void **state)
{
    AUTO_FREE char *url = url_of("/later");
    struct http_call call = call_of("GET", url);
    struct http_response response;
    struct err err = {0};

    (void)state;
    call.timeout = 100 * MILLISECOND;
    assert_int_equal(http_client_request(client, &call, &response, &err), RC_TIMEOUT);
    fixture_wait_for(waiting);
    refuse(waiting);
}

struct taken {
    size_t bytes;
    size_t enough;
    unsigned status;
};

static bool take(void *context, const struct http_response *response, const char *data,
                 size_t length)
{
    struct taken *taken = context;

    assert_int_equal(data[length - 1], 'x');
    taken->status = response->status;
    taken->bytes += length;
    return taken->bytes < taken->enough;
}

static void hands_over_a_stream(void **state)
{
    AUTO_FREE char *url = url_of("/stream");
    struct http_call call = call_of("GET", url);
    struct taken taken = {.enough = SIZE_MAX};
    struct http_response response;

    (void)state;
    assert_int_equal(http_client_stream(client, &call, take, &taken, &response, NULL), RC_OK);
    assert_int_equal(taken.status, 200);
    assert_int_equal(taken.bytes, 50000);
    assert_string_equal(http_response_header(&response, "Content-Type"), "text/plain");
    http_response_release(&response);
    taken = (struct taken){.enough = 1};
    assert_int_equal(http_client_stream(client, &call, take, &taken, &response, NULL), RC_CLOSED);
    http_response_release(&response);
}

static void ends_a_stream_that_says_nothing(void **state)
{
    AUTO_FREE char *url = url_of("/stream?endless");
    struct http_call call = call_of("GET", url);
    struct taken taken = {.enough = SIZE_MAX};
    struct http_response response;

    (void)state;
    call.timeout = 0;
    call.idle_timeout = SECOND;
    assert_int_equal(http_client_stream(client, &call, take, &taken, &response, NULL), RC_TIMEOUT);
    assert_int_equal(response.status, 200);
    http_response_release(&response);
}

static bool has_patience(void *context)
{
    int *left = context;

    return --*left > 0;
}

static void ends_when_told_to(void **state)
{
    AUTO_FREE char *url = url_of("/stream?endless");
    struct http_call call = call_of("GET", url);
    struct http_response response;
    int left = 3;

    (void)state;
    call.timeout = 0;
    call.go_on = has_patience;
    call.go_on_context = &left;
    assert_int_equal(http_client_request(client, &call, &response, NULL), RC_CLOSED);
    assert_int_equal(left, 0);
}

static void knows_whether_it_has_sent(void **state)
{
    AUTO_FREE char *url = url_of("/later");
    struct http_call refused = call_of("GET", "http://127.0.0.1:1/"), sent = call_of("GET", url);
    struct http_response response;

    (void)state;
    waiting = NULL;
    sent.timeout = 100 * MILLISECOND;
    assert_int_equal(http_client_request(client, &sent, &response, NULL), RC_TIMEOUT);
    assert_true(http_client_has_sent(client));
    assert_int_equal(http_client_request(client, &refused, &response, NULL), RC_UNAVAILABLE);
    assert_false(http_client_has_sent(client));
    fixture_wait_for(waiting);
    http_respond(waiting, 204, NULL, NULL, 0, NULL, 0);
}

static bool is_none(void *context, const struct sockaddr *address)
{
    ++*(unsigned *)context;
    return address->sa_family != AF_INET;
}

static bool is_any(void *context, const struct sockaddr *address)
{
    (void)address;
    ++*(unsigned *)context;
    return true;
}

static void asks_whether_an_address_may_be_connected_to(void **state)
{
    AUTO_FREE char *url = url_of("/echo");
    struct http_call call = call_of("GET", url);
    struct http_response response;
    unsigned asked = 0;

    (void)state;
    call.may_connect_context = &asked;
    call.may_connect = is_none;
    assert_int_equal(http_client_request(client, &call, &response, NULL), RC_UNAVAILABLE);
    assert_int_equal(asked, 1);
    assert_false(http_client_has_sent(client));
    call.may_connect = is_any;
    assert_int_equal(http_client_request(client, &call, &response, NULL), RC_OK);
    assert_int_equal(asked, 2);
    http_response_release(&response);
}

static void encodes(void **state)
{
    AUTO_BUF struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    http_url_encode(&buf, "aZ09-._~ /%?\xc3\xa9");
    assert_string_equal(buf.data, "aZ09-._~%20%2F%25%3F%C3%A9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_receives),
        cmocka_unit_test(gives_the_body_as_it_is_sent),
        cmocka_unit_test(knows_an_answer_that_ended_early),
        cmocka_unit_test(answers_any_status),
        cmocka_unit_test(fails_in_words),
        cmocka_unit_test(gives_up_in_time),
        cmocka_unit_test(hands_over_a_stream),
        cmocka_unit_test(ends_a_stream_that_says_nothing),
        cmocka_unit_test(ends_when_told_to),
        cmocka_unit_test(knows_whether_it_has_sent),
        cmocka_unit_test(asks_whether_an_address_may_be_connected_to),
        cmocka_unit_test(encodes),
    };

    return cmocka_run_group_tests_name("http client", tests, start, stop);
}
