/* SPDX-License-Identifier: Apache-2.0 */
/* What a user or a token may is sealed, each member of it; the texts are kept for good. */
#include <string.h>

#include "testing.h"
#include "wire/seal.h"

static struct seal_keys keys;
static struct arena arena;
static const char *some[] = {"anne", "deploy"}, *turned[] = {"deploy", "anne"};
static const char *more[] = {"anne", "deploy", "root"}, *joined[] = {"anne,deploy"};

static int setup(void **state)
{
    (void)state;
    seal_keys_derive("0123456789abcdef", 16, &keys);
    return crypto_init(NULL) != RC_OK;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct user_record anne(void)
{
    return (struct user_record){.name = "anne",
                                .role = ROLE_EDITOR,
                                .accounts = {some, 2},
                                .password = "$argon2id$x",
                                .created_at = 1};
}

static struct access_token ci(void)
{
    return (struct access_token){.id = "abcdefgh",
                                 .name = "ci",
                                 .account = "anne",
                                 .scope = ROLE_OPERATOR,
                                 .hash = {1, 2, 3},
                                 .created_at = 1,
                                 .expires_at = INSTANT_NONE,
                                 .last_used_at = INSTANT_NONE};
}

/* A change of them would take away every seal there is. */
static void texts_are_as_they_were(void **state)
{
    const struct user_record user = anne();
    const struct access_token token = ci();
    AUTO_BUF struct buf text, other;

    (void)state;
    buf_init(&text, SIZE_MAX);
    buf_init(&other, SIZE_MAX);
    wire_user_sealed(&user, &text);
    assert_string_equal(text.data, "{\"name\":\"anne\",\"role\":\"editor\",\"privileged\":false,"
                                   "\"disabled\":false,\"accounts\":[\"anne\",\"deploy\"],"
                                   "\"password\":\"$argon2id$x\"}");
    wire_token_sealed(&token, &other);
    assert_string_equal(
        other.data,
        "{\"id\":\"abcdefgh\",\"name\":\"ci\",\"account\":\"anne\",\"admin\":false,"
        "\"session\":false,\"scope\":\"operator\",\"hash\":\"01020300000000000000000000"
        "00000000000000000000000000000000000000\",\"expires_at\":-9223372036854775808}");
}

static void seals_what_it_is(void **state)
{
    struct user_record user = anne();
    struct access_token token = ci();

    (void)state;
    assert_int_equal(wire_user_seal_check(keys.known, &user), RC_NOT_FOUND);
    assert_int_equal(wire_token_seal_check(keys.known, &token), RC_NOT_FOUND);
    user.seal = token.seal = "";
    assert_int_equal(wire_user_seal_check(keys.known, &user), RC_NOT_FOUND);
    assert_int_equal(wire_token_seal_check(keys.known, &token), RC_NOT_FOUND);
    user.seal = wire_user_seal(keys.own, &user, &arena);
    token.seal = wire_token_seal(keys.own, &token, &arena);
    assert_int_equal(wire_user_seal_check(keys.known, &user), RC_OK);
    assert_int_equal(wire_token_seal_check(keys.known, &token), RC_OK);
    assert_string_equal(wire_user_seal(keys.own, &user, &arena), user.seal); /* again */
    user.created_at = token.created_at = token.last_used_at = 2;
    assert_int_equal(wire_user_seal_check(keys.known, &user), RC_OK);
    assert_int_equal(wire_token_seal_check(keys.known, &token), RC_OK);
}

static void refuses_what_is_no_seal(void **state)
{
    static const char *const texts[] = {
        "x", "\n",
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345\n"};
    struct user_record user = anne();
    struct access_token token = ci();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        user.seal = token.seal = texts[i];
        assert_int_equal(wire_user_seal_check(keys.known, &user), RC_FORBIDDEN);
        assert_int_equal(wire_token_seal_check(keys.known, &token), RC_FORBIDDEN);
    }
}

static void refuses_a_user_that_is_another(void **state)
{
    struct user_record rows[11];
    struct user_record user = anne();

    (void)state;
    user.seal = wire_user_seal(keys.own, &user, &arena);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        rows[i] = user;
    rows[0].name = "bob";
    rows[1].role = ROLE_ADMIN;
    rows[2].role = ROLE_VIEWER;
    rows[3].privileged = true;
    rows[4].disabled = true;
    rows[5].accounts = (struct strings){more, 3};
    rows[6].accounts = (struct strings){some, 1};
    rows[7].accounts = (struct strings){turned, 2};
    rows[8].accounts = (struct strings){joined, 1};
    rows[9].password = "$argon2id$y";
    rows[10].password = "";
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (wire_user_seal_check(keys.known, &rows[i]) != RC_FORBIDDEN)
            fail_msg("row %zu", i);
    }
}

static void refuses_a_token_that_is_another(void **state)
{
    struct access_token rows[10];
    struct access_token token = ci();

    (void)state;
    token.seal = wire_token_seal(keys.own, &token, &arena);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        rows[i] = token;
    rows[0].id = "abcdefgi";
    rows[1].name = "cd";
    rows[2].account = "root";
    rows[3].admin = true;
    rows[4].session = true;
    rows[5].scope = ROLE_ADMIN;
    rows[6].hash[0]++;
    rows[7].hash[31]++;
    rows[8].expires_at = 5;
    rows[9].expires_at = INSTANT_MAX;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (wire_token_seal_check(keys.known, &rows[i]) != RC_FORBIDDEN)
            fail_msg("row %zu", i);
    }
}

/* The same text by another key, or as something else. */
static void a_seal_is_of_one_kind_and_key(void **state)
{
    const struct seal_subject as_job = {.kind = SEAL_JOB, .owner = ""}, as_run = {.kind = SEAL_RUN},
                              as_token = {.kind = SEAL_TOKEN}, as_user = {.kind = SEAL_USER};
    struct user_record user = anne();
    struct seal_keys other;
    AUTO_BUF struct buf text;

    (void)state;
    user.seal = wire_user_seal(keys.own, &user, &arena);
    buf_init(&text, SIZE_MAX);
    wire_user_sealed(&user, &text);
    assert_int_equal(seal_check(keys.known, &as_user, text.data, text.length), RC_OK);
    assert_int_equal(seal_check(keys.known, &as_job, text.data, text.length), RC_FORBIDDEN);
    assert_int_equal(seal_check(keys.known, &as_run, text.data, text.length), RC_FORBIDDEN);
    assert_int_equal(seal_check(keys.known, &as_token, text.data, text.length), RC_FORBIDDEN);
    seal_keys_derive("0123456789abcdeF", 16, &other);
    assert_int_equal(wire_user_seal_check(other.known, &user), RC_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_as_they_were),
        cmocka_unit_test(seals_what_it_is),
        cmocka_unit_test(refuses_what_is_no_seal),
        cmocka_unit_test(refuses_a_user_that_is_another),
        cmocka_unit_test(refuses_a_token_that_is_another),
        cmocka_unit_test(a_seal_is_of_one_kind_and_key),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
