/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what: with every change, and for what was refused. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "api/audit.h"
#include "fixture.h"
#include "testing.h"

#define JSON "Content-Type: application/json\r\n"
#define BEAT "{\"executable\":\"date\",\"schedule\":\"0 5 * * *\",\"type\":\"command\"}"

static int start(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct api_config config = fixture_config(fixture);

    fixture_start(fixture, &config);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

/* The newest record of this action; the caller's to release. It may take a moment. */
static struct reply newest(struct fixture *fixture, const char *action)
{
    char *target = xasprintf("/audit?limit=1&action=%s", action);
    mono_us until = clock_mono(fixture->clock) + 10 * SECOND;
    struct reply reply = get(fixture, target);

    while (strcmp(reply.body.data, "[]") == 0) {
        assert_true(clock_mono(fixture->clock) < until);
        reply_release(&reply);
        reply = get(fixture, target);
    }
    free(target);
    assert_int_equal(reply.status, 200);
    return reply;
}

static void assert_newest(struct fixture *fixture, const char *action, const char *text)
{
    struct reply reply = newest(fixture, action);

    assert_body_has(&reply, text);
    reply_release(&reply);
}

static void changes_are_recorded_with_what_changed(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    assert_int_equal(status_of(post_json(fixture, "/jobs", BEAT)), 201);
    reply = newest(fixture, "job.create");
    assert_body_has(&reply, "\"who\":\"root\",\"source\":\"127.0.0.1\"");
    assert_body_has(&reply, "\"subject\":\"1\",\"before\":null,\"after\":{");
    assert_body_has(&reply, "\"outcome\":\"done\"");
    reply_release(&reply);
    assert_int_equal(
        status_of(ask(fixture, "PATCH", "/jobs/1", JSON, "{\"schedule\":\"0 6 * * *\"}")), 200);
    assert_newest(fixture, "job.change",
                  "\"before\":{\"schedule\":\"0 5 * * *\"},"
                  "\"after\":{\"schedule\":\"0 6 * * *\"},\"outcome\":\"done\"");
    assert_int_equal(status_of(post_json(fixture, "/jobs/1/runs", "{\"args\":[\"x\"]}")), 202);
    assert_newest(fixture, "run.start", "\"after\":{\"args\":[\"x\"]");
    assert_int_equal(status_of(ask(fixture, "DELETE", "/jobs/1", NULL, NULL)), 200);
    assert_newest(fixture, "job.remove", "\"subject\":\"1\"");
    assert_int_equal(status_of(ask(fixture, "DELETE", "/workers/none", NULL, NULL)), 404);
    assert_newest(fixture, "worker.remove", "\"outcome\":\"there is no worker 'none'\"");
}

static void people_are_recorded_without_their_secrets(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    assert_int_equal(status_of(post_json(fixture, "/users",
                                         "{\"name\":\"ann\",\"role\":\"viewer\","
                                         "\"password\":\"correct horse\"}")),
                     201);
    assert_newest(fixture, "user.create", "\"after\":{\"name\":\"ann\",\"role\":\"viewer\"");
    assert_int_equal(status_of(ask(fixture, "PATCH", "/users/ann", JSON, "{\"role\":\"admin\"}")),
                     200);
    reply = newest(fixture, "user.change");
    assert_body_has(&reply, "\"before\":{\"name\":\"ann\",\"role\":\"viewer\"");
    assert_body_has(&reply, "\"after\":{\"name\":\"ann\",\"role\":\"admin\"");
    reply_release(&reply);
    assert_int_equal(
        status_of(post_json(fixture, "/login", "{\"user\":\"ann\",\"password\":\"wrong\"}")), 401);
    assert_newest(fixture, "login", "\"who\":null");
    assert_newest(fixture, "login", "\"subject\":\"ann\"");
    assert_int_equal(status_of(post_json(fixture, "/login",
                                         "{\"user\":\"ann\",\"password\":\"correct horse\"}")),
                     200);
    assert_newest(fixture, "login", "\"who\":\"ann\"");
    assert_int_equal(status_of(post_json(fixture, "/tokens", "{\"name\":\"ci\"}")), 201);
    assert_newest(fixture, "token.create", "\"name\":\"ci\"");
    reply = get(fixture, "/audit");
    assert_body_lacks(&reply, "correct horse");
    assert_body_lacks(&reply, "argon2");
    assert_body_lacks(&reply, "dcj_");
    reply_release(&reply);
}

static void refusals_are_recorded(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    assert_int_equal(status_of(ask(fixture, "GET", "/users?x=1", "Host: evil\r\n", NULL)), 403);
    assert_newest(fixture, "refused", "\"subject\":\"GET /users\"");
    assert_int_equal(
        status_of(ask(fixture, "DELETE", "/jobs/7", "X-Forwarded-For: 10.1.2.3\r\n", NULL)), 401);
    for (reply = newest(fixture, "refused"); !strstr(reply.body.data, "DELETE");
         reply = newest(fixture, "refused"))
        reply_release(&reply);
    reply_release(&reply);
    assert_newest(fixture, "refused", "\"source\":\"10.1.2.3 by 127.0.0.1\"");
}

static bool count_record(void *context, const struct audit_record *record)
{
    size_t *count = context;

    (void)record;
    (*count)++;
    return true;
}

/* A flood of bad requests is no way to fill the store. */
static void refusals_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    const struct audit_query all = {.since = INSTANT_NONE, .until = INSTANT_NONE};
    mono_us began = clock_mono(fixture->clock);
    size_t count = 0, most;

    for (int i = 0; i < 2 * AUDIT_BURST; i++)
        assert_int_equal(status_of(ask(fixture, "GET", "/jobs", "Via: x\r\n", NULL)), 401);
    most = AUDIT_BURST +
           (size_t)((clock_mono(fixture->clock) - began) / SECOND + 1) * (AUDIT_RATE + 1);
    assert_int_equal(store_read_audit(fixture->store, &all, count_record, &count, NULL), RC_OK);
    assert_in_range(count, 1, most);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_are_recorded_with_what_changed),
        TEST(people_are_recorded_without_their_secrets),
        TEST(refusals_are_recorded),
        TEST(refusals_are_bounded),
    };

    return cmocka_run_group_tests_name("api audit", tests, NULL, NULL);
}
