/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs over HTTP: accepted, shown, changed, listed, ended. */
#include <stdio.h>
#include <string.h>

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

static void refuses(struct fixture *fixture, const char *body, unsigned status, const char *text)
{
    struct reply reply = post_json(fixture, "/jobs", body);

    if (reply.status != status)
        fail_msg("%u for %s: %s", reply.status, body, reply.body.data);
    assert_string_equal(reply_field(&reply, "Content-Type"), "application/problem+json");
    assert_body_has(&reply, text);
    reply_release(&reply);
}

static void accepts_a_job(void **state)
{
    struct reply reply = post_json(*state, "/jobs", BEAT);

    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_field(&reply, "Location"), "/jobs/1");
    assert_string_equal(reply_field(&reply, "ETag"), "\"1\"");
    assert_string_equal(reply_field(&reply, "Content-Type"), "application/json");
    assert_string_equal(reply_field(&reply, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(reply_field(&reply, "Cache-Control"), "no-store");
    assert_body_has(&reply, "\"id\":\"1\",\"status\":\"scheduled\"");
    assert_body_has(&reply, "\"time_zone\":\"Europe/Berlin\"");
    assert_body_has(&reply, "\"owner\":\"root\"");
    assert_body_has(&reply, "\"next_run\":\"20");
    reply_release(&reply);
}

static void accepts_what_bare_curl_sends(void **state)
{
    static const char form[] = "Content-Type: application/x-www-form-urlencoded\r\n";
    static const char page[] = "Content-Type: application/x-www-form-urlencoded\r\n"
                               "Referer: http://localhost/\r\n";

    assert_int_equal(status_of(ask(*state, "POST", "/jobs", form, BEAT)), 201);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs", form, "executable=x")), 415);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs", page, BEAT)), 415);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs", NULL, BEAT)), 415);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs", "Content-Type: text/plain\r\n", BEAT)),
                     415);
}

static void names_what_is_wrong(void **state)
{
    struct fixture *fixture = *state;

    refuses(fixture, "{", 400, "line 1");
    refuses(fixture, "[]", 400, "object");
    refuses(fixture, "{}", 422, "\"field\":\"executable\"");
    refuses(fixture, "{\"executable\":\"date\",\"schedule\":\"75 * * * *\",\"type\":\"command\"}",
            422, "minute 75 is not in 0-59");
    refuses(fixture,
            "{\"executable\":\"date\",\"schedule\":\"* * * * *\",\"type\":\"command\",\"kind\":1}",
            422, "\"field\":\"kind\"");
    refuses(fixture,
            "{\"executable\":\"date\",\"schedule\":\"* * * * *\",\"type\":\"command\","
            "\"time_zone\":\"Mars/Base\"}",
            422, "\"field\":\"time_zone\"");
    refuses(fixture,
            "{\"executable\":\"date\",\"schedule\":\"* * * * *\",\"type\":\"command\","
            "\"run_as\":\"no-such-account\"}",
            422, "\"field\":\"run_as\"");
    refuses(fixture,
            "{\"executable\":\"date\",\"schedule\":\"@at 2001-01-01T00:00:00Z\","
            "\"type\":\"command\"}",
            422, "lies in the past");
    refuses(fixture, "{\"executable\":\"date\",\"schedule\":\"0 0 30 2 *\",\"type\":\"command\"}",
            422, "never due");
}

static void shows_a_job_by_id_and_by_name(void **state)
{
    struct reply reply;

    assert_int_equal(
        status_of(post_json(*state, "/jobs",
                            "{\"executable\":\"date\",\"schedule\":\"@daily\",\"type\":\"command\","
                            "\"name\":\"beat\"}")),
        201);
    reply = get(*state, "/jobs/beat");
    assert_int_equal(reply.status, 200);
    assert_body_has(&reply, "\"id\":\"1\"");
    reply_release(&reply);
    assert_int_equal(status_of(get(*state, "/jobs/1")), 200);
    assert_int_equal(status_of(ask(*state, "HEAD", "/jobs/1", NULL, NULL)), 200);
    assert_int_equal(status_of(get(*state, "/jobs/2")), 404);
    assert_int_equal(status_of(get(*state, "/jobs/0")), 404);
    assert_int_equal(status_of(get(*state, "/jobs/99999999999999999999999")), 404);
    assert_int_equal(status_of(get(*state, "/jobs/other")), 404);
    assert_int_equal(status_of(get(*state, "/jobs/..%2F1")), 404);
}

