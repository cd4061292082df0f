/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes, walked with every role and by strange ways; and what the roles may do. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "api/route.h"
#include "fixture.h"
#include "testing.h"

#define JSON      "Content-Type: application/json\r\n"
#define FORWARDED "X-Forwarded-For: 10.0.0.1\r\n"
#define BEAT      "{\"executable\":\"date\",\"schedule\":\"0 5 * * *\",\"type\":\"command\""

struct cast {
    struct fixture fixture;
    char *fields[ROLE_COUNT + 1]; /* of a request by who has the role; the last: of nobody */
};

/* A user of this role with a token; the fields of its requests are the caller's to free. */
static char *given_user(struct fixture *fixture, const char *role, const char *more)
{
    char *user = xasprintf("{\"name\":\"u-%s\",\"role\":\"%s\"%s}", role, role, more);
    char *token = xasprintf("{\"name\":\"t\",\"account\":\"u-%s\",\"scope\":\"admin\"}", role);
    struct reply reply;
    const char *secret;
    char *fields;

    assert_int_equal(status_of(post_json(fixture, "/users", user)), 201);
    reply = post_json(fixture, "/tokens", token);
    secret = strstr(reply.body.data, "dcj_");
    assert_non_null(secret);
    fields = xasprintf(JSON "Authorization: Bearer %.47s\r\n", secret);
    reply_release(&reply);
    free(user);
    free(token);
    return fields;
}

static int start(void **state)
{
    struct cast *cast = xcalloc(1, sizeof(*cast));
    struct api_config config = fixture_config(&cast->fixture);

    fixture_start(&cast->fixture, &config);
    for (int i = 0; i < ROLE_COUNT; i++)
        cast->fields[i] = given_user(&cast->fixture, role_text((enum user_role)i),
                                     i == ROLE_EDITOR ? ",\"accounts\":[\"nobody\"]" : "");
    cast->fields[ROLE_COUNT] = xstrdup(JSON FORWARDED);
    *state = cast;
    return 0;
}

static int stop(void **state)
{
    struct cast *cast = *state;

    fixture_stop(&cast->fixture);
    for (size_t i = 0; i < ARRAY_SIZE(cast->fields); i++)
        free(cast->fields[i]);
    free(cast);
    return 0;
}

static unsigned ask_as(struct cast *cast, int role, const char *method, const char *target,
                       const char *body)
{
    return status_of(ask(&cast->fixture, method, target, cast->fields[role], body));
}

/* ---- the table --------------------------------------------------------------------------------
 */

/* The path with things in it that are not there. */
static char *fill_in(const char *path)
{
    const char *brace = strchr(path, '{');
    const char *value = strncmp(path, "/runs/", 6) == 0 ? "999-1-1" : "999";

    if (!brace)
        return xstrdup(path);
    return xasprintf("%.*s%s%s", (int)(brace - path), path, value, strchr(brace, '}') + 1);
}

/* A stream does not end, so only its beginning is looked at. */
static unsigned status_of_stream(struct cast *cast, int role, const char *target)
{
    int socket = open_stream(&cast->fixture, target, cast->fields[role]);
    AUTO_BUF struct buf seen;
    unsigned status = 0;

    buf_init(&seen, 1 << 20);
    await_text(socket, &seen, "\r\n");
    assert_int_equal(sscanf(seen.data, "HTTP/1.1 %u", &status), 1);
    close(socket);
    return status;
}

static unsigned try_route(struct cast *cast, int role, const struct api_route *route)
{
    char *target = fill_in(route->path);
    unsigned status =
        strcmp(target, "/events") == 0
            ? status_of_stream(cast, role, target)
            : ask_as(cast, role, route->method, target, route->body == BODY_NONE ? NULL : "{}");

    free(target);
    return status;
}

static bool may(enum access access, int role)
{
    switch (access) {
    case ACCESS_NOBODY:
        return false;
    case ACCESS_OPEN:
        return true;
    case ACCESS_SEE:
        return role < ROLE_COUNT;
    case ACCESS_OPERATE:
        return role == ROLE_OPERATOR || role == ROLE_EDITOR || role == ROLE_ADMIN;
    case ACCESS_EDIT:
        return role == ROLE_EDITOR || role == ROLE_ADMIN;
    case ACCESS_ADMIN:
        return role == ROLE_ADMIN;
    }
    return false;
}

static void every_route_asks_for_its_role(void **state)
{
    struct cast *cast = *state;

    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = &api_routes[i];

        if (route->access <= ACCESS_NOBODY || route->access > ACCESS_ADMIN)
            fail_msg("%s %s says not who may", route->method, route->path);
        for (int role = 0; role <= ROLE_COUNT; role++) {
            unsigned status = try_route(cast, role, route);
            unsigned refusal = role == ROLE_COUNT ? 401 : 403;
            bool refused = status == 401 || status == 403;

            if (may(route->access, role) ? refused : status != refusal)
                fail_msg("%s %s as %s: %u", route->method, route->path,
                         role < ROLE_COUNT ? role_text((enum user_role)role) : "nobody", status);
        }
    }
}

