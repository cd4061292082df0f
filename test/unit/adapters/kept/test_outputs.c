/* SPDX-License-Identifier: Apache-2.0 */
/* An output reads the same wherever it is, and while it moves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/kept/outputs.h"
#include "adapters/memory/clock.h"
#include "adapters/memory/objects.h"
#include "adapters/memory/outputs.h"
#include "adapters/memory/store.h"
#include "testing.h"
#include "wire/packed.h"

#define START ((instant_us)1893456000 * SECOND)

static struct fixture {
    struct clock *clock;
    struct store *store;
    struct objects *objects;
    struct outputs *of_worker, *outputs;
    struct run_key run;
    enum memory_objects_fault fault;
    unsigned gets;
    const char *moves; /* a text that is stored when the worker is asked for it */
} fixture;

static const struct claim_token token = {{1}};

static enum memory_objects_fault fault(void *context, enum memory_objects_call call,
                                       const char *key)
{
    (void)context, (void)key;
    fixture.gets += call == MEMORY_OBJECTS_GET;
    return call == MEMORY_OBJECTS_GET ? fixture.fault : MEMORY_OBJECTS_FAULT_NONE;
}

static void apply(struct store_write *write)
{
    assert_int_equal(store_apply(fixture.store, write, 1, NULL), RC_OK);
    assert_int_equal(write->outcome, RC_OK);
}

static void given_run(void)
{
    struct job job = job_default();
    struct store_write create = {.kind = WRITE_JOB_CREATE,
                                 .job = {.job = &job, .document = "{}", .document_length = 2}};
    struct store_write claim = {.kind = WRITE_RUN_CLAIM};

    create.job.owner = create.job.worker = "";
    apply(&create);
    fixture.run = (struct run_key){.scheduled_at = START, .job = create.job.id, .attempt = 1};
    claim.claim = (struct write_claim){
        .key = fixture.run, .token = token, .worker = "w", .revision = 1, .deadline = START + HOUR};
    apply(&claim);
}

static void make_outputs(struct outputs *of_worker)
{
    outputs_free(fixture.outputs);
    fixture.outputs = kept_outputs_new(&(struct kept_outputs_config){.store = fixture.store,
                                                                     .objects = fixture.objects,
                                                                     .of_worker = of_worker,
                                                                     .clock = fixture.clock});
}

static int set_up(void **state)
{
    (void)state;
    fixture = (struct fixture){.clock = memory_clock_new(START)};
    fixture.store = memory_store_new(&(struct memory_store_config){.clock = fixture.clock});
    fixture.objects =
        memory_objects_new(&(struct memory_objects_config){.clock = fixture.clock, .fault = fault});
    fixture.of_worker = memory_outputs_new();
    make_outputs(fixture.of_worker);
    given_run();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    outputs_free(fixture.outputs);
    outputs_free(fixture.of_worker);
    objects_free(fixture.objects);
    store_free(fixture.store);
    clock_free(fixture.clock);
    return 0;
}

/* ---- where it is ----------------------------------------------------------------------------- */

static void put_object(const char *text, size_t length)
{
    struct packed_writer writer;
    struct buf AUTO_BUF out;
    char key[OUTPUT_OBJECT_KEY];
    int fd = memfd_create("output", MFD_CLOEXEC);

    packed_begin(&writer);
    buf_init(&out, SIZE_MAX);
    assert_int_equal(packed_add(&writer, text, length, &out), RC_OK);
    assert_int_equal(packed_end(&writer, &out), RC_OK);
    packed_release(&writer);
    assert_int_equal(write(fd, out.data, out.length), out.length);
    assert_int_equal(objects_put(fixture.objects, output_object_key(&fixture.run, key),
                                 &(struct object_source){fd, (int64_t)out.length}, NULL),
                     RC_OK);
    close(fd);
}

