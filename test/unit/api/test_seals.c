/* SPDX-License-Identifier: Apache-2.0 */
/* A user or a token that no manager signed is not there, whoever wrote it into the store. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "api/secret.h"
#include "fixture.h"
#include "testing.h"
#include "wire/seal.h"

#define JSON "Content-Type: application/json\r\n"
#define ANN  "{\"name\":\"ann\",\"role\":\"viewer\",\"password\":\"correct horse\"}"
#define IN   "{\"user\":\"ann\",\"password\":\"correct horse\",\"token\":true}"

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

/* The fields of a request with the secret in an answer; the caller's to free. */
static char *fields_of(struct reply reply)
{
    const char *found = reply.body.data ? strstr(reply.body.data, "dcj_") : NULL;
    char *fields;

    if (!found)
        fail_msg("%u: %s", reply.status, reply.body.data ? reply.body.data : "");
    fields = xasprintf(JSON "Authorization: Bearer %.47s\r\n", found);
    reply_release(&reply);
    return fields;
}

static void write_behind(struct fixture *fixture, struct store_write write)
{
    assert_int_equal(store_apply(fixture->store, &write, 1, NULL), RC_OK);
    assert_int_equal(write.outcome, RC_OK);
}

/* What is about a user by name asks the store again. */
static void have_asked_again(struct fixture *fixture)
{
    assert_int_equal(status_of(get(fixture, "/users/none")), 404);
}

static struct store_write role_write(const char *name, enum user_role role, const char *seal)
{
    return (struct store_write){
        .kind = WRITE_USER_CHANGE,
        .user = {.record = {.name = name, .role = role, .password = "", .seal = seal},
                 .sets = USER_ROLE}};
}

static bool see_seal(void *context, const struct user_record *user)
{
    (void)snprintf(context, SEAL_TEXT + 1, "%s", user->seal);
    return true;
}

/* Neither what its row says, nor what an account of its name might do without the row. */
static void nobody_is_let_in_by_the_name_of_a_forged_user(void **state)
{
    struct fixture *fixture = *state;
    char seal[SEAL_TEXT + 1] = "";
    char *fields = fields_of(post_json(fixture, "/login", IN));
    struct reply reply;

    assert_int_equal(store_read_users(fixture->store, see_seal, seal, NULL), RC_OK);
    assert_int_equal(strlen(seal), SEAL_TEXT);
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", fields, NULL)), 200);
    assert_int_equal(status_of(ask(fixture, "GET", "/users", fields, NULL)), 403);
    write_behind(fixture, role_write("ann", ROLE_ADMIN, seal));
    have_asked_again(fixture);
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", fields, NULL)), 401);
    assert_int_equal(status_of(ask(fixture, "GET", "/users", fields, NULL)), 401);
    assert_int_equal(status_of(post_json(fixture, "/login", IN)), 401);
    assert_int_equal(status_of(ask(fixture, "PATCH", "/users/ann", JSON, "{\"disabled\":true}")),
                     404);
    reply = post_json(fixture, "/tokens", "{\"name\":\"t\",\"account\":\"ann\"}");
    assert_true(reply.status == 403 || reply.status == 422);
    reply_release(&reply);
    reply = get(fixture, "/users/ann");
    assert_int_equal(reply.status, 404);
    assert_body_has(&reply, "no manager signed the user ann");
    reply_release(&reply);
    reply = get(fixture, "/users");
    assert_string_equal(reply.body.data, "[]");
    reply_release(&reply);
    reply = get(fixture, "/metrics");
    assert_body_has(&reply, "cronjob_unsigned{kind=\"user\"} 1");
    reply_release(&reply);
    write_behind(fixture, role_write("ann", ROLE_VIEWER, seal));
    have_asked_again(fixture);
    have_asked_again(fixture); /* what the list has looked at is forgotten */
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", fields, NULL)), 200);
    assert_int_equal(status_of(post_json(fixture, "/login", IN)), 200);
    reply = get(fixture, "/metrics");
    assert_body_has(&reply, "cronjob_unsigned{kind=\"user\"} 0");
    reply_release(&reply);
    free(fields);
}

/* It stands in the way of another one of its name, so who has every right removes it. */
static void a_forged_user_is_removed_by_who_has_every_right(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = post_json(fixture, "/users", "{\"name\":\"boss\",\"role\":\"admin\"}");
    char *boss;

    reply_release(&reply);
    boss = fields_of(
        post_json(fixture, "/tokens", "{\"name\":\"t\",\"account\":\"boss\",\"scope\":\"admin\"}"));
    write_behind(fixture, role_write("ann", ROLE_VIEWER, NULL));
    assert_int_equal(status_of(get(fixture, "/users/ann")), 404);
    assert_int_equal(status_of(post_json(fixture, "/users", ANN)), 409);
    assert_int_equal(status_of(ask(fixture, "DELETE", "/users/ann", boss, NULL)), 404);
    assert_int_equal(status_of(ask(fixture, "DELETE", "/users/ann", NULL, NULL)), 204);
    assert_int_equal(status_of(ask(fixture, "DELETE", "/users/ann", NULL, NULL)), 404);
    assert_int_equal(status_of(post_json(fixture, "/users", ANN)), 201);
    assert_int_equal(status_of(post_json(fixture, "/login", IN)), 200);
    free(boss);
}

