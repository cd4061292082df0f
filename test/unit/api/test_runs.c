/* SPDX-License-Identifier: Apache-2.0 */
/* Runs over HTTP: asked for, listed, read, followed, ended. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"
#include "testing.h"

#define BEAT "{\"executable\":\"date\",\"schedule\":\"0 5 * * *\",\"type\":\"command\"}"

static int start(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct api_config config = fixture_config(fixture);

    fixture_start(fixture, &config);
    assert_int_equal(status_of(post_json(fixture, "/jobs", BEAT)), 201);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

/* A run that was executed long ago, `second` seconds after 1970. */
static struct run_key add_run(struct fixture *fixture, int64_t second, enum run_status status)
{
    struct run_key key = {.scheduled_at = second * SECOND, .job = 1, .attempt = 1};
    struct store_write write = {
        .kind = WRITE_RUN_RECORD,
        .run = {.key = key,
                .trigger = TRIGGER_SCHEDULE,
                .result = {.status = status,
                           .started_at = second * SECOND,
                           .finished_at = (second + 1) * SECOND},
                .worker = "w1",
                .reason = "",
                .request = "",
                .count = 1,
                .until = second * SECOND},
    };

    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_OK);
    assert_int_equal(write.outcome, RC_OK);
    return key;
}

/* A run that goes on; it is asked for through the API. Answers its id in static memory. */
static const char *start_run(struct fixture *fixture, struct run_key *ret_key)
{
    static char id[RUN_ID_TEXT];
    struct reply reply = post_json(fixture, "/jobs/1/runs", "{}");
    struct store_write writes[2] = {{.kind = WRITE_RUN_CLAIM}, {.kind = WRITE_RUN_STARTED}};

    assert_int_equal(reply.status, 202);
    assert_int_equal(sscanf(reply_field(&reply, "Location"), "/runs/%79s", id), 1);
    reply_release(&reply);
    assert_int_equal(run_id_parse(id, ret_key, NULL), RC_OK);
    writes[0].claim = (struct write_claim){.key = *ret_key,
                                           .token = {.bytes = {1}},
                                           .worker = "w1",
                                           .revision = 1,
                                           .trigger = TRIGGER_MANUAL,
                                           .deadline = INSTANT_MAX,
                                           .existing = true};
    writes[1].run = (struct write_run){.key = *ret_key,
                                       .token = {.bytes = {1}},
                                       .result = {.started_at = ret_key->scheduled_at},
                                       .worker = "",
                                       .reason = "",
                                       .request = ""};
    assert_int_equal(store_apply(fixture->store, writes, 2, NULL), RC_OK);
    assert_int_equal(writes[1].outcome, RC_OK);
    return id;
}

static void finish_run(struct fixture *fixture, const struct run_key *key)
{
    struct store_write write = {
        .kind = WRITE_RUN_FINISHED,
        .run = {.key = *key,
                .token = {.bytes = {1}},
                .result = {.status = RUN_SUCCEEDED,
                           .started_at = key->scheduled_at,
                           .finished_at = key->scheduled_at + SECOND},
                .worker = "w1",
                .reason = "",
                .request = "",
                .count = 1},
    };

    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_OK);
    assert_int_equal(write.outcome, RC_OK);
    events_publish(fixture->events, &(struct event){.kind = EVENT_RUN, .run = *key});
}

static void runs_a_job_now(void **state)
{
    struct reply reply = post_json(*state, "/jobs/1/runs", "{\"args\":[\"a\"]}");
    struct reply again;

    assert_int_equal(reply.status, 202);
    assert_body_has(&reply, "\"trigger\":\"manual\"");
    again = get(*state, reply_field(&reply, "Location"));
    assert_int_equal(again.status, 200);
    assert_string_equal(again.body.data, reply.body.data);
    reply_release(&again);
    reply_release(&reply);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs/1/runs", NULL, NULL)), 202);
    assert_int_equal(status_of(post_json(*state, "/jobs/1/runs", "{\"argz\":[]}")), 422);
    assert_int_equal(status_of(post_json(*state, "/jobs/1/runs", "{")), 400);
    assert_int_equal(status_of(post_json(*state, "/jobs/2/runs", "{}")), 404);
}

static void lists_the_newest_first(void **state)
{
    struct reply reply;

    for (int64_t second = 1; second <= 5; second++)
        add_run(*state, second, second % 2 ? RUN_SUCCEEDED : RUN_FAILED);
    reply = get(*state, "/jobs/1/runs?limit=2");
    assert_body_has(&reply, "[{\"id\":\"1-5-1\"");
    assert_string_equal(reply_field(&reply, "Link"),
                        "</jobs/1/runs?limit=2&before=1-4-1>; rel=\"next\"");
    reply_release(&reply);
    reply = get(*state, "/runs?before=1-4-1&status=succeeded");
    assert_body_has(&reply, "[{\"id\":\"1-3-1\"");
    assert_body_has(&reply, "\"1-1-1\"");
    assert_body_lacks(&reply, "\"1-2-1\"");
    assert_null(reply_field(&reply, "Link"));
    reply_release(&reply);
    reply = get(*state, "/runs?since=1970-01-01T00:00:02Z&until=1970-01-01T00:00:04Z");
    assert_body_has(&reply, "[{\"id\":\"1-3-1\"");
    assert_body_has(&reply, "\"1-2-1\"");
    assert_body_lacks(&reply, "\"1-4-1\"");
    reply_release(&reply);
    assert_int_equal(status_of(get(*state, "/runs?before=1-x")), 422);
    assert_int_equal(status_of(get(*state, "/runs?since=yesterday")), 422);
    assert_int_equal(status_of(get(*state, "/jobs/7/runs")), 404);
    assert_int_equal(status_of(get(*state, "/runs/1-77-1")), 404);
    assert_int_equal(status_of(get(*state, "/runs/..")), 404);
}

