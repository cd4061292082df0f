/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, workers, summary, tokens and problems: what is answered and what may be asked. */
#include <string.h>

#include "table.h"
#include "wire/problem.h"
#include "wire/run.h"
#include "wire/token.h"
#include "wire/worker.h"

static const struct run missed = {
    .key = {60 * SECOND, 7, 1, 0},
    .trigger = TRIGGER_SCHEDULE,
    .result = {.status = RUN_MISSED,
               .started_at = INSTANT_NONE,
               .finished_at = HOUR,
               .exit_code = -1},
    .worker = "",
    .reason = "nothing could run it",
    .request = "",
    .count = 3,
    .until = 180 * SECOND,
};

static void run_is_written_whole(void **state)
{
    struct run run = missed;
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    run.count = 1;
    run.reason = "";
    run.worker = "w";
    run.result = (struct run_result){.status = RUN_FAILED,
                                     .started_at = 60 * SECOND,
                                     .finished_at = 61 * SECOND,
                                     .exit_code = -1,
                                     .signal = 9,
                                     .output_bytes = 5,
                                     .output_truncated = true,
                                     .cpu = 1500 * MILLISECOND,
                                     .max_rss = 4096};
    wire_run_write(&writer, &run);
    assert_string_equal(
        text.data,
        "{\"id\":\"7-60-1\",\"job\":\"7\",\"scheduled_at\":\"1970-01-01T00:01:00Z\","
        "\"attempt\":1,\"trigger\":\"schedule\",\"status\":\"failed\",\"reason\":null,"
        "\"worker\":\"w\",\"started_at\":\"1970-01-01T00:01:00Z\","
        "\"finished_at\":\"1970-01-01T00:01:01Z\",\"exit_code\":null,\"signal\":9,"
        "\"output_bytes\":5,\"output_truncated\":true,\"cpu_seconds\":1.5,\"max_rss\":4096,"
        "\"sha256\":null}");
}

static void run_of_many_ticks_says_how_many(void **state)
{
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    wire_run_write(&writer, &missed);
    assert_non_null(strstr(text.data, "\"reason\":\"nothing could run it\",\"worker\":null,"
                                      "\"started_at\":null"));
    assert_non_null(strstr(text.data, ",\"count\":3,\"until\":\"1970-01-01T00:03:00Z\"}"));
}

static const struct {
    const char *text;
    enum rc rc;
    const char *kept; /* as the store keeps it */
} requests[] = {
    {"", RC_OK, ""},
    {"{}", RC_OK, ""},
    {"{\"args\":null}", RC_OK, ""},
    {"{\"args\":[]}", RC_OK, "{\"args\":[]}"},
    {"{\"args\":[\"a\"],\"env\":{\"B\":\"c\"}}", RC_OK, "{\"args\":[\"a\"],\"env\":{\"B\":\"c\"}}"},
    {"[]", RC_MALFORMED, NULL},
    {"{\"arguments\":[]}", RC_INVALID, NULL},
    {"{\"args\":\"a\"}", RC_INVALID, NULL},
    {"{\"env\":{\"B=\":\"c\"}}", RC_INVALID, NULL},
};

static void requests_for_runs_are_read(void **state)
{
    struct table table = {"requests_for_runs_are_read", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct arena AUTO_ARENA arena = {0};
        struct problems problems = {.arena = &arena};
        struct run_request request;
        enum rc rc = wire_run_request_read(requests[i].text, strlen(requests[i].text), &problems,
                                           &request, NULL);

        table_equal(&table, requests[i].text, requests[i].rc, rc);
        table_equal(&table, requests[i].text, rc == RC_INVALID, problems.count > 0);
        if (rc == RC_OK)
            table_same(&table, requests[i].text, requests[i].kept,
                       wire_run_request_text(&request, &arena));
    }
    table_end(&table);
}

static void worker_is_alive_draining_or_lost(void **state)
{
    struct worker_record worker = {.name = "w",
                                   .url = "",
                                   .version = "1",
                                   .backend = "timer",
                                   .clock_offset = -1500,
                                   .lease_until = MINUTE};
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    assert_string_equal(wire_worker_state(&worker, 0), "alive");
    assert_string_equal(wire_worker_state(&worker, MINUTE), "lost");
    worker.draining = true;
    assert_string_equal(wire_worker_state(&worker, 0), "draining");
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    wire_worker_write(&writer, &worker, 0);
    assert_string_equal(
        text.data, "{\"name\":\"w\",\"state\":\"draining\",\"draining\":true,\"labels\":{},"
                   "\"url\":null,\"version\":\"1\",\"backend\":\"timer\",\"cron\":null,"
                   "\"running\":0,\"jobs\":0,"
                   "\"clock_offset_seconds\":-0.0015,\"clock_synchronised\":false,\"started_at\":"
                   "\"1970-01-01T00:00:00Z\","
                   "\"lease_until\":\"1970-01-01T00:01:00Z\"}");
}

