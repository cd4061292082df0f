/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/outputs.h: contract_outputs memory|directory. What a guardian writes is in
 * launcher_output.c. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ports/output_file.h"

#include "adapters/directory/outputs.h"
#include "adapters/directory/walk.h"
#include "adapters/memory/outputs.h"
#include "testing.h"

static bool real;
static char directory[64];
static struct outputs *outputs;

static const struct run_key run = {.scheduled_at = 1000000000 * SECOND, .job = 7, .attempt = 1};

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/cronjob-outputs-XXXXXX");
    assert_non_null(mkdtemp(directory));
    if (real)
        assert_int_equal(directory_outputs_open(directory, &outputs, NULL), RC_OK);
    else
        outputs = memory_outputs_new();
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    outputs_free(outputs);
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *suffix, const char *data, size_t length)
{
    char path[256], name[OUTPUT_PATH];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/outputs/07", directory);
    (void)mkdir(path, 0700); /* or it is there */
    (void)snprintf(path, sizeof(path), "%s/outputs/%s%s", directory, output_path(&run, name),
                   suffix);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, data, length), length);
    close(fd);
}

static void put(const char *text)
{
    if (real)
        write_file("", text, strlen(text));
    else
        memory_outputs_append(outputs, &run, text, strlen(text));
}

static void assert_reads(int64_t offset, size_t capacity, const char *expected)
{
    char data[256];
    struct output_piece piece = {.offset = offset, .data = data, .capacity = capacity};

    assert_int_equal(outputs_read(outputs, &run, &piece, NULL), RC_OK);
    assert_int_equal(piece.length, strlen(expected));
    assert_memory_equal(data, expected, piece.length);
}

static void has_none_until_something_is_written(void **state)
{
    char data[8];
    struct output_piece piece = {.data = data, .capacity = sizeof(data)};
    int64_t size;

    (void)state;
    assert_int_equal(outputs_size(outputs, &run, &size, NULL), RC_NOT_FOUND);
    assert_int_equal(outputs_read(outputs, &run, &piece, NULL), RC_NOT_FOUND);
    assert_int_equal(outputs_remove(outputs, &run, NULL), RC_NOT_FOUND);
}

static void grows_and_is_read_from_anywhere(void **state)
{
    int64_t size;

    (void)state;
    put("hello ");
    assert_reads(0, 100, "hello ");
    put("world\n");
    assert_reads(0, 100, "hello world\n");
    assert_reads(6, 3, "wor");
    assert_reads(12, 10, "");
    assert_reads(1000, 10, "");
    assert_int_equal(outputs_size(outputs, &run, &size, NULL), RC_OK);
    assert_int_equal(size, 12);
}

static void its_last_lines_are_found(void **state)
{
    static const struct {
        const char *text;
        int64_t lines, offset;
    } rows[] = {
        {"", 0, 0},          {"a\nb\nc\n", 0, 6}, {"a\nb\nc\n", 1, 4}, {"a\nb\nc\n", 2, 2},
        {"a\nb\nc\n", 3, 0}, {"a\nb\nc\n", 9, 0}, {"a\nb\nc", 1, 4},   {"a\nb\nc", 2, 2},
        {"\n\n\n", 1, 2},    {"\n\n\n", 2, 1},    {"abc", 1, 0},       {"abc", 0, 3},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t size = (int64_t)strlen(rows[i].text), offset = -1;

        (void)tear_down(state);
        (void)set_up(state);
        put(rows[i].text);
        assert_int_equal(outputs_tail(outputs, &run, size, rows[i].lines, &offset, NULL), RC_OK);
        assert_int_equal(offset, rows[i].offset);
        put("later\n");
        assert_int_equal(outputs_tail(outputs, &run, size, rows[i].lines, &offset, NULL), RC_OK);
        assert_int_equal(offset, rows[i].offset);
    }
}

