/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from other threads, and answers that are made while they are sent. */
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* One stream at a time, moved by the test: what it says next, and what was asked of it. */
static struct source {
    pthread_mutex_t mutex;
    struct http_request *request; /* once it was handed over */
    struct buf pending;
    ssize_t outcome; /* when nothing is pending */
    span_us heartbeat;
    int64_t length;
    atomic_uint asked, closed;
    atomic_size_t produced;
} source = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static ssize_t next(void *context, char *data, size_t capacity)
{
    struct source *self = context;
    ssize_t outcome;

    pthread_mutex_lock(&self->mutex);
    self->asked++;
    outcome = self->outcome;
    if (outcome == HTTP_STREAM_WAIT && http_request_is_draining(self->request))
        outcome = HTTP_STREAM_END;
    if (self->pending.length) {
        outcome = (ssize_t)MIN(capacity, self->pending.length);
        memcpy(data, self->pending.data, (size_t)outcome);
        buf_consume(&self->pending, (size_t)outcome);
    }
    pthread_mutex_unlock(&self->mutex);
    return outcome;
}

static ssize_t flood(void *context, char *data, size_t capacity)
{
    struct source *self = context;

    memset(data, 'x', capacity);
    self->produced += capacity;
    return (ssize_t)capacity;
}

static void on_close(void *context)
{
    struct source *self = context;

    self->closed++;
}

static void say(const char *text, ssize_t then)
{
    pthread_mutex_lock(&source.mutex);
    (void)buf_puts(&source.pending, text);
    source.outcome = then;
    pthread_mutex_unlock(&source.mutex);
}

static void prepare(ssize_t outcome, span_us heartbeat, int64_t length)
{
    buf_init(&source.pending, (size_t)1 << 20);
    source.request = NULL;
    source.outcome = outcome;
    source.heartbeat = heartbeat;
    source.length = length;
    source.asked = source.closed = 0;
    source.produced = 0;
}

static void answer_stream(struct http_request *request)
{
    const struct http_stream stream = {.next = next,
                                       .close = on_close,
                                       .context = &source,
                                       .length = source.length,
                                       .heartbeat = source.heartbeat};

    source.request = request;
    http_stream(request, 200, "text/plain", &stream, NULL, 0);
}

static void answer_flood(struct http_request *request)
{
    const struct http_stream stream = {
        .next = flood, .close = on_close, .context = &source, .length = -1};

    http_stream(request, 200, "text/plain", &stream, NULL, 0);
}

/* Requests that a thread of the test answers. */
enum { WAITING = 64 };
static struct {
    pthread_mutex_t mutex;
    struct http_request *requests[WAITING];
    unsigned count;
    sem_t ready;
    atomic_bool stopping;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void put_off(struct http_request *request)
{
    pthread_mutex_lock(&queue.mutex);
    queue.requests[queue.count++] = request;
    pthread_mutex_unlock(&queue.mutex);
    (void)sem_post(&queue.ready);
}

static struct http_request *take(void)
{
    struct http_request *request;

    fixture_wait_for(sem_trywait(&queue.ready) == 0 || queue.stopping);
    pthread_mutex_lock(&queue.mutex);
    request = queue.count ? queue.requests[--queue.count] : NULL;
    pthread_mutex_unlock(&queue.mutex);
    return request;
}

static void respond_text(struct http_request *request, const char *text)
{
    http_respond(request, 200, "text/plain", text, strlen(text), NULL, 0);
}

static const struct http_route routes[] = {
    {"GET", "/stream", answer_stream, NULL, 0, .data = NULL},
    {"GET", "/flood", answer_flood, NULL, 0, .data = NULL},
    {"GET", "/later", put_off, NULL, 0, .data = NULL},
};

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    queue.count = 0;
    queue.stopping = false;
    (void)sem_init(&queue.ready, 0, 0);
    fixture_start(&fixture, routes, ARRAY_SIZE(routes), (struct http_server_config){0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    (void)sem_destroy(&queue.ready);
    buf_release(&source.pending);
    return 0;
}

static void is_answered_by_another_thread(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 4096);
    for (int i = 0; i < 3; i++) {
        fixture_send(fd, GET("/later"));
        respond_text(take(), "late");
        assert_int_equal(fixture_read_answer(fd, &answer), 200);
        assert_non_null(strstr(answer.data, "\r\n\r\nlate"));
    }
    (void)close(fd);
}

static void *answer_all(void *argument)
{
    struct http_request *request;

    while ((request = take()))
        respond_text(request, "at once");
    return argument;
}

/* Answers come before the handler has returned, while it is suspended, and after. */
static void answers_race_with_the_handlers_return(void **state)
{
    enum { CLIENTS = 16, ROUNDS = 100, THREADS = 3 };
    AUTO_BUF struct buf answer;
    pthread_t threads[THREADS];
    int fds[CLIENTS];

    (void)state;
    buf_init(&answer, 4096);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, answer_all, NULL), 0);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = fixture_connect(&fixture);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            fixture_send(fds[i], GET("/later"));
        for (int i = 0; i < CLIENTS; i++)
            assert_int_equal(fixture_read_answer(fds[i], &answer), 200);
    }
    queue.stopping = true;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
}

