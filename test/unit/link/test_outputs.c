/* SPDX-License-Identifier: Apache-2.0 */
/* What runs wrote, asked of other processes. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/memory/outputs.h"
#include "fixture.h"
#include "link/outputs.h"
#include "link/protocol.h"

struct desk {
    struct fixture *fixture;
    struct outputs *outputs; /* from afar */
};

static int start(void **state)
{
    struct desk *desk = xcalloc(1, sizeof(*desk));
    struct link_outputs_config config = {0};

    desk->fixture = fixture_new();
    config.store = desk->fixture->store;
    config.clock = desk->fixture->clock;
    config.secret = &desk->fixture->secret;
    assert_int_equal(link_outputs_new(&config, &desk->outputs, NULL), RC_OK);
    *state = desk;
    return 0;
}

static int stop(void **state)
{
    struct desk *desk = *state;

    outputs_free(desk->outputs);
    fixture_free(desk->fixture);
    free(desk);
    return 0;
}

static void are_read_from_afar(void **state)
{
    struct desk *desk = *state;
    struct fixture *fixture = desk->fixture;
    struct node *node = fixture_add_worker(fixture, "node");
    struct run_key run = fixture_add_run(fixture, "node");
    char data[100];
    struct output_piece piece = {.data = data, .capacity = sizeof(data)};
    int64_t size;

    fixture_register_worker(fixture, "node", node->url);
    assert_int_equal(outputs_size(desk->outputs, &run, &size, NULL), RC_NOT_FOUND);
    memory_outputs_append(fixture->outputs, &run, "one\ntwo\n\0three", 14);
    assert_int_equal(outputs_size(desk->outputs, &run, &size, NULL), RC_OK);
    assert_int_equal(size, 14);
    assert_int_equal(outputs_read(desk->outputs, &run, &piece, NULL), RC_OK);
    assert_int_equal(piece.length, 14);
    assert_memory_equal(data, "one\ntwo\n\0three", 14);
    piece.offset = 4;
    piece.capacity = 3;
    assert_int_equal(outputs_read(desk->outputs, &run, &piece, NULL), RC_OK);
    assert_int_equal(piece.length, 3);
    assert_memory_equal(data, "two", 3);
    piece.offset = 14;
    assert_int_equal(outputs_read(desk->outputs, &run, &piece, NULL), RC_OK);
    assert_int_equal(piece.length, 0);
}

static void are_read_piece_by_piece(void **state)
{
    enum { SIZE = LINK_PIECE_MAX + 1000 };
    struct desk *desk = *state;
    struct fixture *fixture = desk->fixture;
    struct run_key run = fixture_add_run(fixture, "node");
    AUTO_FREE char *written = xmalloc(SIZE);
    AUTO_FREE char *data = xcalloc(1, SIZE);
    struct output_piece piece = {.data = data, .capacity = SIZE};

    for (size_t i = 0; i < SIZE; i++)
        written[i] = (char)(i * 7 % 251);
    fixture_register_worker(fixture, "node", fixture_add_worker(fixture, "node")->url);
    memory_outputs_append(fixture->outputs, &run, written, SIZE);
    assert_int_equal(outputs_read(desk->outputs, &run, &piece, NULL), RC_OK);
    assert_int_equal(piece.length, LINK_PIECE_MAX);
    piece = (struct output_piece){
        .offset = LINK_PIECE_MAX, .data = data + LINK_PIECE_MAX, .capacity = 1000};
    assert_int_equal(outputs_read(desk->outputs, &run, &piece, NULL), RC_OK);
    assert_int_equal(piece.length, 1000);
    assert_memory_equal(data, written, SIZE);
}

static void are_removed_everywhere(void **state)
{
    struct desk *desk = *state;
    struct fixture *fixture = desk->fixture;
    struct run_key run = fixture_add_run(fixture, "node"), unknown = {.job = 99, .attempt = 1};
    AUTO_FREE char *nowhere = xasprintf("http://127.0.0.1:%u", fixture_free_port());
    int64_t size;

    fixture_register_worker(fixture, "gone", nowhere);
    fixture_register_worker(fixture, "node", fixture_add_worker(fixture, "node")->url);
    memory_outputs_append(fixture->outputs, &run, "x", 1);
    memory_outputs_append(fixture->outputs, &unknown, "x", 1);
    assert_int_equal(outputs_remove(desk->outputs, &run, NULL), RC_OK);
    assert_int_equal(outputs_remove(desk->outputs, &unknown, NULL), RC_OK);
    fixture_wait_for(fixture, outputs_size(fixture->outputs, &run, &size, NULL) == RC_NOT_FOUND);
    fixture_wait_for(fixture,
                     outputs_size(fixture->outputs, &unknown, &size, NULL) == RC_NOT_FOUND);
}