static void is_gone_when_it_was_removed(void **state)
{
    int64_t size;

    (void)state;
    put("x");
    assert_int_equal(outputs_remove(outputs, &run, NULL), RC_OK);
    assert_int_equal(outputs_size(outputs, &run, &size, NULL), RC_NOT_FOUND);
    assert_int_equal(outputs_remove(outputs, &run, NULL), RC_NOT_FOUND);
}

/* ---- walking over them --------------------------------------------------------------------- */

static int count_round(struct output_walk *walk)
{
    struct run_key key;
    int count = 0;

    while (output_walk_next(walk, &key)) {
        assert_int_equal(key.job, run.job);
        count++;
    }
    return count;
}

static void all_are_met_round_and_round(void **state)
{
    struct output_walk walk = {.data_directory = directory};

    (void)state;
    put("x");
    write_file(OUTPUT_TAIL_SUFFIX, "y", 1);
    write_file("1", "z", 1); /* another attempt */
    write_file("-not-a-run", "y", 1);
    assert_int_equal(count_round(&walk), 2);
    assert_int_equal(count_round(&walk), 2);
    assert_int_equal(outputs_remove(outputs, &run, NULL), RC_OK);
    assert_int_equal(count_round(&walk), 1);
    output_walk_release(&walk);
}

/* ---- the files ----------------------------------------------------------------------------- */

static void write_tail(const struct output_ring *ring, const char *bytes)
{
    char head[OUTPUT_RING_HEAD] = {0};

    if (ring)
        output_ring_encode(ring, head);
    write_file(OUTPUT_TAIL_SUFFIX, head, sizeof(head));
    write_file(OUTPUT_TAIL_SUFFIX, bytes, strlen(bytes));
}

static void joins_head_and_tail_that_lost_nothing(void **state)
{
    const struct output_ring ring = {.room = 8, .total = 5};

    (void)state;
    put("head");
    write_tail(&ring, "-tail");
    assert_reads(0, 100, "head-tail");
    assert_reads(2, 4, "ad-t");
}

static void says_how_much_fell_out(void **state)
{
    /* "abcdefghij" through a ring of 4: g h i j are left, of which i is at 0. */
    const struct output_ring ring = {.room = 4, .total = 10};

    (void)state;
    put("head");
    write_tail(&ring, "ijgh");
    assert_reads(0, 100, "head\n[... 6 bytes left out ...]\nghij");
    for (int64_t offset = 0; offset < 64; offset++) {
        char expected[2] = {"head\n[... 6 bytes left out ...]\nghij"[offset], '\0'};

        assert_reads(offset, 1, expected);
        if (!expected[0])
            break;
    }
}

static void ignores_a_tail_that_was_not_finished(void **state)
{
    int64_t size;

    (void)state;
    put("head\n");
    write_tail(NULL, "rubbish");
    assert_reads(0, 100, "head\n");
    assert_int_equal(outputs_remove(outputs, &run, NULL), RC_OK);
    assert_int_equal(outputs_size(outputs, &run, &size, NULL), RC_NOT_FOUND);
}

int main(int argc, char **argv)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLAUSE(has_none_until_something_is_written),
        CLAUSE(grows_and_is_read_from_anywhere),
        CLAUSE(its_last_lines_are_found),
        CLAUSE(is_gone_when_it_was_removed),
    };
    const struct CMUnitTest files[] = {
        CLAUSE(joins_head_and_tail_that_lost_nothing),
        CLAUSE(says_how_much_fell_out),
        CLAUSE(ignores_a_tail_that_was_not_finished),
        CLAUSE(all_are_met_round_and_round),
    };
#undef CLAUSE
    int failed;

    real = argc > 1 && strcmp(argv[1], "directory") == 0;
    failed = cmocka_run_group_tests_name("outputs", tests, NULL, NULL);
    if (real)
        failed += cmocka_run_group_tests_name("outputs files", files, NULL, NULL);
    return failed;
}
