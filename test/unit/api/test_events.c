/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events, and what watches the server itself. */
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
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

/* The last `id:` that came, in static memory. */
static const char *last_id(const struct buf *seen)
{
    static char id[64];
    const char *found = NULL;

    for (const char *at = seen->data; (at = strstr(at, "\nid: ")); at++)
        found = at;
    assert_non_null(found);
    assert_int_equal(sscanf(found, "\nid: %63s", id), 1);
    return id;
}

static void sends_objects_as_they_change(void **state)
{
    AUTO_BUF struct buf seen;
    int client = open_stream(*state, "/events", NULL);

    buf_init(&seen, 1024 * 1024);
    await_text(client, &seen, "retry: 2000\n");
    assert_non_null(strstr(seen.data, "text/event-stream"));
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    await_text(client, &seen, "event: job\ndata: {\"id\":\"1\",");
    assert_int_equal(status_of(post_json(*state, "/jobs/1/runs", "{}")), 202);
    await_text(client, &seen, "event: run\ndata: {\"id\":\"1-");
    close(client);
}

static void goes_on_where_a_client_was(void **state)
{
    AUTO_BUF struct buf seen;
    char field[128];
    int client = open_stream(*state, "/events", NULL);

    buf_init(&seen, 1024 * 1024);
    await_text(client, &seen, "retry: 2000\n");
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    await_text(client, &seen, "data: {\"id\":\"1\",");
    await_text(client, &seen, "\n\n");
    close(client);
    (void)snprintf(field, sizeof(field), "Last-Event-ID: %s\r\n", last_id(&seen));
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    buf_reset(&seen);
    client = open_stream(*state, "/events", field);
    await_text(client, &seen, "data: {\"id\":\"2\",");
    assert_null(strstr(seen.data, "data: {\"id\":\"1\","));
    close(client);
}

static void tells_when_events_are_gone(void **state)
{
    static const char *const unknown[] = {"Last-Event-ID: 0123456789abcdef-5\r\n",
                                          "Last-Event-ID: x\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        AUTO_BUF struct buf seen;
        int client = open_stream(*state, "/events", unknown[i]);

        buf_init(&seen, 1024 * 1024);
        await_text(client, &seen, "event: resync\n");
        close(client);
    }
}

static void tells_of_a_purge(void **state)
{
    AUTO_BUF struct buf seen;
    int client = open_stream(*state, "/events", NULL);

    buf_init(&seen, 1024 * 1024);
    await_text(client, &seen, "retry: 2000\n");
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    assert_int_equal(status_of(ask(*state, "DELETE", "/jobs/1?purge=true", NULL, NULL)), 204);
    await_text(client, &seen, "event: resync\n");
    close(client);
}

static void passes_on_that_events_were_missed(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF struct buf seen;
    int client = open_stream(fixture, "/events", NULL);

    buf_init(&seen, 1024 * 1024);
    await_text(client, &seen, "retry: 2000\n");
    events_publish(fixture->events, &(struct event){.kind = EVENT_MISSED});
    await_text(client, &seen, "event: resync\n");
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    await_text(client, &seen, "data: {\"id\":\"1\",");
    close(client);
}

static void ends_with_the_server(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF struct buf seen;
    int client = open_stream(fixture, "/events", "Connection: close\r\n");

    buf_init(&seen, 1024 * 1024);
    await_text(client, &seen, "retry: 2000\n");
    api_drain(fixture->api, 5 * SECOND);
    await_end(client, &seen);
    close(client);
}

static void is_ready_when_told(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    assert_int_equal(status_of(get(fixture, "/readyz")), 200);
    api_set_ready(fixture->api, false, "no worker yet");
    reply = get(fixture, "/readyz");
    assert_int_equal(reply.status, 503);
    assert_body_has(&reply, "no worker yet");
    reply_release(&reply);
    api_set_ready(fixture->api, true, NULL);
}

static void describes_and_measures_itself(void **state)
{
    struct reply reply = get(*state, "/openapi.json");

    assert_body_has(&reply, "\"/jobs/{id}/runs\":{\"get\":");
    assert_body_has(&reply, "\"version\":\"1.2.3\"");
    reply_release(&reply);
    reply = get(*state, "/metrics");
    assert_body_has(&reply, "cronjob_http_requests_total{method=\"GET\",route=\"/openapi.json\","
                            "code=\"200\"}");
    assert_body_has(&reply, "cronjob_jobs{status=\"scheduled\"} 0");
    reply_release(&reply);
    reply = get(*state, "/summary");
    assert_body_has(&reply, "\"runs\":{\"running\":0,\"queued\":0},\"due_next_hour\":null,"
                            "\"leader\":\"here\"");
    reply_release(&reply);
    reply = get(*state, "/workers");
    assert_string_equal(reply.body.data, "[]");
    reply_release(&reply);
    assert_int_equal(status_of(get(*state, "/workers/none")), 404);
    reply = get(*state, "/");
    assert_non_null(strstr(reply_field(&reply, "Content-Security-Policy"), "default-src 'none'"));
    reply_release(&reply);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sends_objects_as_they_change),
        TEST(goes_on_where_a_client_was),
        TEST(tells_when_events_are_gone),
        TEST(tells_of_a_purge),
        TEST(passes_on_that_events_were_missed),
        TEST(ends_with_the_server),
        TEST(is_ready_when_told),
        TEST(describes_and_measures_itself),
    };

    return cmocka_run_group_tests_name("api events", tests, NULL, NULL);
}
