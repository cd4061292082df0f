/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask, from where, and as whom. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"
#include "testing.h"

#define BEAT "{\"executable\":\"date\",\"schedule\":\"0 5 * * *\",\"type\":\"command\"}"
#define JSON "Content-Type: application/json\r\n"

static int start(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct api_config config = fixture_config(fixture);
    static const char *const hosts[] = {"cron.example.org"};

    config.allowed_hosts = hosts;
    config.allowed_host_count = 1;
    fixture_start(fixture, &config);
    *state = fixture;
    return 0;
}

static int start_token_only(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct api_config config = fixture_config(fixture);

    config.token_only = true;
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

/* An Authorization field in static memory. */
static const char *bearer(const char *secret)
{
    static char field[200];

    (void)snprintf(field, sizeof(field), JSON "Authorization: Bearer %s\r\n", secret);
    return field;
}

/* A token made by an administrator; its secret is the caller's to free. */
static char *make_token(struct fixture *fixture, const char *request)
{
    struct reply reply = post_json(fixture, "/tokens", request);
    const char *secret;
    char *copy;

    if (reply.status != 201)
        fail_msg("%s", reply.body.data);
    secret = strstr(reply.body.data, "\"token\":\"dcj_");
    assert_non_null(secret);
    copy = xstrndup(secret + 9, strcspn(secret + 9, "\""));
    assert_int_equal(strlen(copy), 47);
    reply_release(&reply);
    return copy;
}

static void refuses_other_sites(void **state)
{
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", "Host: evil.example\r\n", NULL)), 403);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", "Host: cron.example.org:8\r\n", NULL)),
                     200);
    assert_int_equal(
        status_of(ask(*state, "GET", "/jobs", "Origin: http://evil.example\r\n", NULL)), 403);
    assert_int_equal(
        status_of(ask(*state, "POST", "/jobs", JSON "Sec-Fetch-Site: cross-site\r\n", BEAT)), 403);
    assert_int_equal(
        status_of(ask(*state, "POST", "/jobs", JSON "Origin: http://localhost\r\n", BEAT)), 201);
    assert_int_equal(status_of(ask(*state, "OPTIONS", "/jobs", NULL, NULL)), 405);
    assert_int_equal(status_of(ask(*state, "GET", "/healthz", "Host: evil.example\r\n", NULL)),
                     200);
}

static void takes_tokens(void **state)
{
    char *secret = make_token(*state, "{\"name\":\"ci\",\"account\":\"nobody\"}");
    struct reply reply = ask(*state, "POST", "/jobs", bearer(secret), BEAT);

    assert_int_equal(reply.status, 201);
    assert_body_has(&reply, "\"owner\":\"nobody\"");
    assert_body_has(&reply, "\"run_as\":\"nobody\"");
    reply_release(&reply);
    reply = get(*state, "/tokens");
    assert_body_has(&reply, "\"name\":\"ci\"");
    assert_body_lacks(&reply, "dcj_");
    reply_release(&reply);
    reply = ask(*state, "GET", "/jobs", bearer("dcj_wrong"), NULL);
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply_field(&reply, "WWW-Authenticate"), "Bearer realm=\"cronjob\"");
    reply_release(&reply);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", "Authorization: Basic eDp5\r\n", NULL)),
                     401);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", "Authorization: \r\n", NULL)), 401);
    free(secret);
}

static void forgets_revoked_and_expired_tokens(void **state)
{
    struct fixture *fixture = *state;
    char *secret = make_token(*state, "{\"name\":\"ci\"}");
    struct reply reply = get(*state, "/tokens");
    char target[64];

    assert_int_equal(status_of(ask(*state, "GET", "/jobs", bearer(secret), NULL)), 200);
    (void)snprintf(target, sizeof(target), "/tokens/%.8s",
                   strstr(reply.body.data, "\"id\":\"") + 6);
    reply_release(&reply);
    assert_int_equal(status_of(ask(*state, "DELETE", target, NULL, NULL)), 204);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", bearer(secret), NULL)), 401);
    assert_int_equal(status_of(ask(*state, "DELETE", target, NULL, NULL)), 404);
    free(secret);
    secret = make_token(*state, "{\"name\":\"short\",\"expires_in\":\"50ms\"}");
    for (mono_us until = clock_mono(fixture->clock) + 10 * SECOND;
         status_of(ask(fixture, "GET", "/jobs", bearer(secret), NULL)) != 401;)
        assert_true(clock_mono(fixture->clock) < until);
    free(secret);
    assert_int_equal(status_of(post_json(*state, "/tokens", "{\"name\":\"a b\"}")), 422);
    assert_int_equal(
        status_of(post_json(*state, "/tokens", "{\"name\":\"a\",\"account\":\"no-such\"}")), 422);
}

