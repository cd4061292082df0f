/* SPDX-License-Identifier: Apache-2.0 */
/* How much somebody who is no administrator may ask for. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "fixture.h"
#include "testing.h"

#define JSON      "Content-Type: application/json\r\n"
#define JOB(when) "{\"executable\":\"date\",\"schedule\":\"" when "\",\"type\":\"command\"}"

static int start(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct api_config config = fixture_config(fixture);

    config.request_limit = 2;
    config.jobs_per_owner = 3;
    config.runs_per_owner = 2;
    config.minimal_interval = MINUTE;
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

/* The fields of an editor's requests; the caller's to free. */
static char *given_editor(struct fixture *fixture)
{
    struct reply reply = post_json(fixture, "/tokens", "{\"name\":\"t\",\"account\":\"nobody\"}");
    char *fields =
        xasprintf(JSON "Authorization: Bearer %.47s\r\n", strstr(reply.body.data, "dcj_"));

    reply_release(&reply);
    return fields;
}

static void jobs_and_runs_of_an_owner_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    char *editor = given_editor(fixture);

    for (int i = 0; i < 3; i++)
        assert_int_equal(status_of(ask(fixture, "POST", "/jobs", editor, JOB("@daily"))), 201);
    assert_int_equal(status_of(ask(fixture, "POST", "/jobs", editor, JOB("@daily"))), 403);
    assert_int_equal(status_of(ask(fixture, "DELETE", "/jobs/1", editor, NULL)), 200);
    assert_int_equal(status_of(ask(fixture, "POST", "/jobs", editor, JOB("@daily"))), 201);
    for (int i = 0; i < 2; i++)
        assert_int_equal(status_of(ask(fixture, "POST", "/jobs/2/runs", editor, "{}")), 202);
    assert_int_equal(status_of(ask(fixture, "POST", "/jobs/2/runs", editor, "{}")), 403);
    /* Administrators answer for what they do. */
    for (int i = 0; i < 5; i++)
        assert_int_equal(status_of(post_json(fixture, "/jobs", JOB("@daily"))), 201);
    assert_int_equal(status_of(post_json(fixture, "/jobs/2/runs", "{}")), 202);
    free(editor);
}

static void schedule_leaves_time_between_its_ticks(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = post_json(fixture, "/jobs", JOB("*/30 * * * * *"));

    assert_int_equal(reply.status, 422);
    assert_body_has(&reply, "\"field\":\"schedule\"");
    assert_body_has(&reply, "minimal-interval");
    reply_release(&reply);
    assert_int_equal(status_of(post_json(fixture, "/jobs", JOB("@every 59s"))), 422);
    assert_int_equal(status_of(post_json(fixture, "/jobs", JOB("0,20 0 5 * * *"))), 422);
    assert_int_equal(status_of(post_json(fixture, "/jobs", JOB("* * * * *"))), 201);
    assert_int_equal(status_of(post_json(fixture, "/jobs", JOB("@every 1m"))), 201);
    assert_int_equal(status_of(post_json(fixture, "/jobs", JOB("@manual"))), 201);
}

static void requests_have_a_rate(void **state)
{
    struct fixture *fixture = *state;
    char *editor = given_editor(fixture);
    struct reply reply = {0};

    for (int i = 0; i < 1000 && reply.status != 429; i++) {
        reply_release(&reply);
        reply = ask(fixture, "GET", "/summary", editor, NULL);
    }
    assert_int_equal(reply.status, 429);
    assert_string_equal(reply_field(&reply, "Retry-After"), "1");
    reply_release(&reply);
    for (int i = 0; i < 50; i++)
        assert_int_equal(status_of(get(fixture, "/summary")), 200);
    free(editor);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(jobs_and_runs_of_an_owner_are_bounded),
        TEST(schedule_leaves_time_between_its_ticks),
        TEST(requests_have_a_rate),
    };

    return cmocka_run_group_tests_name("api limits", tests, NULL, NULL);
}