static void change_of_a_worker_is_read(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
    } rows[] = {
        {"{\"draining\":true}", RC_OK},   {"{}", RC_INVALID},
        {"{\"draining\":1}", RC_INVALID}, {"{\"draining\":null}", RC_INVALID},
        {"{\"drain\":true}", RC_INVALID}, {"true", RC_MALFORMED},
    };
    struct table table = {"change_of_a_worker_is_read", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena AUTO_ARENA arena = {0};
        struct problems problems = {.arena = &arena};
        bool draining = false;
        enum rc rc =
            wire_worker_patch_read(rows[i].text, strlen(rows[i].text), &problems, &draining, NULL);

        table_equal(&table, rows[i].text, rows[i].rc, rc);
        table_equal(&table, rows[i].text, rc == RC_OK, draining);
    }
    table_end(&table);
}

static void token_hides_its_hash(void **state)
{
    struct access_token token = {.id = "abcd1234",
                                 .name = "ci",
                                 .account = "alice",
                                 .hash = {1, 2, 3},
                                 .scope = ROLE_OPERATOR,
                                 .expires_at = INSTANT_NONE,
                                 .last_used_at = INSTANT_NONE};
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    json_write_array_begin(&writer);
    wire_token_write(&writer, &token, "dcj_secret");
    wire_token_write(&writer, &token, NULL);
    json_write_array_end(&writer);
    assert_string_equal(text.data,
                        "[{\"id\":\"abcd1234\",\"name\":\"ci\",\"account\":\"alice\","
                        "\"admin\":false,\"scope\":\"operator\",\"session\":false,\"created_at\":"
                        "\"1970-01-01T00:00:00Z\","
                        "\"expires_at\":null,\"last_used_at\":null,\"token\":\"dcj_secret\"},"
                        "{\"id\":\"abcd1234\",\"name\":\"ci\",\"account\":\"alice\","
                        "\"admin\":false,\"scope\":\"operator\",\"session\":false,\"created_at\":"
                        "\"1970-01-01T00:00:00Z\","
                        "\"expires_at\":null,\"last_used_at\":null}]");
}

static void request_for_a_token_needs_a_name(void **state)
{
    static const char good[] = "{\"name\":\"ci\",\"admin\":true,\"expires_in\":\"30d\"}";
    static const char bad[] = "{\"name\":\"c i\"}";
    struct arena AUTO_ARENA arena = {0};
    struct problems problems = {.arena = &arena};
    struct token_request request;

    (void)state;
    assert_int_equal(wire_token_request_read(good, strlen(good), &problems, &request, NULL), RC_OK);
    assert_string_equal(request.name, "ci");
    assert_string_equal(request.account, "");
    assert_true(request.admin);
    assert_int_equal(request.expires_in, 30 * DAY);
    assert_int_equal(wire_token_request_read(bad, strlen(bad), &problems, &request, NULL),
                     RC_INVALID);
    assert_string_equal(problems.items[0].field, "name");
}

static void problem_lists_its_errors(void **state)
{
    struct arena AUTO_ARENA arena = {0};
    struct problems problems = {.arena = &arena};
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    problems_add(&problems, "schedule", "minute 75 is not in 0-59");
    wire_problem_write(&writer, 422, "a value is not acceptable", "no", &problems);
    assert_string_equal(text.data, "{\"title\":\"a value is not acceptable\",\"status\":422,"
                                   "\"detail\":\"no\",\"errors\":[{\"field\":\"schedule\","
                                   "\"message\":\"minute 75 is not in 0-59\"}]}");
}

static void pairs_survive_as_text(void **state)
{
    static struct pair items[] = {{"a", "1 \" 2"}, {"b", ""}};
    struct arena AUTO_ARENA arena = {0};
    struct pairs pairs = {items, 2}, again;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    assert_int_equal(wire_pairs_write(&pairs, &text), RC_OK);
    assert_int_equal(wire_pairs_read(text.data, text.length, &arena, &again, NULL), RC_OK);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.items[0].value, "1 \" 2");
    assert_string_equal(again.items[1].name, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_is_written_whole),
        cmocka_unit_test(run_of_many_ticks_says_how_many),
        cmocka_unit_test(requests_for_runs_are_read),
        cmocka_unit_test(worker_is_alive_draining_or_lost),
        cmocka_unit_test(change_of_a_worker_is_read),
        cmocka_unit_test(token_hides_its_hash),
        cmocka_unit_test(request_for_a_token_needs_a_name),
        cmocka_unit_test(problem_lists_its_errors),
        cmocka_unit_test(pairs_survive_as_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
