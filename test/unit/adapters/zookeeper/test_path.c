/* SPDX-License-Identifier: Apache-2.0 */
/* Names of nodes: ours are read back, all others are refused. */
#include <stdio.h>
#include <string.h>

#include "base/instant.h"

#include "adapters/zookeeper/path.h"
#include "testing.h"

static void tasks_are_read_back(void **state)
{
    static const struct {
        struct task task;
        const char *path;
    } rows[] = {
        {{.kind = TASK_JOB, .job = 1, .revision = 1}, "/r/tasks/w/01/1.1"},
        {{.kind = TASK_JOB, .job = 256, .revision = 30}, "/r/tasks/w/00/256.30"},
        {{.kind = TASK_JOB, .job = 255, .revision = 2}, "/r/tasks/w/ff/255.2"},
        {{.kind = TASK_JOB, .job = UINT64_MAX, .revision = UINT64_MAX},
         "/r/tasks/w/ff/18446744073709551615.18446744073709551615"},
        {{.kind = TASK_RUN, .job = 7, .run = {.scheduled_at = 60 * SECOND, .job = 7, .attempt = 1}},
         "/r/tasks/w/runs/run-7-60-1"},
        {{.kind = TASK_KILL,
          .job = 7,
          .run = {.scheduled_at = 60 * SECOND, .job = 7, .attempt = 2}},
         "/r/tasks/w/runs/kill-7-60-2"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena AUTO_ARENA arena = {0};
        unsigned bucket = path_bucket(&rows[i].task);
        const char *path = path_of_task(&arena, "/r", "w", &rows[i].task);
        struct task task;

        assert_string_equal(path, rows[i].path);
        assert_true(path_read_task(strrchr(path, '/') + 1, bucket, &task));
        assert_int_equal(task.kind, rows[i].task.kind);
        assert_true(task.job == rows[i].task.job && task.revision == rows[i].task.revision);
        assert_int_equal(run_key_compare(&task.run, &rows[i].task.run), 0);
        assert_int_equal(path_read_bucket(path_of_bucket(&arena, "/r", "w", bucket), "/r/tasks/w/"),
                         bucket);
    }
}

static void names_that_are_no_tasks_are_refused(void **state)
{
    static const struct {
        const char *name;
        unsigned bucket;
    } rows[] = {
        {"", 1},
        {"1", 1},
        {"1.", 1},
        {".1", 1},
        {"1.0", 1},
        {"0.1", 0},
        {"01.1", 1},
        {"1.01", 1},
        {"1.1 ", 1},
        {"1.1.1", 1},
        {"+1.1", 1},
        {"-1.1", 1},
        {"2.1", 1}, /* of another bucket */
        {"18446744073709551616.1", 0},
        {"1.18446744073709551616", 1},
        {"1.1", RUNS_BUCKET},
        {"", RUNS_BUCKET},
        {"run-", RUNS_BUCKET},
        {"kill-", RUNS_BUCKET},
        {"7-60-1", RUNS_BUCKET},
        {"run-7-60", RUNS_BUCKET},
        {"run-7-60-1x", RUNS_BUCKET},
        {"skip-7-60-1", RUNS_BUCKET},
    };
    struct task task;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (path_read_task(rows[i].name, rows[i].bucket, &task))
            fail_msg("'%s' was taken for a task", rows[i].name);
    }
}

static void buckets_are_two_digits_or_runs(void **state)
{
    static const struct {
        const char *path;
        int bucket;
    } rows[] = {
        {"/r/tasks/w/00", 0},        {"/r/tasks/w/ff", 255},    {"/r/tasks/w/runs", RUNS_BUCKET},
        {"/r/tasks/w/FF", -1},       {"/r/tasks/w/0", -1},      {"/r/tasks/w/000", -1},
        {"/r/tasks/w/0/", -1},       {"/r/tasks/w/runs/x", -1}, {"/r/tasks/w/", -1},
        {"/r/tasks/w/complete", -1}, {"/r/tasks/x/00", -1},     {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(path_read_bucket(rows[i].path, "/r/tasks/w/"), rows[i].bucket);
}

static void candidates_have_a_mark_and_a_sequence(void **state)
{
    static const struct {
        const char *name;
        int64_t sequence;
    } rows[] = {
        {"0123456789abcdef-m-0000000000", 0},
        {"0123456789abcdef-m-0000000042", 42},
        {"0123456789abcdef-m-with-dashes-9999999999", 9999999999},
        {"0123456789abcdef-m-000000000", -1},
        {"0123456789abcdef-m-00000000000", -1},
        {"0123456789abcdef-0000000001", -1},
        {"0123456789abcdeF-m-0000000001", -1},
        {"0123456789abcdef0-m-0000000001", -1},
        {"0123456789abcde-m-0000000001", -1},
        {"0123456789abcdef-m-000000000x", -1},
        {"0123456789abcdef-m--214748364", -1},
        {"lock-0000000001", -1},
        {"0000000001", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(path_read_sequence(rows[i].name), rows[i].sequence);
    assert_true(path_has_mark("0123456789abcdef-m-0000000000", "0123456789abcdef"));
    assert_false(path_has_mark("0123456789abcdef-m-0000000000", "0123456789abcdee"));
    assert_false(path_has_mark("0123456789abcdef-m", "0123456789abcdef"));
}

static void an_epoch_is_a_number_that_can_grow(void **state)
{
    static const struct {
        const char *data;
        uint64_t epoch;
    } rows[] = {{"0", 0},  {"1", 1},  {"12345", 12345}, {"999999999999999999", 999999999999999999},
                {"", 0},   {"x", 0},  {"1x", 0},        {"18446744073709551615", 0},
                {"-1", 0}, {" 1", 0}, {"1\n", 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_true(path_read_epoch(rows[i].data) == rows[i].epoch);
}

static void hosts_are_a_list_with_ports(void **state)
{
    static const char *const right[] = {"h:1", "h:65535", "h-1:2181,h-2.example.org:2181",
                                        "10.0.0.1:2181", "[::1]:2181"};
    static const char *const wrong[] = {"",        "h",        "h:",   ":1",       "h:0",
                                        "h:65536", "h:1,",     ",h:1", "h:1,,h:2", "h:x",
                                        "h:1x",    "h:1 ,h:2", "h:-1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(right); i++)
        assert_true(path_are_hosts(right[i]));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (path_are_hosts(wrong[i]))
            fail_msg("'%s' was taken for hosts", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_read_back),
        cmocka_unit_test(names_that_are_no_tasks_are_refused),
        cmocka_unit_test(buckets_are_two_digits_or_runs),
        cmocka_unit_test(candidates_have_a_mark_and_a_sequence),
        cmocka_unit_test(an_epoch_is_a_number_that_can_grow),
        cmocka_unit_test(hosts_are_a_list_with_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
