/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out, by cookie and by token, and how soon what was taken away is gone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "fixture.h"
#include "testing.h"

#define JSON "Content-Type: application/json\r\n"
#define CSRF "X-Cronjob-CSRF: 1\r\n"
#define ANN  "{\"name\":\"ann\",\"role\":\"operator\",\"password\":\"correct horse\"}"

static int start(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct api_config config = fixture_config(fixture);

    fixture_start(fixture, &config);
    assert_int_equal(status_of(post_json(fixture, "/users", ANN)), 201);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static unsigned sign_in(struct fixture *fixture, const char *user, const char *password)
{
    char *body = xasprintf("{\"user\":\"%s\",\"password\":\"%s\"}", user, password);
    unsigned status = status_of(post_json(fixture, "/login", body));

    free(body);
    return status;
}

/* The Cookie field of a session of ann's; the caller's to free. */
static char *given_session(struct fixture *fixture)
{
    struct reply reply =
        post_json(fixture, "/login", "{\"user\":\"ann\",\"password\":\"correct horse\"}");
    const char *cookie = reply_field(&reply, "Set-Cookie");
    char *field;

    assert_int_equal(reply.status, 200);
    assert_body_has(&reply, "\"user\":\"ann\",\"role\":\"operator\"");
    assert_body_lacks(&reply, "dcj_");
    assert_non_null(strstr(cookie, "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"));
    assert_null(strstr(cookie, "Secure"));
    field = xasprintf(JSON "Cookie: a=b; %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
    reply_release(&reply);
    return field;
}

static void password_opens_the_door(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);
    struct reply reply = ask(fixture, "GET", "/summary", cookie, NULL);

    assert_body_has(&reply, "\"account\":\"ann\",\"role\":\"operator\"");
    reply_release(&reply);
    assert_int_equal(sign_in(fixture, "ann", "wrong"), 401);
    assert_int_equal(sign_in(fixture, "bob", "correct horse"), 401);
    assert_int_equal(status_of(post_json(fixture, "/login", "{\"user\":\"ann\"}")), 422);
    reply = get(fixture, "/tokens");
    assert_body_has(&reply, "\"session\":true");
    reply_release(&reply);
    free(cookie);
}

static void token_for_programs(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = post_json(
        fixture, "/login",
        "{\"user\":\"ann\",\"password\":\"correct horse\",\"token\":true,\"expires_in\":60}");
    char *field = xasprintf("Authorization: Bearer %.47s\r\n", strstr(reply.body.data, "dcj_"));

    assert_null(reply_field(&reply, "Set-Cookie"));
    reply_release(&reply);
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", field, NULL)), 200);
    assert_int_equal(status_of(ask(fixture, "POST", "/logout", field, NULL)), 204);
    assert_int_equal(status_of(ask(fixture, "POST", "/logout", field, NULL)), 401);
    assert_int_equal(status_of(ask(fixture, "POST", "/logout", NULL, NULL)), 409);
    free(field);
}

/* What another site's page can make a browser send changes nothing. */
static void cookie_changes_nothing_by_itself(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);
    char *meant = xasprintf("%s" CSRF, cookie);
    char *foreign = xasprintf("%s" CSRF "Origin: http://evil.example\r\n", cookie);

    assert_int_equal(status_of(post_json(fixture, "/jobs",
                                         "{\"executable\":\"date\",\"schedule\":\"@daily\","
                                         "\"type\":\"command\",\"name\":\"x\"}")),
                     201);
    assert_int_equal(status_of(ask(fixture, "POST", "/jobs/x/runs", cookie, "{}")), 403);
    assert_int_equal(status_of(ask(fixture, "POST", "/jobs/x/runs", meant, "{}")), 202);
    assert_int_equal(status_of(ask(fixture, "POST", "/jobs/x/runs", foreign, "{}")), 403);
    assert_int_equal(status_of(ask(fixture, "POST", "/logout", cookie, NULL)), 403);
    assert_int_equal(
        status_of(ask(fixture, "POST", "/login", JSON "Origin: http://evil.example\r\n",
                      "{\"user\":\"ann\",\"password\":\"correct horse\"}")),
        403);
    free(cookie);
    free(meant);
    free(foreign);
}

static void cookie_that_is_void_is_taken_back(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);
    char *meant = xasprintf("%s" CSRF, cookie);
    struct reply reply = ask(fixture, "POST", "/logout", meant, NULL);

    assert_int_equal(reply.status, 204);
    assert_non_null(
        strstr(reply_field(&reply, "Set-Cookie"), "cronjob_session=; Path=/; Max-Age=0"));
    reply_release(&reply);
    reply = ask(fixture, "GET", "/jobs", cookie, NULL); /* and never the connection's account */
    assert_int_equal(reply.status, 401);
    assert_non_null(strstr(reply_field(&reply, "Set-Cookie"), "Max-Age=0"));
    reply_release(&reply);
    free(cookie);
    free(meant);
}

static void cookie_of_tls_goes_over_tls_only(void **state)
{
    struct reply reply = ask(*state, "POST", "/login", JSON "X-Forwarded-Proto: https\r\n",
                             "{\"user\":\"ann\",\"password\":\"correct horse\"}");

    assert_non_null(strstr(reply_field(&reply, "Set-Cookie"), "; Secure"));
    reply_release(&reply);
}

static void guessing_gets_slow(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;
    unsigned status = 401;

    for (int i = 0; i < 3; i++)
        assert_int_equal(sign_in(fixture, "ann", "guess"), 401);
    for (int i = 0; i < 8 && status == 401; i++) /* a slow machine may wait as long by itself */
        status = sign_in(fixture, "ann", "guess");
    assert_int_equal(status, 429);
    reply = post_json(fixture, "/login", "{\"user\":\"ann\",\"password\":\"correct horse\"}");
    status = reply.status; /* the right one has to wait as well */
    assert_true(status == 200 || (status == 429 && reply_field(&reply, "Retry-After")));
    reply_release(&reply);
    assert_int_equal(sign_in(fixture, "bob", "guess"), 401); /* nobody else waits for it */
}