static void knows_an_unchanged_job(void **state)
{
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs/1", "If-None-Match: \"1\"\r\n", NULL)),
                     304);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs/1", "If-None-Match: \"2\"\r\n", NULL)),
                     200);
}

static void replays_an_idempotency_key(void **state)
{
    static const char key[] = "Content-Type: application/json\r\nIdempotency-Key: abc\r\n";
    static const char bad[] = "Content-Type: application/json\r\nIdempotency-Key: a b\r\n";
    struct reply reply = ask(*state, "POST", "/jobs", key, BEAT);

    assert_int_equal(reply.status, 201);
    assert_null(reply_field(&reply, "Idempotency-Replayed"));
    reply_release(&reply);
    reply = ask(*state, "POST", "/jobs", key, BEAT);
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_field(&reply, "Idempotency-Replayed"), "true");
    assert_string_equal(reply_field(&reply, "Location"), "/jobs/1");
    reply_release(&reply);
    assert_int_equal(
        status_of(ask(*state, "POST", "/jobs", key,
                      "{\"executable\":\"x\",\"schedule\":\"@daily\",\"type\":\"command\"}")),
        422);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs", bad, BEAT)), 422);
}

static void keeps_names_unique(void **state)
{
    static const char named[] =
        "{\"executable\":\"date\",\"schedule\":\"@daily\",\"type\":\"command\",\"name\":\"one\"}";

    assert_int_equal(status_of(post_json(*state, "/jobs", named)), 201);
    assert_int_equal(status_of(post_json(*state, "/jobs", named)), 409);
    assert_int_equal(status_of(ask(*state, "DELETE", "/jobs/one", NULL, NULL)), 200);
    assert_int_equal(status_of(post_json(*state, "/jobs", named)), 201);
}

static void replaces_and_patches(void **state)
{
    static const char json[] = "Content-Type: application/json\r\n";
    static const char patch[] = "Content-Type: application/merge-patch+json\r\n";
    struct reply reply;

    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    reply = ask(*state, "PUT", "/jobs/1", json,
                "{\"executable\":\"true\",\"schedule\":\"@hourly\",\"type\":\"command\","
                "\"labels\":{\"a\":\"1\",\"b\":\"2\"}}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_field(&reply, "ETag"), "\"2\"");
    assert_body_has(&reply, "\"executable\":\"true\"");
    reply_release(&reply);
    reply = ask(*state, "PATCH", "/jobs/1", patch, "{\"labels\":{\"a\":null},\"timeout\":90}");
    assert_int_equal(reply.status, 200);
    assert_body_has(&reply, "\"labels\":{\"b\":\"2\"}");
    assert_body_has(&reply, "\"timeout\":\"1m30s\"");
    assert_body_has(&reply, "\"schedule\":\"@hourly\"");
    assert_body_has(&reply, "\"revision\":3");
    reply_release(&reply);
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/1", json, "{\"enabled\":false}")), 200);
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/1", json, "{\"nonsense\":1}")), 422);
    assert_int_equal(status_of(ask(*state, "PUT", "/jobs/1", json, "{}")), 422);
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/9", json, "{}")), 404);
}

static bool copy_document(void *context, const struct job_record *job)
{
    (void)buf_append(context, job->document, job->document_length);
    return true;
}

/* As somebody does who can write into the store. */
static void forge(struct fixture *fixture, job_id id, const char *what, const char *by)
{
    struct store_write write = {.kind = WRITE_JOB_SEAL, .job.id = id};
    struct job_query query = job_query_all();
    AUTO_BUF struct buf document;
    char *place;

    query.parts = JOB_PART_DOCUMENT;
    buf_init(&document, SIZE_MAX);
    assert_int_equal(store_read_jobs(fixture->store, &query, copy_document, &document, NULL),
                     RC_OK);
    place = strstr(document.data, what);
    assert_non_null(place);
    memcpy(place, by, strlen(by));
    write.job.document = document.data;
    write.job.document_length = document.length;
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_OK);
    assert_int_equal(write.outcome, RC_OK);
}