static void streams_what_comes_and_ends(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 0, -1);
    fixture_send(fd, GET("/stream"));
    fixture_read_until(fd, &answer, "Transfer-Encoding: chunked\r\n");
    fixture_wait_for(source.asked == 1);
    for (int i = 0; i < 3; i++) {
        say(i == 0 ? "first" : i == 1 ? "second" : "third", HTTP_STREAM_WAIT);
        http_stream_wake(source.request);
        fixture_read_until(fd, &answer, i == 0 ? "first" : i == 1 ? "second" : "third");
    }
    assert_int_equal(source.closed, 0);
    say("last", HTTP_STREAM_END);
    http_stream_wake(source.request);
    fixture_read_until(fd, &answer, "4\r\nlast\r\n0\r\n\r\n");
    fixture_wait_for(source.closed == 1);
    fixture_wait_for(fixture.last_status == 200); /* counted behind it */
    (void)close(fd);
}

/* The connection goes on to the next request after a stream. */
static void loses_no_wake(void **state)
{
    enum { ROUNDS = 300 };
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, (size_t)1 << 20);
    prepare(HTTP_STREAM_WAIT, 0, -1);
    fixture_send(fd, GET("/stream"));
    fixture_read_until(fd, &answer, "\r\n\r\n");
    fixture_wait_for(source.asked > 0);
    for (int i = 0; i < ROUNDS; i++) {
        AUTO_FREE char *text = xasprintf("<%d>", i);

        say(text, HTTP_STREAM_WAIT);
        http_stream_wake(source.request);
        if (i % 3 == 0)
            fixture_read_until(fd, &answer, text);
    }
    fixture_read_until(fd, &answer, "<299>");
    say("", HTTP_STREAM_END);
    http_stream_wake(source.request);
    fixture_read_until(fd, &answer, "0\r\n\r\n");
    fixture_wait_for(source.closed == 1);
    buf_release(&source.pending);
    prepare(HTTP_STREAM_END, 0, -1);
    fixture_send(fd, GET("/stream"));
    buf_reset(&answer);
    fixture_read_until(fd, &answer, "0\r\n\r\n");
    fixture_wait_for(source.closed == 1);
    (void)close(fd);
}

static void sends_the_announced_length(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 0, 10);
    say("01234", HTTP_STREAM_WAIT);
    fixture_send(fd, GET("/stream"));
    fixture_read_until(fd, &answer, "\r\n\r\n01234");
    say("56789", HTTP_STREAM_END);
    http_stream_wake(source.request);
    fixture_read_until(fd, &answer, "Content-Length: 10\r\n\r\n0123456789");
    fixture_wait_for(source.closed == 1);
    (void)close(fd);
}

static void closes_a_stream_that_head_asks_for(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 0, 10);
    fixture_send(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    fixture_read_until(fd, &answer, "Content-Length: 10\r\n\r\n");
    fixture_wait_for(source.closed == 1);
    assert_int_equal(source.asked, 0);
    (void)close(fd);
}

static void shows_the_client_a_failure(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_ABORT, 0, -1);
    say("some", HTTP_STREAM_ABORT);
    fixture_send(fd, GET("/stream"));
    fixture_read_all(fd, &answer);
    assert_null(strstr(answer.data, "\r\n0\r\n"));
    fixture_wait_for(source.closed == 1);
    assert_int_equal(fixture.last_status, 0);
    (void)close(fd);
}

static void notices_a_client_that_leaves_while_nothing_is_said(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 0, -1);
    fixture_send(fd, GET("/stream"));
    fixture_read_until(fd, &answer, "\r\n\r\n");
    fixture_wait_for(source.asked == 1);
    (void)close(fd);
    fixture_wait_for(source.closed == 1);
    fixture_wait_for(fixture.finished > 0);
}