static void store_output(const char *text, size_t length)
{
    struct store_write write = {
        .kind = WRITE_RUN_OUTPUT,
        .output = {.key = fixture.run, .token = token, .output = {.data = text, .length = length}}};

    if (length > LIMIT_OUTPUT_SHORT) {
        put_object(text, length);
        write.output.output = (struct kept_output){.in_objects = true};
    }
    apply(&write);
}

static void have_worker(const char *text, size_t length)
{
    memory_outputs_append(fixture.of_worker, &fixture.run, text, length);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static char *make_text(size_t length, unsigned line)
{
    char *text = xmalloc(length + 1);

    for (size_t i = 0; i < length; i++)
        text[i] = i % line == line - 1 ? '\n' : (char)('a' + i * 7 % 26);
    text[length] = '\0';
    return text;
}

static size_t tail_of(const char *text, size_t length, int64_t lines)
{
    size_t at = length;

    if (lines && at && text[at - 1] == '\n')
        at--;
    while (lines && at && !(text[at - 1] == '\n' && --lines == 0))
        at--;
    return at;
}

static void assert_reads(int64_t offset, size_t capacity, const char *text, size_t length)
{
    char *AUTO_FREE data = xmalloc(capacity + 1);
    struct output_piece piece = {.offset = offset, .data = data, .capacity = capacity};
    size_t left = MIN(capacity, length - MIN((size_t)offset, length));

    assert_int_equal(outputs_read(fixture.outputs, &fixture.run, &piece, NULL), RC_OK);
    assert_true(piece.length <= left && (piece.length > 0 || left == 0));
    assert_memory_equal(data, text + MIN((size_t)offset, length), piece.length);
}

static void assert_whole(const char *text, size_t length, size_t step)
{
    char *AUTO_FREE data = xmalloc(length + step);
    struct output_piece piece = {.offset = 0, .data = data};

    do {
        piece.capacity = step;
        assert_int_equal(outputs_read(fixture.outputs, &fixture.run, &piece, NULL), RC_OK);
        piece.offset += (int64_t)piece.length;
        piece.data = data + piece.offset;
    } while (piece.length);
    assert_int_equal(piece.offset, length);
    assert_memory_equal(data, text, length);
}

static void assert_output(const char *text, size_t length)
{
    static const int64_t lines[] = {0, 1, 2, 10, 99, 100000000};
    int64_t number = -1;

    assert_int_equal(outputs_size(fixture.outputs, &fixture.run, &number, NULL), RC_OK);
    assert_int_equal(number, length);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(
            outputs_tail(fixture.outputs, &fixture.run, (int64_t)length, lines[i], &number, NULL),
            RC_OK);
        assert_int_equal(number, tail_of(text, length, lines[i]));
    }
    for (size_t offset = 0; offset <= length + 100; offset += length / 7 + 1)
        assert_reads((int64_t)offset, 3000 + offset, text, length);
    assert_whole(text, length, 32000);
    assert_whole(text, length, 100001);
}