static const char secret[] = "Authorization: Bearer dcj_secret\r\n";

static bool keep_token(void *context, const struct access_token *token)
{
    struct store_write *write = context;

    write->access = *token;
    write->access.id = "other";
    write->access.name = "t";
    write->access.account = "root";
    write->access.seal = NULL;
    return true;
}

static struct store_write forged_token(const char *id)
{
    struct store_write write = {.kind = WRITE_TOKEN_CREATE,
                                .access = {.id = id,
                                           .name = "t",
                                           .account = "root",
                                           .admin = true,
                                           .scope = ROLE_ADMIN,
                                           .expires_at = INSTANT_NONE,
                                           .last_used_at = INSTANT_NONE}};

    secret_digest("dcj_secret", 10, write.access.hash);
    return write;
}

static void a_forged_token_is_none_until_it_is_signed(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = forged_token("evil");
    AUTO_ARENA struct arena arena = {0};
    struct reply reply;

    write_behind(fixture, write);
    have_asked_again(fixture);
    assert_int_equal(status_of(ask(fixture, "GET", "/jobs", secret, NULL)), 401);
    reply = get(fixture, "/tokens");
    assert_string_equal(reply.body.data, "[]");
    reply_release(&reply);
    reply = get(fixture, "/metrics");
    assert_body_has(&reply, "cronjob_unsigned{kind=\"token\"} 1");
    reply_release(&reply);
    write.kind = WRITE_TOKEN_SEAL;
    write.access.seal = wire_token_seal(fixture->seal.own, &write.access, &arena);
    write_behind(fixture, write);
    have_asked_again(fixture);
    assert_int_equal(status_of(ask(fixture, "GET", "/users", secret, NULL)), 200);
    reply = get(fixture, "/tokens");
    assert_body_has(&reply, "\"id\":\"evil\"");
    reply_release(&reply);
}

/* A row that copies the secret of another one takes nothing away from that. */
static void a_forged_twin_does_not_hide_a_token(void **state)
{
    struct fixture *fixture = *state;
    char *fields = fields_of(post_json(fixture, "/login", IN));
    struct store_write write = {.kind = WRITE_TOKEN_CREATE};
    struct reply reply;

    assert_int_equal(store_read_tokens(fixture->store, keep_token, &write, NULL), RC_OK);
    write_behind(fixture, write);
    have_asked_again(fixture);
    reply = ask(fixture, "GET", "/summary", fields, NULL);
    assert_body_has(&reply, "\"account\":\"ann\",\"role\":\"viewer\"");
    reply_release(&reply);
    free(fields);
}

static void a_stream_ends_when_its_user_is_forged(void **state)
{
    struct fixture *fixture = *state;
    char *fields = fields_of(post_json(fixture, "/login", IN));
    int socket = open_stream(fixture, "/events", fields);
    AUTO_BUF struct buf seen;

    buf_init(&seen, 1 << 20);
    await_text(socket, &seen, "retry:");
    write_behind(fixture, role_write("ann", ROLE_ADMIN, NULL));
    await_text(socket, &seen, "0\r\n\r\n"); /* the end of its chunks */
    close(socket);
    free(fields);
}

/* A server of one machine: nothing has a seal, and everything counts. */
static void without_a_key_everything_counts(void **state)
{
    struct fixture *fixture = *state;
    struct fixture second = *fixture;
    struct api_config config = {0};
    struct err err = {0};

    fixture_second_config(fixture, &config);
    config.seal = NULL;
    write_behind(fixture, forged_token("plain"));
    assert_int_equal(api_new(&config, &second.api, &err), RC_OK);
    have_asked_again(fixture);
    assert_int_equal(status_of(ask(&second, "GET", "/users", secret, NULL)), 200);
    assert_int_equal(status_of(ask(fixture, "GET", "/users", secret, NULL)), 401);
    api_drain(second.api, SECOND);
    api_free(second.api);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_let_in_by_the_name_of_a_forged_user),
        TEST(a_forged_user_is_removed_by_who_has_every_right),
        TEST(a_forged_token_is_none_until_it_is_signed),
        TEST(a_forged_twin_does_not_hide_a_token),
        TEST(a_stream_ends_when_its_user_is_forged),
        TEST(without_a_key_everything_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
