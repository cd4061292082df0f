/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/job_options.h"
#include "testing.h"

static const struct option *const tables[OPTION_TABLES] = {job_options};

/* What options become, as JSON; NULL when they are refused. */
static const char *written(const char *const *words, bool is_patch, struct arena *arena)
{
    AUTO_BUF struct buf buf;
    struct arguments arguments;
    struct json_writer writer;
    size_t count = 0;
    while (words[count])
        count++;
    buf_init(&buf, 4096);
    assert_int_equal(arguments_parse(tables, words, count, arena, &arguments, NULL), RC_OK);
    json_writer_init(&writer, &buf);
    json_write_object_begin(&writer);
    int code = job_options_write(&arguments, is_patch, &writer);
    json_write_object_end(&writer);
    return code == CLI_DONE ? arena_strdup(arena, buf.data) : NULL;
}

static void options_become_members(void **state)
{
    (void)state;
    static const struct {
        const char *words[10];
        bool is_patch;
        const char *json; /* NULL: refused */
    } rows[] = {
        {{NULL}, false, "{}"},
        {{"--name", "beat", "--disabled"}, false, "{\"name\":\"beat\",\"enabled\":false}"},
        {{"--name=a", "--name=b"}, false, "{\"name\":\"b\"}"},
        {{"--label", "a=1", "--env", "X=", "--label", "b=2=3"},
         false,
         "{\"labels\":{\"a\":\"1\",\"b\":\"2=3\"},\"env\":{\"X\":\"\"}}"},
        {{"--label=a=1", "--label=a=2"}, false, "{\"labels\":{\"a\":\"2\"}}"},
        {{"--label=a", "--label=b=1"}, true, "{\"labels\":{\"a\":null,\"b\":\"1\"}}"},
        {{"--label=a"}, false, NULL},
        {{"--env==x"}, true, NULL},
        {{"--arg", "a", "--arg", "a"}, false, "{\"args\":[\"a\",\"a\"]}"},
        {{"--retries=3", "--timeout=90s", "--retry-backoff=1.5", "--retry-elsewhere"},
         false,
         "{\"timeout\":\"90s\",\"retries\":{\"limit\":3,\"backoff\":1.5,\"elsewhere\":true}}"},
        {{"--memory=512MiB", "--output-limit=1000", "--nice=-5", "--cpu=2"},
         false,
         "{\"limits\":{\"memory\":\"512MiB\",\"output\":1000,\"nice\":-5,\"cpu\":2}}"},
        {{"--retries=many"}, false, NULL},
        {{"--cpu=inf"}, false, NULL},
        {{"--nice="}, false, NULL},
        {{"--stdin-file=/nonexistent/file"}, false, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        const char *json = written(rows[i].words, rows[i].is_patch, &arena);
        assert_int_equal(json != NULL, rows[i].json != NULL);
        if (json)
            assert_string_equal(json, rows[i].json);
    }
}

static void words_become_a_line_of_the_shell(void **state)
{
    (void)state;
    static const struct {
        const char *words[6];
        const char *line;
    } rows[] = {
        {{"--", "date; echo beat"}, "date; echo beat"},
        {{"--", "echo", "a b", "c"}, "echo 'a b' c"},
        {{"--", "X=1", "env"}, "X=1 env"},
        {{"--", "echo", "$HOME"}, "echo '$HOME'"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        AUTO_BUF struct buf buf;
        struct arguments arguments;
        size_t count = 0;
        while (rows[i].words[count])
            count++;
        buf_init(&buf, 4096);
        assert_int_equal(arguments_parse(tables, rows[i].words, count, &arena, &arguments, NULL),
                         RC_OK);
        job_options_command(&arguments, &buf);
        assert_string_equal(buf.data, rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_become_members),
        cmocka_unit_test(words_become_a_line_of_the_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