static void gives_ranges_of_the_output(void **state)
{
    struct run_key key = add_run(*state, 1, RUN_SUCCEEDED);
    struct reply reply = get(*state, "/runs/1-1-1/output");

    assert_int_equal(reply.status, 200); /* it wrote nothing */
    assert_int_equal(reply.body.length, 0);
    reply_release(&reply);
    fixture_write_output(*state, &key, "0123456789", 10);
    reply = get(*state, "/runs/1-1-1/output");
    assert_string_equal(reply.body.data, "0123456789");
    assert_string_equal(reply_field(&reply, "Content-Type"), "text/plain; charset=utf-8");
    assert_string_equal(reply_field(&reply, "Content-Length"), "10");
    reply_release(&reply);
    reply = ask(*state, "GET", "/runs/1-1-1/output", "Range: bytes=2-4\r\n", NULL);
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body.data, "234");
    assert_string_equal(reply_field(&reply, "Content-Range"), "bytes 2-4/10");
    reply_release(&reply);
    reply = ask(*state, "GET", "/runs/1-1-1/output", "Range: bytes=-3\r\n", NULL);
    assert_string_equal(reply.body.data, "789");
    reply_release(&reply);
    reply = ask(*state, "GET", "/runs/1-1-1/output", "Range: bytes=10-\r\n", NULL);
    assert_int_equal(reply.status, 416);
    assert_string_equal(reply_field(&reply, "Content-Range"), "bytes */10");
    reply_release(&reply);
}

static void gives_the_last_lines(void **state)
{
    struct run_key key = add_run(*state, 1, RUN_SUCCEEDED);
    struct reply reply;
    char line[64];

    for (int i = 0; i < 30000; i++) {
        int length = snprintf(line, sizeof(line), "line %d\n", i);

        fixture_write_output(*state, &key, line, (size_t)length);
    }
    reply = get(*state, "/runs/1-1-1/output?tail=2");
    assert_string_equal(reply.body.data, "line 29998\nline 29999\n");
    reply_release(&reply);
    fixture_write_output(*state, &key, "open", 4);
    reply = get(*state, "/runs/1-1-1/output?tail=2");
    assert_string_equal(reply.body.data, "line 29999\nopen");
    reply_release(&reply);
    reply = get(*state, "/runs/1-1-1/output?tail=20000");
    assert_int_equal(strncmp(reply.body.data, "line 10001\n", 11), 0);
    reply_release(&reply);
    reply = get(*state, "/runs/1-1-1/output?tail=1000000");
    assert_int_equal(strncmp(reply.body.data, "line 0\n", 7), 0);
    reply_release(&reply);
    reply = get(*state, "/runs/1-1-1/output?tail=0");
    assert_int_equal(reply.body.length, 0);
    reply_release(&reply);
}

static void follows_until_the_run_ends(void **state)
{
    struct run_key key;
    char target[128];
    AUTO_BUF struct buf seen;
    int client;

    buf_init(&seen, 1024 * 1024);
    (void)snprintf(target, sizeof(target), "/runs/%s/output?follow=true&tail=1",
                   start_run(*state, &key));
    fixture_write_output(*state, &key, "old\nlast\n", 9);
    client = open_stream(*state, target, "Connection: close\r\n");
    await_text(client, &seen, "last\n");
    assert_null(strstr(seen.data, "old"));
    fixture_write_output(*state, &key, "more\n", 5);
    await_text(client, &seen, "more\n");
    fixture_write_output(*state, &key, "end\n", 4);
    finish_run(*state, &key);
    await_end(client, &seen);
    assert_non_null(strstr(seen.data, "end\n"));
    assert_non_null(strstr(seen.data, "\r\n0\r\n\r\n"));
    close(client);
}

/* News may be lost between processes: the run is looked at anyhow. */
static void follows_without_news(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key;
    char target[128];
    AUTO_BUF struct buf seen;
    int client;

    buf_init(&seen, 1024 * 1024);
    (void)snprintf(target, sizeof(target), "/runs/%s/output?follow=true", start_run(fixture, &key));
    fixture_write_output(fixture, &key, "first\n", 6);
    client = open_stream(fixture, target, "Connection: close\r\n");
    await_text(client, &seen, "first\n");
    struct store_write write = {.kind = WRITE_RUN_FINISHED,
                                .run = {.key = key,
                                        .token = {.bytes = {1}},
                                        .result = {.status = RUN_FAILED},
                                        .worker = "",
                                        .reason = "",
                                        .request = ""}};
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_OK);
    await_end(client, &seen);
    assert_non_null(strstr(seen.data, "\r\n0\r\n\r\n"));
    close(client);
}

