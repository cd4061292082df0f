/* SPDX-License-Identifier: Apache-2.0 */
/* What a line looks like, and that no text can forge one. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#include "testing.h"

struct fixture {
    int reader, writer;
};

static instant_us noon(void *context)
{
    (void)context;
    return 1000000000 * SECOND + 12;
}

static void open_log(struct fixture *fixture, enum log_format format)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    *fixture = (struct fixture){.reader = ends[0], .writer = ends[1]};
    assert_true(fcntl(fixture->reader, F_SETFL, O_NONBLOCK) == 0);
    log_init(&(struct log_config){
        .level = LEVEL_INFO, .format = format, .fd = fixture->writer, .now = noon});
}

static void close_log(struct fixture *fixture)
{
    close(fixture->reader);
    close(fixture->writer);
}

static void assert_logged(struct fixture *fixture, const char *expected)
{
    char text[8192];
    ssize_t length = read(fixture->reader, text, sizeof(text) - 1);

    text[length < 0 ? 0 : length] = '\0';
    assert_string_equal(text, expected);
}

static void writes_fields_as_text(void **state)
{
    struct fixture fixture;

    (void)state;
    open_log(&fixture, LOG_FORMAT_TEXT);
    log_info("job assigned", LOG_U64("job", 12), LOG_TEXT("worker", "node-3"),
             LOG_SPAN("late", 90 * SECOND));
    assert_logged(&fixture, "time=2001-09-09T01:46:40.000012Z level=info event=\"job assigned\" "
                            "job=12 worker=node-3 late=1m30s\n");
    log_debug("nothing");
    assert_logged(&fixture, "");
    close_log(&fixture);
}

static void escapes_what_could_forge_a_line(void **state)
{
    static const char text[] = "a\nlevel=error \"\\\x1b[31m \xff \xc2\x85 \xc3\xbc";
    struct fixture fixture;

    (void)state;
    open_log(&fixture, LOG_FORMAT_TEXT);
    log_warn("x", LOG_TEXT("name", text), LOG_TEXT("empty", ""), LOG_TEXT("none", NULL));
    assert_logged(&fixture, "time=2001-09-09T01:46:40.000012Z level=warn event=x "
                            "name=\"a\\x0alevel=error \\\"\\\\\\x1b[31m \\xff \\u0085 \xc3\xbc\" "
                            "empty=\"\" none=\"\"\n");
    close_log(&fixture);
    open_log(&fixture, LOG_FORMAT_JSON);
    log_error("x", LOG_TEXT("name", text), LOG_I64("n", -1));
    assert_logged(&fixture,
                  "{\"time\":\"2001-09-09T01:46:40.000012Z\",\"level\":\"error\",\"event\":\"x\","
                  "\"name\":\"a\\u000alevel=error \\\"\\\\\\u001b[31m \\ufffd \\u0085 \xc3\xbc\","
                  "\"n\":-1}\n");
    close_log(&fixture);
}

static void cuts_long_lines_where_they_stay_whole(void **state)
{
    char big[9000], text[8192];
    struct fixture fixture;
    ssize_t length;

    (void)state;
    memset(big, '"', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    open_log(&fixture, LOG_FORMAT_JSON);
    for (size_t offset = 0; offset < 8; offset++) {
        log_info("x", LOG_TEXT("big", big + offset), LOG_TEXT("big", big), LOG_U64("after", 1));
        length = read(fixture.reader, text, sizeof(text));
        assert_true(length > 4000 && length <= 4096);
        assert_memory_equal(text + length - 4, "\"\"}\n", 4);
    }
    close_log(&fixture);
}

static void drops_and_counts_when_nobody_reads(void **state)
{
    struct fixture fixture;
    char text[65536];
    size_t lines = 0;

    (void)state;
    open_log(&fixture, LOG_FORMAT_TEXT);
    for (; lines < 5000; lines++)
        log_info("x");
    while (read(fixture.reader, text, sizeof(text)) > 0)
        continue;
    log_info("x");
    assert_true(read(fixture.reader, text, sizeof(text) - 1) > 0);
    assert_non_null(strstr(text, " dropped="));
    close_log(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_fields_as_text),
        cmocka_unit_test(escapes_what_could_forge_a_line),
        cmocka_unit_test(cuts_long_lines_where_they_stay_whole),
        cmocka_unit_test(drops_and_counts_when_nobody_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