/* Foreign and missing look alike, whatever is asked. */
static void hides_what_is_not_theirs(void **state)
{
    static const char *const targets[][2] = {
        {"GET", "/jobs/1"},
        {"PATCH", "/jobs/1"},
        {"PUT", "/jobs/1"},
        {"DELETE", "/jobs/1"},
        {"DELETE", "/jobs/1?purge=true"},
        {"GET", "/jobs/1/runs"},
        {"POST", "/jobs/1/runs"},
        {"GET", "/runs/1-1-1"},
        {"GET", "/runs/1-1-1/output"},
        {"POST", "/runs/1-1-1/kill"},
        {"GET", "/jobs/secret"},
    };
    char *secret = make_token(*state, "{\"name\":\"ci\",\"account\":\"nobody\"}");
    struct reply reply;

    assert_int_equal(
        status_of(post_json(*state, "/jobs",
                            "{\"executable\":\"date\",\"schedule\":\"@daily\",\"type\":\"command\","
                            "\"name\":\"secret\"}")),
        201);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        bool sends = targets[i][0][0] == 'P' && !strstr(targets[i][1], "kill");
        struct reply foreign =
            ask(*state, targets[i][0], targets[i][1], bearer(secret), sends ? "{}" : NULL);

        if (foreign.status != 404)
            fail_msg("%s %s: %u", targets[i][0], targets[i][1], foreign.status);
        reply_release(&foreign);
    }
    reply = ask(*state, "GET", "/jobs", bearer(secret), NULL);
    assert_string_equal(reply.body.data, "[]");
    reply_release(&reply);
    reply = ask(*state, "GET", "/jobs?owner=root", bearer(secret), NULL);
    assert_string_equal(reply.body.data, "[]");
    reply_release(&reply);
    reply = ask(*state, "GET", "/summary", bearer(secret), NULL);
    assert_body_has(&reply, "\"scheduled\":0");
    assert_body_has(&reply, "\"account\":\"nobody\",\"role\":\"editor\",\"admin\":false");
    reply_release(&reply);
    free(secret);
}

static void keeps_accounts_apart(void **state)
{
    char *secret = make_token(*state, "{\"name\":\"ci\",\"account\":\"nobody\"}");
    static const char as_root[] = "{\"executable\":\"date\",\"schedule\":\"@daily\","
                                  "\"type\":\"command\",\"run_as\":\"root\"}";

    assert_int_equal(status_of(ask(*state, "POST", "/jobs", bearer(secret), as_root)), 403);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs", bearer(secret), BEAT)), 201);
    assert_int_equal(
        status_of(ask(*state, "PATCH", "/jobs/1", bearer(secret), "{\"run_as\":\"root\"}")), 403);
    assert_int_equal(
        status_of(ask(*state, "PATCH", "/jobs/1", bearer(secret), "{\"description\":\"x\"}")), 200);
    /* An administrator lends the job its rights: its owner may not use them. */
    assert_int_equal(status_of(ask(*state, "PATCH", "/jobs/1", JSON, "{\"run_as\":\"root\"}")),
                     200);
    assert_int_equal(status_of(ask(*state, "POST", "/jobs/1/runs", bearer(secret), "{}")), 403);
    assert_int_equal(
        status_of(ask(*state, "PATCH", "/jobs/1", bearer(secret), "{\"executable\":\"id\"}")), 403);
    assert_int_equal(status_of(ask(*state, "GET", "/tokens", bearer(secret), NULL)), 403);
    assert_int_equal(status_of(ask(*state, "POST", "/tokens", bearer(secret), "{\"name\":\"x\"}")),
                     403);
    assert_int_equal(
        status_of(ask(*state, "PATCH", "/workers/w1", bearer(secret), "{\"draining\":true}")), 403);
    free(secret);
}

static void needs_tokens_through_proxies(void **state)
{
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", "X-Forwarded-For: 10.0.0.1\r\n", NULL)),
                     401);
    assert_int_equal(status_of(ask(*state, "GET", "/jobs", "Via: 1.1 proxy\r\n", NULL)), 401);
}

static void needs_tokens_always_when_told(void **state)
{
    assert_int_equal(status_of(get(*state, "/jobs")), 401);
    assert_int_equal(status_of(get(*state, "/summary")), 401);
    assert_int_equal(status_of(get(*state, "/healthz")), 200);
    assert_int_equal(status_of(get(*state, "/openapi.json")), 200);
    assert_int_equal(status_of(get(*state, "/")), 200);
}

/* Another account's connection acts as that account. */
static void knows_the_account_of_a_connection(void **state)
{
    pid_t child;
    int status;

    if (geteuid() != 0) {
        print_message("needs root to become another account\n");
        skip();
    }
    assert_int_equal(status_of(post_json(*state, "/jobs", BEAT)), 201);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct reply reply;

        if (setresuid(65534, 65534, 65534) != 0)
            _exit(2);
        reply = get(*state, "/summary");
        if (reply.status != 200 || !strstr(reply.body.data, "\"account\":\"nobody\""))
            _exit(3);
        _exit(status_of(get(*state, "/jobs/1")) == 404 ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_other_sites),
        TEST(takes_tokens),
        TEST(forgets_revoked_and_expired_tokens),
        TEST(hides_what_is_not_theirs),
        TEST(keeps_accounts_apart),
        TEST(needs_tokens_through_proxies),
        cmocka_unit_test_setup_teardown(needs_tokens_always_when_told, start_token_only, stop),
        TEST(knows_the_account_of_a_connection),
    };

    return cmocka_run_group_tests_name("api access", tests, NULL, NULL);
}