/* What only reads is open to nobody but those who are known, unless it is on this list. */
static void what_is_open_is_meant_to_be(void **state)
{
    static const char *const open[] = {"/login",   "/healthz",      "/readyz",
                                       "/metrics", "/openapi.json", "/"};

    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        bool listed = false;

        for (size_t j = 0; j < ARRAY_SIZE(open); j++)
            listed |= strcmp(open[j], api_routes[i].path) == 0;
        if (listed != (api_routes[i].access == ACCESS_OPEN))
            fail_msg("%s", api_routes[i].path);
        if (strcmp(api_routes[i].method, "GET") != 0 && api_routes[i].access == ACCESS_SEE &&
            !strstr("/logout /users/{name}/password", api_routes[i].path))
            fail_msg("%s %s changes something", api_routes[i].method, api_routes[i].path);
    }
}

/* None of these is the path, so all are unknown, also to who may ask for the path. */
static void there_is_one_spelling_of_each_path(void **state)
{
    static const struct {
        const char *before, *after;
    } spellings[] = {
        {"", "/"},   {"/", ""},   {"/.", ""},  {"/x/..", ""}, {"", "/."},    {"", ";a=b"},
        {"", "%00"}, {"", "%2f"}, {"", "%20"}, {"", "\\"},    {"", ".json"},
    };
    struct cast *cast = *state;

    for (size_t i = 0; i < api_route_count; i++) {
        char *path = fill_in(api_routes[i].path);

        for (size_t j = 0; path[1] && j < ARRAY_SIZE(spellings); j++) {
            char target[200];
            unsigned status;

            (void)snprintf(target, sizeof(target), "%s%s%s", spellings[j].before, path,
                           spellings[j].after);
            status = ask_as(cast, ROLE_ADMIN, api_routes[i].method, target,
                            api_routes[i].body == BODY_NONE ? NULL : "{}");
            if (status != 404 && status != 400 && status != 405 && status != 422)
                fail_msg("%s %s: %u", api_routes[i].method, target, status);
            status = ask_as(cast, ROLE_COUNT, api_routes[i].method, target, NULL);
            if (status != 404 && status != 400 && status != 405 && status != 401)
                fail_msg("%s %s of nobody: %u", api_routes[i].method, target, status);
        }
        for (char *at = path; *at; at++) {
            char letter = *at;
            unsigned status;

            if (letter < 'a' || letter > 'z')
                continue;
            *at = (char)(letter - 'a' + 'A');
            status = ask_as(cast, ROLE_COUNT, api_routes[i].method, path, NULL);
            if (status != 404)
                fail_msg("%s %s: %u", api_routes[i].method, path, status);
            *at = letter;
        }
        free(path);
    }
}

/* ---- the roles --------------------------------------------------------------------------------
 */

static void viewers_see_and_operators_act(void **state)
{
    struct cast *cast = *state;

    assert_int_equal(status_of(post_json(&cast->fixture, "/jobs", BEAT ",\"name\":\"roots\"}")),
                     201);
    assert_int_equal(ask_as(cast, ROLE_VIEWER, "GET", "/jobs/roots", NULL), 200);
    assert_int_equal(ask_as(cast, ROLE_VIEWER, "POST", "/jobs/roots/runs", "{}"), 403);
    assert_int_equal(ask_as(cast, ROLE_VIEWER, "PATCH", "/jobs/roots", "{\"enabled\":false}"), 403);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "GET", "/jobs/roots", NULL), 200);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "POST", "/jobs/roots/runs", "{}"), 202);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "PATCH", "/jobs/roots", "{\"enabled\":false}"),
                     200);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "PATCH", "/jobs/roots", "{\"enabled\":true}"),
                     200);
    /* As it is, and nothing else. */
    assert_int_equal(
        ask_as(cast, ROLE_OPERATOR, "POST", "/jobs/roots/runs", "{\"env\":{\"PATH\":\"/tmp\"}}"),
        403);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "POST", "/jobs/roots/runs", "{\"args\":[\"x\"]}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "PATCH", "/jobs/roots",
                            "{\"enabled\":false,\"executable\":\"id\"}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "PATCH", "/jobs/roots", "{\"name\":\"x\"}"), 403);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "DELETE", "/jobs/roots", NULL), 403);
    assert_int_equal(ask_as(cast, ROLE_EDITOR, "GET", "/jobs/roots", NULL), 404);
    assert_int_equal(ask_as(cast, ROLE_EDITOR, "POST", "/jobs/roots/runs", "{}"), 404);
}