static void ends_a_run(void **state)
{
    struct run_key key;
    char target[128];

    (void)snprintf(target, sizeof(target), "/runs/%s/kill", start_run(*state, &key));
    assert_int_equal(status_of(ask(*state, "POST", target, NULL, NULL)), 202);
    finish_run(*state, &key);
    assert_int_equal(status_of(ask(*state, "POST", target, NULL, NULL)), 409);
    assert_int_equal(status_of(ask(*state, "POST", "/runs/1-5-1/kill", NULL, NULL)), 404);
}

static void previews_a_schedule(void **state)
{
    struct reply reply = get(*state, "/schedule?expression=0+2+*+*+*&time_zone=UTC"
                                     "&from=2026-01-01T00:00:00Z&count=2");

    assert_int_equal(reply.status, 200);
    assert_body_has(&reply, "\"next\":[\"2026-01-01T02:00:00Z\",\"2026-01-02T02:00:00Z\"]");
    assert_body_has(&reply, "\"description\":\"At 02:00");
    reply_release(&reply);
    reply = get(*state, "/schedule?expression=CRON_TZ%3DAsia%2FTokyo+0+9+*+*+*"
                        "&from=2026-01-01T00:00:00Z&count=1");
    assert_body_has(&reply, "2026-01-02T00:00:00Z");
    reply_release(&reply);
    reply = get(*state, "/schedule?expression=@every+90s&from=2026-01-01T00:00:00Z&count=1");
    assert_body_has(&reply, "2026-01-01T00:01:30Z");
    reply_release(&reply);
    reply = get(*state, "/schedule?expression=@reboot");
    assert_body_has(&reply, "\"next\":[]");
    reply_release(&reply);
    reply = get(*state, "/schedule?expression=61+*+*+*+*");
    assert_int_equal(reply.status, 422);
    assert_body_has(&reply, "minute 61 is not in 0-59");
    reply_release(&reply);
    assert_int_equal(status_of(get(*state, "/schedule")), 422);
    assert_int_equal(status_of(get(*state, "/schedule?expression=@daily&time_zone=No")), 422);
    assert_int_equal(status_of(get(*state, "/schedule?expression=@daily&count=1001")), 422);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

static bool take_request(void *context, const struct run_record *run)
{
    size_t length = seal_body(run->run.request, strlen(run->run.request));

    (void)snprintf(context, 200, "%.*s %" PRIu64, (int)length, run->run.request, run->run.revision);
    return false;
}

/* The arguments that it had, and what the job was. */
static void repeats_a_run_exactly(void **state)
{
    struct fixture *fixture = *state;
    struct run_query query = run_query_all();
    struct run_key key;
    char text[200], body[120], expected[300];
    const char *id;

    assert_int_equal(status_of(post_json(fixture, "/jobs/1/runs", "{\"args\":[\"a\"]}")), 202);
    id = start_run(fixture, &key);
    (void)snprintf(body, sizeof(body), "{\"exact\":\"%s\"}", id);
    assert_int_equal(status_of(post_json(fixture, "/jobs/1/runs", body)), 202);
    assert_int_equal(store_read_runs(fixture->store, &query, take_request, text, NULL), RC_OK);
    (void)snprintf(expected, sizeof(expected), "%s 1", body);
    assert_string_equal(text, expected);
}

static void says_why_a_run_cannot_be_repeated(void **state)
{
    struct fixture *fixture = *state;
    struct run_key key = add_run(fixture, 100, RUN_MISSED);
    static const struct {
        const char *body, *message;
    } rows[] = {
        {"{\"exact\":\"x\"}", "'x' is not a run's id"},
        {"{\"exact\":\"2-100-1\"}", "job 1 has no run 2-100-1"},
        {"{\"exact\":\"1-99-1\"}", "job 1 has no run 1-99-1"},
        {"{\"exact\":\"1-100-1\"}", "run 1-100-1 never began: there is nothing to repeat"},
        {"{\"exact\":\"1-100-1\",\"args\":[]}",
         "args and env are those of the run: leave them out"},
    };

    (void)key;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct reply reply = post_json(fixture, "/jobs/1/runs", rows[i].body);

        assert_int_equal(reply.status, 422);
        if (!strstr(reply.body.data, rows[i].message))
            fail_msg("%s: %s", rows[i].body, reply.body.data);
        reply_release(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(runs_a_job_now),
        TEST(lists_the_newest_first),
        TEST(gives_ranges_of_the_output),
        TEST(gives_the_last_lines),
        TEST(follows_until_the_run_ends),
        TEST(follows_without_news),
        TEST(ends_a_run),
        TEST(repeats_a_run_exactly),
        TEST(says_why_a_run_cannot_be_repeated),
        TEST(previews_a_schedule),
    };

    return cmocka_run_group_tests_name("api runs", tests, NULL, NULL);
}
