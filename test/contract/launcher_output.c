/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of what a run writes. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/directory/outputs.h"
#include "launcher_fixture.h"
#include "launcher_suite.h"
#include "testing.h"

enum { OUTPUT_MAX = 1 << 20 };

static struct fixture fixture;
static struct outputs *outputs;
static char text[OUTPUT_MAX];

static int open_fixture(void **state)
{
    (void)state;
    fixture_open(&fixture, true);
    assert_int_equal(directory_outputs_open(fixture.directory, &outputs, NULL), RC_OK);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    outputs_free(outputs);
    fixture_close(&fixture);
    return 0;
}

static struct run_result run(const struct launch *launch)
{
    fixture_start(&fixture, launch);
    return fixture_expect(&fixture, LAUNCH_FINISHED, launch->run.job)->event.result;
}

/* All of an output, in pieces of `piece` bytes. */
static size_t read_all(const struct launch *launch, size_t piece)
{
    struct output_piece read;
    size_t length = 0;
    int64_t size;

    do {
        read = (struct output_piece){.offset = (int64_t)length,
                                     .data = text + length,
                                     .capacity = MIN(piece, OUTPUT_MAX - length)};
        assert_int_equal(outputs_read(outputs, &launch->run, &read, NULL), RC_OK);
        length += read.length;
    } while (read.length);
    assert_int_equal(outputs_size(outputs, &launch->run, &size, NULL), RC_OK);
    assert_int_equal(size, length);
    return length;
}

static void a_silent_run_has_none(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "exit 0");
    struct run_result result = run(&launch);
    int64_t size;

    (void)state;
    assert_int_equal(result.output_bytes, 0);
    assert_false(result.output_truncated);
    assert_int_equal(outputs_size(outputs, &launch.run, &size, NULL), RC_NOT_FOUND);
    assert_int_equal(outputs_remove(outputs, &launch.run, NULL), RC_NOT_FOUND);
}

static void keeps_every_byte_of_both_streams(void **state)
{
    struct launch launch =
        launch_of(&fixture, 1, "printf 'a\\000b\\377\\r\\n'; printf err >&2; printf '\\033[31m'");
    struct run_result result = run(&launch);

    (void)state;
    assert_int_equal(result.output_bytes, 14);
    assert_false(result.output_truncated);
    assert_int_equal(read_all(&launch, 5), 14);
    assert_memory_equal(text, "a\0b\377\r\nerr\033[31m", 14);
    assert_int_equal(outputs_remove(outputs, &launch.run, NULL), RC_OK);
    assert_int_equal(outputs_remove(outputs, &launch.run, NULL), RC_NOT_FOUND);
}

static void keeps_all_up_to_the_limit(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "yes | head -c 1001");
    struct run_result result;

    (void)state;
    launch.limits.output = 1001;
    result = run(&launch);
    assert_int_equal(result.output_bytes, 1001);
    assert_false(result.output_truncated);
    assert_int_equal(read_all(&launch, 100), 1001);
    for (size_t i = 0; i < 1001; i++)
        assert_int_equal(text[i], i % 2 ? '\n' : 'y');
}

static void keeps_the_first_and_the_last_bytes(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "seq 1 100000");
    const char *marker = "\n[... 588795 bytes left out ...]\n";
    struct run_result result;
    size_t length;

    (void)state;
    launch.limits.output = 100;
    result = run(&launch);
    assert_int_equal(result.output_bytes, 588895);
    assert_true(result.output_truncated);
    length = read_all(&launch, 7);
    assert_int_equal(length, 100 + strlen(marker));
    assert_memory_equal(
        text, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20", 50);
    assert_memory_equal(text + 50, marker, strlen(marker));
    assert_memory_equal(text + length - 13, "99999\n100000\n", 13);
}

static void keeps_nothing_when_told_so(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "echo hello");
    struct run_result result;

    (void)state;
    launch.limits.output = 0;
    result = run(&launch);
    assert_int_equal(result.output_bytes, 6);
    assert_true(result.output_truncated);
}

static void can_be_read_while_the_run_goes_on(void **state)
{
    AUTO_FREE char *command =
        xasprintf("echo one; until [ -e %s/go ]; do sleep 0.05; done; echo two", fixture.directory);
    AUTO_FREE char *go = xasprintf("%s/go", fixture.directory);
    struct launch launch = launch_of(&fixture, 1, command);
    const struct heard *heard;

    (void)state;
    fixture_start(&fixture, &launch);
    heard = fixture_expect(&fixture, LAUNCH_OUTPUT, 1);
    assert_int_equal(heard->event.result.output_bytes, 4);
    assert_int_equal(read_all(&launch, 100), 4);
    assert_memory_equal(text, "one\n", 4);
    close(open(go, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    (void)fixture_expect(&fixture, LAUNCH_FINISHED, 1);
    assert_int_equal(read_all(&launch, 100), 8);
    assert_memory_equal(text, "one\ntwo\n", 8);
}

/* VmRSS of the guardian in KiB. */
static long guardian_memory(void)
{
    AUTO_FREE char *path = xasprintf("/proc/%d/status", fixture_guardian_pid(&fixture));
    FILE *file = fopen(path, "re");
    char line[128];
    long size = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld", &size) == 1)
            break;
    (void)fclose(file);
    return size;
}

static void takes_endless_output_in_constant_memory(void **state)
{
    struct launch launch = launch_of(&fixture, 1, "exec cat /dev/zero");
    struct launch other = launch_of(&fixture, 2, "exit 0");
    struct run_result result;
    AUTO_FREE char *directory = xasprintf("%s/outputs/01", fixture.directory);
    long before = guardian_memory();
    struct stat status;

    (void)state;
    launch.timeout = SECOND;
    launch.limits.output = 1000000;
    fixture_start(&fixture, &launch);
    (void)fixture_expect(&fixture, LAUNCH_STARTED, 1);
    result = run(&other); /* goes on meanwhile */
    assert_int_equal(result.status, RUN_SUCCEEDED);
    result = fixture_expect(&fixture, LAUNCH_FINISHED, 1)->event.result;
    assert_int_equal(result.status, RUN_TIMED_OUT);
    assert_true(result.output_truncated);
    assert_true(result.output_bytes > 10000000);
    assert_true(guardian_memory() < before + 20000);
    assert_return_code(stat(directory, &status), 0);
    assert_true(read_all(&launch, OUTPUT_MAX) < 1000100);
}

static void files_are_for_nobody_else(void **state)
{
    struct launch launch = launch_of(&fixture, 257, "echo hello");
    AUTO_FREE char *path = xasprintf("%s/outputs/01/257-1000000000-1", fixture.directory);
    struct stat status;

    (void)state;
    (void)run(&launch);
    assert_return_code(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

int run_guardian_output_suite(void)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        CLAUSE(a_silent_run_has_none),
        CLAUSE(keeps_every_byte_of_both_streams),
        CLAUSE(keeps_all_up_to_the_limit),
        CLAUSE(keeps_the_first_and_the_last_bytes),
        CLAUSE(keeps_nothing_when_told_so),
        CLAUSE(can_be_read_while_the_run_goes_on),
        CLAUSE(takes_endless_output_in_constant_memory),
        CLAUSE(files_are_for_nobody_else),
    };
#undef CLAUSE

    return cmocka_run_group_tests_name("guardian output", tests, NULL, NULL);
}