static void it_reads_the_same_everywhere(void **state)
{
    static const struct {
        size_t length;
        unsigned line;
    } rows[] = {
        {1, 1},
        {5, 2},
        {100, 10},
        {LIMIT_OUTPUT_SHORT, 80},
        {LIMIT_OUTPUT_SHORT + 1, 80},
        {5000, 1},
        {65536, 64},
        {65537, 9999},
        {700000, 61},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *AUTO_FREE text = make_text(rows[i].length, rows[i].line);

        have_worker(text, rows[i].length);
        assert_output(text, rows[i].length);
        store_output(text, rows[i].length);
        (void)outputs_remove(fixture.of_worker, &fixture.run, NULL);
        assert_output(text, rows[i].length);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

static void there_is_none_until_something_is_written(void **state)
{
    int64_t size;

    (void)state;
    assert_int_equal(outputs_size(fixture.outputs, &fixture.run, &size, NULL), RC_NOT_FOUND);
}

/* ---- while it moves -------------------------------------------------------------------------- */

/* A worker that stores the output and removes it, just when it is asked for it. */
static enum rc moved_read(struct outputs *outputs, const struct run_key *run,
                          struct output_piece *piece, struct err *err)
{
    (void)outputs, (void)run, (void)piece;
    store_output(fixture.moves, strlen(fixture.moves));
    return err_fail(err, RC_NOT_FOUND, "the run has no output");
}

static void it_is_found_where_it_has_gone(void **state)
{
    static const struct outputs_ops ops = {.name = "moving", .read = moved_read};
    struct outputs moving = {&ops};
    static const size_t lengths[] = {100, 100000};

    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        char *AUTO_FREE text = make_text(lengths[i], 50);

        fixture.moves = text;
        make_outputs(&moving);
        assert_reads(50, 20, text, lengths[i]);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

/* ---- objects that fail ----------------------------------------------------------------------- */

static void failures_are_told_and_end(void **state)
{
    static const struct {
        enum memory_objects_fault fault;
        enum rc rc;
    } rows[] = {
        {MEMORY_OBJECTS_FAULT_FAIL, RC_UNAVAILABLE},
        {MEMORY_OBJECTS_FAULT_CUT, RC_UNAVAILABLE},
        {MEMORY_OBJECTS_FAULT_CORRUPT, RC_IO},
        {MEMORY_OBJECTS_FAULT_REFUSE, RC_FORBIDDEN},
    };
    char *AUTO_FREE text = make_text(300000, 50);
    char data[100];
    struct output_piece piece = {.data = data, .capacity = sizeof(data)};

    (void)state;
    store_output(text, 300000);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        piece.offset = (int64_t)i * PACKED_PIECE;
        assert_reads(piece.offset + PACKED_PIECE, 10, text, 300000); /* it is open */
        fixture.fault = rows[i].fault;
        assert_int_equal(outputs_read(fixture.outputs, &fixture.run, &piece, NULL), rows[i].rc);
        fixture.fault = MEMORY_OBJECTS_FAULT_NONE;
        if (rows[i].rc == RC_UNAVAILABLE) { /* then nobody waits for it, for some seconds */
            fixture.gets = 0;
            assert_int_equal(outputs_read(fixture.outputs, &fixture.run, &piece, NULL),
                             RC_UNAVAILABLE);
            assert_int_equal(fixture.gets, 0);
            memory_clock_advance(fixture.clock, 5 * SECOND);
        }
        assert_reads(piece.offset, 10, text, 300000);
    }
}

static void object_that_is_lost_is_no_empty_output(void **state)
{
    char *AUTO_FREE text = make_text(300000, 50);
    char data[10], key[OUTPUT_OBJECT_KEY];
    struct output_piece piece = {.offset = 200000, .data = data, .capacity = sizeof(data)};

    (void)state;
    store_output(text, 300000);
    assert_reads(0, 10, text, 300000);
    assert_int_equal(objects_remove(fixture.objects, output_object_key(&fixture.run, key), NULL),
                     RC_OK);
    assert_int_equal(outputs_read(fixture.outputs, &fixture.run, &piece, NULL), RC_IO);
}

static void its_end_costs_three_requests(void **state)
{
    char *AUTO_FREE text = make_text(3000000, 50);
    int64_t number;

    (void)state;
    store_output(text, 3000000);
    fixture.gets = 0;
    assert_int_equal(outputs_size(fixture.outputs, &fixture.run, &number, NULL), RC_OK);
    assert_int_equal(outputs_tail(fixture.outputs, &fixture.run, number, 100, &number, NULL),
                     RC_OK);
    assert_reads(number, 10000, text, 3000000);
    assert_int_equal(fixture.gets, 2); /* and one for the size */
    fixture.gets = 0;
    assert_whole(text, 3000000, 32 * 1024);
    assert_true(fixture.gets < 12);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_reads_the_same_everywhere),
        TEST(there_is_none_until_something_is_written),
        TEST(it_is_found_where_it_has_gone),
        TEST(failures_are_told_and_end),
        TEST(object_that_is_lost_is_no_empty_output),
        TEST(its_end_costs_three_requests),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