static void asks_again_at_each_heartbeat(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);
    mono_us begin = fixture_now();

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 20 * MILLISECOND, -1);
    fixture_send(fd, GET("/stream"));
    fixture_wait_for(source.asked >= 5);
    assert_true(fixture_now() - begin >= 80 * MILLISECOND);
    assert_int_equal(source.closed, 0);
    (void)close(fd);
    fixture_wait_for(source.closed == 1);
}

/* Neither in memory nor in time: what is not read is not made. */
static void makes_no_more_than_the_client_takes(void **state)
{
    AUTO_BUF struct buf answer;
    int fd = fixture_connect(&fixture);
    size_t before;

    (void)state;
    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 0, -1);
    fixture_send(fd, GET("/flood"));
    fixture_read_until(fd, &answer, "\r\n\r\n");
    do { /* until the socket's buffers are full */
        before = source.produced;
        for (int i = 0; i < 50; i++)
            fixture_pause();
    } while (source.produced != before);
    assert_in_range(source.produced, 1, 16 << 20);
    (void)close(fd);
    fixture_wait_for(source.closed == 1);
}

static void *drain(void *argument)
{
    http_server_drain(fixture.server, 20 * SECOND);
    return argument;
}

static void drains(void **state)
{
    AUTO_BUF struct buf streamed;
    AUTO_BUF struct buf answer;
    AUTO_BUF struct buf rest;
    int stream = fixture_connect(&fixture), later = fixture_connect(&fixture);
    int idle = fixture_connect(&fixture);
    struct http_request *request;
    pthread_t thread;

    (void)state;
    buf_init(&streamed, 65536);
    buf_init(&answer, 65536);
    buf_init(&rest, 65536);
    prepare(HTTP_STREAM_WAIT, 0, -1);
    fixture_send(stream, GET("/stream"));
    fixture_read_until(stream, &streamed, "\r\n\r\n");
    fixture_wait_for(source.asked == 1);
    fixture_send(later, GET("/later"));
    request = take();
    fixture_send(idle, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(fixture_read_answer(idle, &answer), 404);

    assert_int_equal(pthread_create(&thread, NULL, drain, NULL), 0);
    fixture_read_until(stream, &streamed, "0\r\n\r\n");
    fixture_read_all(idle, &rest);
    assert_int_equal(rest.length, 0);
    assert_true(http_request_is_draining(request));
    respond_text(request, "at last");
    assert_int_equal(pthread_join(thread, NULL), 0);
    fixture_read_all(later, &rest);
    assert_non_null(strstr(rest.data, "Connection: close\r\n"));
    assert_non_null(strstr(rest.data, "at last"));
    assert_int_equal(source.closed, 1);
    (void)close(stream);
    (void)close(later);
    (void)close(idle);
}

static void refuses_newcomers_while_draining(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fixture.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    (void)state;
    http_server_drain(fixture.server, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), -1);
    (void)close(fd);
}

/* A request without an answer and a stream that waits: both are given up. */
static void ends_with_open_requests(void **state)
{
    AUTO_BUF struct buf answer;
    int stream = fixture_connect(&fixture), later = fixture_connect(&fixture);

    buf_init(&answer, 65536);
    prepare(HTTP_STREAM_WAIT, 0, -1);
    fixture_send(stream, GET("/stream"));
    fixture_read_until(stream, &answer, "\r\n\r\n");
    fixture_send(later, GET("/later"));
    (void)take();
    fixture_stop(&fixture);
    assert_int_equal(source.closed, 1);
    assert_int_equal(fixture.finished, 2);
    assert_int_equal(fixture.last_status, 0);
    fixture_read_all(later, &answer);
    (void)close(stream);
    (void)close(later);
    assert_int_equal(start(state), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(is_answered_by_another_thread),
        CASE(answers_race_with_the_handlers_return),
        CASE(streams_what_comes_and_ends),
        CASE(loses_no_wake),
        CASE(sends_the_announced_length),
        CASE(closes_a_stream_that_head_asks_for),
        CASE(shows_the_client_a_failure),
        CASE(notices_a_client_that_leaves_while_nothing_is_said),
        CASE(asks_again_at_each_heartbeat),
        CASE(makes_no_more_than_the_client_takes),
        CASE(drains),
        CASE(refuses_newcomers_while_draining),
        CASE(ends_with_open_requests),
    };

    return cmocka_run_group_tests_name("http stream", tests, NULL, NULL);
}