/* A manager would sign it: it would be as good as what a user wanted. */
static void makes_nothing_new_of_what_was_forged(void **state)
{
    static const char json[] = "Content-Type: application/json\r\n";
    struct reply reply;

    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    forge(*state, 1, "\"date\"", "\"evil\"");
    reply = ask(*state, "PATCH", "/jobs/1", json, "{\"timeout\":90}");
    assert_int_equal(reply.status, 409);
    assert_body_has(&reply, "no manager signed what is kept of the job");
    reply_release(&reply);
    assert_int_equal(status_of(ask(*state, "PUT", "/jobs/1", json, BEAT)), 409);
    assert_int_equal(status_of(ask(*state, "DELETE", "/jobs/1", NULL, NULL)), 200);
}

static void shows_no_seal(void **state)
{
    static const char *const paths[] = {"/jobs", "/jobs/1"};

    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct reply reply = get(*state, paths[i]);

        assert_int_equal(reply.status, 200);
        assert_null(strstr(reply.body.data, "\n\""));
        assert_body_has(&reply, "\"executable_changed_at\":\"");
        assert_body_has(&reply, "Z\",\"owner\":\"");
        reply_release(&reply);
    }
}

static void obeys_if_match(void **state)
{
    static const char stale[] = "Content-Type: application/json\r\nIf-Match: \"7\"\r\n";
    static const char right[] = "Content-Type: application/json\r\nIf-Match: \"7\", \"1\"\r\n";

    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/1", stale, "{}")), 412);
    assert_int_equal(status_of(ask(*state, "PUT", "/jobs/1", stale, BEAT)), 412);
    assert_int_equal(status_of(ask(*state, "DELETE", "/jobs/1", "If-Match: \"7\"\r\n", NULL)), 412);
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/1", right, "{\"enabled\":false}")), 200);
    assert_int_equal(status_of(ask(*state, "DELETE", "/jobs/1", "If-Match: *\r\n", NULL)), 200);
}

static void ends_and_erases(void **state)
{
    struct reply reply;

    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    reply = ask(*state, "DELETE", "/jobs/1", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_body_has(&reply, "\"status\":\"finished\"");
    assert_body_has(&reply, "\"next_run\":null");
    reply_release(&reply);
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/1", "Content-Type: application/json\r\n",
                                   "{\"enabled\":true}")),
                     409);
    assert_int_equal(status_of(get(*state, "/jobs/1")), 200);
    assert_int_equal(status_of(ask(*state, "DELETE", "/jobs/1?purge=maybe", NULL, NULL)), 422);
    reply = ask(*state, "DELETE", "/jobs/1?purge=true", NULL, NULL);
    assert_int_equal(reply.status, 204);
    assert_int_equal(reply.body.length, 0);
    reply_release(&reply);
    assert_int_equal(status_of(get(*state, "/jobs/1")), 404);
}

static void refuses_unknown_parameters(void **state)
{
    struct reply reply = get(*state, "/jobs?statsu=error&limit=0&limit=5");

    assert_int_equal(reply.status, 422);
    assert_body_has(&reply, "{\"field\":\"statsu\",\"message\":\"unknown parameter\"}");
    assert_body_has(&reply, "0 is not a whole number in 1-1000");
    assert_body_has(&reply, "given twice");
    reply_release(&reply);
    assert_int_equal(status_of(get(*state, "/jobs?status=late")), 422);
    assert_int_equal(status_of(get(*state, "/jobs?label=x")), 422);
    assert_int_equal(status_of(get(*state, "/jobs/1?x=1")), 422);
}