static void own_password_needs_the_old_one(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);
    char *meant = xasprintf("%s" CSRF, cookie);

    assert_int_equal(status_of(ask(fixture, "PUT", "/users/ann/password", meant,
                                   "{\"password\":\"battery staple\"}")),
                     422);
    assert_int_equal(status_of(ask(fixture, "PUT", "/users/ann/password", meant,
                                   "{\"password\":\"short\",\"old\":\"correct horse\"}")),
                     422);
    assert_int_equal(status_of(ask(fixture, "PUT", "/users/root/password", meant,
                                   "{\"password\":\"battery staple\"}")),
                     404);
    assert_int_equal(status_of(ask(fixture, "PUT", "/users/ann/password", meant,
                                   "{\"password\":\"battery staple\",\"old\":\"correct horse\"}")),
                     204);
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", cookie, NULL)), 401);
    assert_int_equal(sign_in(fixture, "ann", "correct horse"), 401);
    assert_int_equal(sign_in(fixture, "ann", "battery staple"), 200);
    /* An administrator need not know it. */
    assert_int_equal(status_of(ask(fixture, "PUT", "/users/ann/password", JSON,
                                   "{\"password\":\"third one!\"}")),
                     204);
    assert_int_equal(sign_in(fixture, "ann", "third one!"), 200);
    free(cookie);
    free(meant);
}

static void disabled_user_stays_outside(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);

    assert_int_equal(status_of(ask(fixture, "PATCH", "/users/ann", JSON, "{\"disabled\":true}")),
                     200);
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", cookie, NULL)), 401);
    assert_int_equal(sign_in(fixture, "ann", "correct horse"), 401);
    assert_int_equal(status_of(ask(fixture, "PATCH", "/users/ann", JSON, "{\"disabled\":false}")),
                     200);
    assert_int_equal(sign_in(fixture, "ann", "correct horse"), 200);
    free(cookie);
}

/* A second API server over the same store hears of nothing, and asks. */
static void revoked_within_five_seconds_everywhere(void **state)
{
    struct fixture *fixture = *state;
    struct api_config config = {0};
    struct fixture second = *fixture;
    char *cookie = given_session(fixture);
    char *meant = xasprintf("%s" CSRF, cookie);
    struct err err = {0};
    mono_us revoked;

    fixture_second_config(fixture, &config);
    assert_int_equal(api_new(&config, &second.api, &err), RC_OK);
    assert_int_equal(status_of(ask(&second, "GET", "/jobs", cookie, NULL)), 200);
    assert_int_equal(status_of(ask(fixture, "POST", "/logout", meant, NULL)), 204);
    revoked = clock_mono(fixture->clock);
    while (status_of(ask(&second, "GET", "/jobs", cookie, NULL)) != 401)
        assert_true(clock_mono(fixture->clock) < revoked + 5 * SECOND);
    api_drain(second.api, SECOND);
    api_free(second.api);
    free(cookie);
    free(meant);
}

/* What goes on to be shown is taken away too. */
static void stream_ends_with_its_session(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);
    char *meant = xasprintf("%s" CSRF, cookie);
    int socket = open_stream(fixture, "/events", cookie);
    mono_us revoked;
    AUTO_BUF struct buf seen;

    buf_init(&seen, 1 << 20);
    await_text(socket, &seen, "retry:");
    assert_int_equal(status_of(ask(fixture, "POST", "/logout", meant, NULL)), 204);
    revoked = clock_mono(fixture->clock);
    await_text(socket, &seen, "0\r\n\r\n"); /* the end of its chunks */
    assert_true(clock_mono(fixture->clock) < revoked + 5 * SECOND);
    close(socket);
    free(cookie);
    free(meant);
}

static void every_answer_guards_browsers(void **state)
{
    static const char *const targets[] = {"/jobs", "/jobs/none", "/nothing", "/", "/healthz"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        struct reply reply = get(*state, targets[i]);

        assert_string_equal(reply_field(&reply, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(reply_field(&reply, "Referrer-Policy"), "no-referrer");
        assert_non_null(
            strstr(reply_field(&reply, "Content-Security-Policy"), "frame-ancestors 'none'"));
        reply_release(&reply);
    }
}

static void use_is_noted(void **state)
{
    struct fixture *fixture = *state;
    char *cookie = given_session(fixture);
    mono_us until = clock_mono(fixture->clock) + 10 * SECOND;

    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", cookie, NULL)), 200);
    for (bool noted = false; !noted;) {
        struct reply reply = get(fixture, "/tokens");

        noted = !strstr(reply.body.data, "\"last_used_at\":null");
        reply_release(&reply);
        assert_true(clock_mono(fixture->clock) < until);
    }
    free(cookie);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(password_opens_the_door),
        TEST(token_for_programs),
        TEST(cookie_changes_nothing_by_itself),
        TEST(cookie_that_is_void_is_taken_back),
        TEST(cookie_of_tls_goes_over_tls_only),
        TEST(guessing_gets_slow),
        TEST(own_password_needs_the_old_one),
        TEST(disabled_user_stays_outside),
        TEST(revoked_within_five_seconds_everywhere),
        TEST(stream_ends_with_its_session),
        TEST(every_answer_guards_browsers),
        TEST(use_is_noted),
    };

    return cmocka_run_group_tests_name("api session", tests, NULL, NULL);
}