static void expect_unreachable(struct desk *desk, const struct run_key *run)
{
    struct err err = {0};
    int64_t size;

    assert_int_equal(outputs_size(desk->outputs, run, &size, &err), RC_UNAVAILABLE);
    assert_string_equal(err.message, "node-2, which has the output, cannot be reached");
}

static void of_an_absent_worker_are_unavailable(void **state)
{
    struct desk *desk = *state;
    struct fixture *fixture = desk->fixture;
    struct run_key run = fixture_add_run(fixture, "node-2"), other = {.job = 99, .attempt = 1};
    AUTO_FREE char *nowhere = xasprintf("http://127.0.0.1:%u", fixture_free_port());
    struct err err = {0};
    int64_t size;

    expect_unreachable(desk, &run);
    fixture_register_worker(fixture, "node-2", "");
    expect_unreachable(desk, &run);
    fixture_register_worker(fixture, "node-2", nowhere);
    expect_unreachable(desk, &run);
    expect_unreachable(desk, &run);
    assert_int_equal(outputs_size(desk->outputs, &other, &size, &err), RC_NOT_FOUND);
    other = fixture_add_run(fixture, "");
    assert_int_equal(outputs_size(desk->outputs, &other, &size, &err), RC_NOT_FOUND);
}

struct asking {
    struct desk *desk;
    struct run_key run;
    enum rc rc;
    span_us took;
};

static void *ask_size(void *context)
{
    struct asking *asking = context;
    struct clock *clock = asking->desk->fixture->clock;
    mono_us begun = clock_mono(clock);
    int64_t size;

    asking->rc = outputs_size(asking->desk->outputs, &asking->run, &size, NULL);
    asking->took = clock_mono(clock) - begun;
    return NULL;
}

/* A worker that takes calls and does not answer holds up two threads, once. */
static void of_a_slow_worker_are_not_waited_for(void **state)
{
    struct desk *desk = *state;
    struct fixture *fixture = desk->fixture;
    struct run_key run = fixture_add_run(fixture, "node-2");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct asking asking[5];
    pthread_t threads[5];
    size_t busy = 0;
    char url[64];
    mono_us begun;

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    fixture_register_worker(fixture, "node-2", url);
    for (size_t i = 0; i < 5; i++)
        asking[i] = (struct asking){.desk = desk, .run = run};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_size, &asking[i]), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(asking[i].rc == RC_UNAVAILABLE || asking[i].rc == RC_BUSY);
        busy += asking[i].rc == RC_BUSY && asking[i].took < LINK_OUTPUT_TIMEOUT / 2;
    }
    assert_int_equal(busy, 5 - LINK_OUTPUT_CALLS);
    begun = clock_mono(fixture->clock);
    for (size_t i = 0; i < 10; i++)
        expect_unreachable(desk, &run);
    assert_true(clock_mono(fixture->clock) - begun < LINK_OUTPUT_TIMEOUT);
    close(listener);
}

static void need_the_secret(void **state)
{
    struct desk *desk = *state;
    struct fixture *fixture = desk->fixture;
    struct run_key run = fixture_add_run(fixture, "node");
    struct link_secret other = {.length = 20};
    struct link_outputs_config config = {
        .store = fixture->store, .clock = fixture->clock, .secret = &other};
    struct outputs *outputs;
    struct err err = {0};
    int64_t size;

    fixture_register_worker(fixture, "node", fixture_add_worker(fixture, "node")->url);
    assert_int_equal(link_outputs_new(&config, &outputs, NULL), RC_OK);
    assert_int_equal(outputs_size(outputs, &run, &size, &err), RC_UNAVAILABLE);
    assert_non_null(strstr(err.message, "node, which has the output: it answers 401: "));
    outputs_free(outputs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(are_read_from_afar),
        TEST(are_read_piece_by_piece),
        TEST(are_removed_everywhere),
        TEST(of_an_absent_worker_are_unavailable),
        TEST(of_a_slow_worker_are_not_waited_for),
        TEST(need_the_secret),
    };

    return cmocka_run_group_tests_name("link outputs", tests, NULL, NULL);
}