static size_t count_of(const struct buf *buf, const char *text)
{
    size_t count = 0;

    for (const char *at = buf->data; at && (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

static void add_jobs(struct fixture *fixture, int count)
{
    char body[256];

    for (int i = 1; i <= count; i++) {
        (void)snprintf(body, sizeof(body),
                       "{\"executable\":\"echo %d\",\"schedule\":\"@daily\",\"type\":\"command\","
                       "\"labels\":{\"odd\":\"%d\"}}",
                       i, i % 2);
        assert_int_equal(status_of(post_json(fixture, "/jobs", body)), 201);
    }
}

static void lists_filters_and_pages(void **state)
{
    struct reply reply;

    add_jobs(*state, 5);
    reply = get(*state, "/jobs");
    assert_int_equal(count_of(&reply.body, "\"executable\""), 5);
    assert_null(reply_field(&reply, "Link"));
    reply_release(&reply);
    reply = get(*state, "/jobs?limit=2&label=odd%3A1");
    assert_int_equal(count_of(&reply.body, "\"executable\""), 2);
    assert_string_equal(reply_field(&reply, "Link"),
                        "</jobs?limit=2&label=odd%3A1&after=3>; rel=\"next\"");
    reply_release(&reply);
    reply = get(*state, "/jobs?limit=2&label=odd%3A1&after=3");
    assert_int_equal(count_of(&reply.body, "\"executable\""), 1);
    assert_body_has(&reply, "echo 5");
    assert_null(reply_field(&reply, "Link"));
    reply_release(&reply);
    reply = get(*state, "/jobs?q=ECHO+4");
    assert_int_equal(count_of(&reply.body, "\"executable\""), 1);
    reply_release(&reply);
    reply = get(*state, "/jobs?status=error");
    assert_string_equal(reply.body.data, "[]");
    reply_release(&reply);
}

static void add_directly(struct fixture *fixture, size_t count)
{
    static const char document[] =
        "{\"executable\":\"date\",\"schedule\":\"0 5 * * *\",\"type\":\"command\",\"name\":null}";
    struct job job = job_default();
    struct store_write *writes = xcalloc(1000, sizeof(*writes));

    job.executable = "date";
    job.schedule = "0 5 * * *";
    job.time_zone = "UTC";
    for (size_t done = 0; done < count; done += 1000) {
        for (size_t i = 0; i < 1000; i++)
            writes[i] = (struct store_write){.kind = WRITE_JOB_CREATE,
                                             .job = {.at = 1000 * SECOND,
                                                     .job = &job,
                                                     .document = document,
                                                     .document_length = sizeof(document) - 1,
                                                     .owner = "root",
                                                     .worker = ""}};
        assert_int_equal(store_apply(fixture->store, writes, 1000, NULL), RC_OK);
    }
    free(writes);
}

static void streams_a_long_list(void **state)
{
    struct reply reply;

    add_directly(*state, 3000);
    reply = get(*state, "/jobs");
    assert_int_equal(reply.status, 200);
    assert_non_null(reply_field(&reply, "Transfer-Encoding"));
    assert_int_equal(count_of(&reply.body, "\"executable\""), 3000);
    assert_int_equal(count_of(&reply.body, "},{\"id\""), 2999);
    assert_body_has(&reply, "[{\"id\":\"1\",");
    assert_body_has(&reply, "{\"id\":\"3000\",");
    assert_int_equal(reply.body.data[reply.body.length - 1], ']');
    reply_release(&reply);
    reply = get(*state, "/jobs?limit=1000&after=1000");
    assert_int_equal(count_of(&reply.body, "\"executable\""), 1000);
    assert_string_equal(reply_field(&reply, "Link"), "</jobs?limit=1000&after=2000>; rel=\"next\"");
    reply_release(&reply);
}

static void tells_of_a_store_that_is_away(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    fixture->store_is_away = true;
    reply = get(fixture, "/jobs");
    assert_int_equal(reply.status, 503);
    assert_non_null(reply_field(&reply, "Retry-After"));
    reply_release(&reply);
    assert_int_equal(status_of(get(fixture, "/readyz")), 503);
    assert_int_equal(status_of(get(fixture, "/healthz")), 200);
    assert_int_equal(status_of(get(fixture, "/metrics")), 200);
    assert_int_equal(status_of(post_json(fixture, "/jobs", BEAT)), 503);
    fixture->store_is_away = false;
    assert_int_equal(status_of(get(fixture, "/readyz")), 200);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepts_a_job),
        TEST(accepts_what_bare_curl_sends),
        TEST(names_what_is_wrong),
        TEST(shows_a_job_by_id_and_by_name),
        TEST(knows_an_unchanged_job),
        TEST(replays_an_idempotency_key),
        TEST(keeps_names_unique),
        TEST(replaces_and_patches),
        TEST(makes_nothing_new_of_what_was_forged),
        TEST(shows_no_seal),
        TEST(obeys_if_match),
        TEST(ends_and_erases),
        TEST(refuses_unknown_parameters),
        TEST(lists_filters_and_pages),
        TEST(streams_a_long_list),
        TEST(tells_of_a_store_that_is_away),
    };

    return cmocka_run_group_tests_name("api jobs", tests, NULL, NULL);
}