/* An administrator without `privileged` rules the jobs, and does not become root by it. */
static void administrators_are_not_root(void **state)
{
    struct cast *cast = *state;
    struct fixture *fixture = &cast->fixture;

    if (geteuid() != 0)
        skip();
    assert_int_equal(status_of(post_json(fixture, "/jobs", BEAT ",\"name\":\"roots\"}")), 201);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/jobs", BEAT ",\"run_as\":\"root\"}"), 403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "PATCH", "/jobs/roots", "{\"executable\":\"id\"}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/jobs/roots/runs", "{\"args\":[\"x\"]}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/jobs/roots/runs", "{}"), 202);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "PATCH", "/jobs/roots", "{\"enabled\":false}"), 200);
    /* Nor by making or changing somebody. */
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/users",
                            "{\"name\":\"x\",\"role\":\"admin\",\"privileged\":true}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/users",
                            "{\"name\":\"x\",\"role\":\"editor\",\"accounts\":[\"root\"]}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "PATCH", "/users/u-admin", "{\"privileged\":true}"),
                     403);
    assert_int_equal(
        ask_as(cast, ROLE_ADMIN, "PATCH", "/users/u-admin", "{\"accounts\":[\"root\"]}"), 403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/tokens", "{\"name\":\"x\",\"admin\":true}"),
                     403);
    assert_int_equal(
        ask_as(cast, ROLE_ADMIN, "POST", "/tokens", "{\"name\":\"x\",\"account\":\"root\"}"), 403);
    assert_int_equal(
        ask_as(cast, ROLE_ADMIN, "PUT", "/users/u-editor/password", "{\"password\":\"12345678\"}"),
        403);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "POST", "/users",
                            "{\"name\":\"x\",\"role\":\"operator\",\"accounts\":[]}"),
                     201);
    assert_int_equal(ask_as(cast, ROLE_ADMIN, "DELETE", "/jobs/roots", NULL), 200);
}

static void users_run_as_their_accounts(void **state)
{
    struct cast *cast = *state;
    struct reply reply;

    if (geteuid() != 0)
        skip();
    reply = ask(&cast->fixture, "POST", "/jobs", cast->fields[ROLE_EDITOR], BEAT "}");
    assert_int_equal(reply.status, 201);
    assert_body_has(&reply, "\"owner\":\"u-editor\"");
    assert_body_has(&reply, "\"run_as\":\"nobody\"");
    reply_release(&reply);
    assert_int_equal(ask_as(cast, ROLE_EDITOR, "POST", "/jobs", BEAT ",\"run_as\":\"daemon\"}"),
                     403);
    assert_int_equal(ask_as(cast, ROLE_EDITOR, "POST", "/jobs/1/runs", "{\"args\":[\"x\"]}"), 202);
    assert_int_equal(status_of(ask(&cast->fixture, "PATCH", "/users/u-editor", JSON,
                                   "{\"accounts\":[\"daemon\"]}")),
                     200);
    assert_int_equal(ask_as(cast, ROLE_EDITOR, "POST", "/jobs/1/runs", "{}"), 403);
    assert_int_equal(ask_as(cast, ROLE_EDITOR, "POST", "/jobs", BEAT ",\"run_as\":\"daemon\"}"),
                     201);
}

static void rights_change_at_once(void **state)
{
    struct cast *cast = *state;
    struct fixture *fixture = &cast->fixture;

    assert_int_equal(ask_as(cast, ROLE_VIEWER, "GET", "/users", NULL), 403);
    assert_int_equal(
        status_of(ask(fixture, "PATCH", "/users/u-viewer", JSON, "{\"role\":\"admin\"}")), 200);
    assert_int_equal(ask_as(cast, ROLE_VIEWER, "GET", "/users", NULL), 200);
    assert_int_equal(
        status_of(ask(fixture, "PATCH", "/users/u-viewer", JSON, "{\"disabled\":true}")), 200);
    assert_int_equal(ask_as(cast, ROLE_VIEWER, "GET", "/jobs", NULL), 401);
    assert_int_equal(status_of(ask(fixture, "DELETE", "/users/u-operator", NULL, NULL)), 204);
    assert_int_equal(ask_as(cast, ROLE_OPERATOR, "GET", "/jobs", NULL), 401);
    assert_int_equal(status_of(get(fixture, "/users/u-operator")), 404);
    assert_int_equal(status_of(ask(fixture, "DELETE", "/users/u-operator", NULL, NULL)), 404);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_asks_for_its_role),
        cmocka_unit_test(what_is_open_is_meant_to_be),
        TEST(there_is_one_spelling_of_each_path),
        TEST(viewers_see_and_operators_act),
        TEST(administrators_are_not_root),
        TEST(users_run_as_their_accounts),
        TEST(rights_change_at_once),
    };

    return cmocka_run_group_tests_name("api rights", tests, NULL, NULL);
}
