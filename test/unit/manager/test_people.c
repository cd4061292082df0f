/* SPDX-License-Identifier: Apache-2.0 */
/* Users and tokens are sealed with what they become, and nothing forged is made good. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "wire/seal.h"

static int setup(void **state)
{
    *state = fixture_new();
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static struct change *user_change(enum change_kind kind, unsigned sets, enum user_role role,
                                  const char *password)
{
    struct change *change = change_new(kind, 0);

    change->user = (struct write_user){
        .record = {.name = "bob", .role = role, .password = password, .created_at = START},
        .sets = sets};
    return change;
}

/* What is seen of the one user and the one token. */
struct seen {
    const uint8_t *known;
    enum rc seal;
    enum user_role role;
    char password[16];
};

static bool see_user(void *context, const struct user_record *user)
{
    struct seen *seen = context;

    seen->seal = wire_user_seal_check(seen->known, user);
    seen->role = user->role;
    (void)snprintf(seen->password, sizeof(seen->password), "%s", user->password);
    return true;
}

static bool see_token(void *context, const struct access_token *token)
{
    struct seen *seen = context;

    seen->seal = wire_token_seal_check(seen->known, token);
    return true;
}

static void assert_user(struct fixture *fixture, enum rc seal, enum user_role role,
                        const char *password)
{
    struct seen seen = {.known = fixture->seal.known};

    assert_int_equal(store_read_users(fixture->store, see_user, &seen, NULL), RC_OK);
    assert_int_equal(seen.seal, seal);
    assert_int_equal(seen.role, role);
    assert_string_equal(seen.password, password);
}

static void seals_tokens(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.known = fixture->seal.known};
    struct change *change = change_new(CHANGE_TOKEN_CREATE, 0);

    change->access = (struct access_token){.id = "abcdefgh",
                                           .name = "ci",
                                           .account = "alice",
                                           .expires_at = INSTANT_NONE,
                                           .seal = "what an API server would say"};
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    seen.seal = RC_INTERNAL;
    assert_int_equal(store_read_tokens(fixture->store, see_token, &seen, NULL), RC_OK);
    assert_int_equal(seen.seal, RC_OK);
}

static void seals_users_with_what_they_become(void **state)
{
    struct fixture *fixture = *state;
    struct change *change = user_change(CHANGE_USER_CHANGE, USER_ROLE, ROLE_ADMIN, "");

    assert_int_equal(fixture_change(fixture, change), RC_NOT_FOUND);
    assert_int_equal(
        fixture_change(fixture, user_change(CHANGE_USER_CREATE, 0, ROLE_VIEWER, "first")), RC_OK);
    assert_user(fixture, RC_OK, ROLE_VIEWER, "first");
    change = user_change(CHANGE_USER_CHANGE, USER_ROLE, ROLE_EDITOR, "not this");
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    assert_user(fixture, RC_OK, ROLE_EDITOR, "first");
    change = user_change(CHANGE_USER_CHANGE, USER_PASSWORD, ROLE_ADMIN, "second");
    assert_int_equal(fixture_change(fixture, change), RC_OK);
    assert_user(fixture, RC_OK, ROLE_EDITOR, "second");
}

/* Each is made from what the one before it wrote, whatever batch it falls in. */
static void changes_of_one_user_keep_their_order(void **state)
{
    struct fixture *fixture = *state;
    struct change *changes[] = {
        user_change(CHANGE_USER_CREATE, 0, ROLE_VIEWER, "first"),
        user_change(CHANGE_USER_CHANGE, USER_ROLE, ROLE_EDITOR, ""),
        user_change(CHANGE_USER_CHANGE, USER_PASSWORD, ROLE_VIEWER, "second"),
        user_change(CHANGE_USER_REMOVE, 0, ROLE_VIEWER, ""),
        user_change(CHANGE_USER_CREATE, 0, ROLE_OPERATOR, "third"),
        user_change(CHANGE_USER_CHANGE, USER_PASSWORD, ROLE_VIEWER, "fourth"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
        fixture_submit(fixture, changes[i]);
    fixture_step(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(changes[i]->outcome, RC_OK);
        change_free(changes[i]);
    }
    assert_user(fixture, RC_OK, ROLE_OPERATOR, "fourth");
}

static void makes_no_forged_user_good(void **state)
{
    struct fixture *fixture = *state;
    struct store_write forge = {
        .kind = WRITE_USER_CHANGE,
        .user = {.record = {.name = "bob", .role = ROLE_ADMIN, .password = ""}, .sets = USER_ROLE}};
    struct change *change;

    assert_int_equal(
        fixture_change(fixture, user_change(CHANGE_USER_CREATE, 0, ROLE_VIEWER, "first")), RC_OK);
    fixture_apply(fixture, &forge);
    for (int i = 0; i < 2; i++) { /* without a seal, and with one that does not fit */
        change = user_change(CHANGE_USER_CHANGE, USER_PASSWORD, ROLE_VIEWER, "second");
        assert_int_equal(fixture_change(fixture, change), RC_CONFLICT);
        assert_user(fixture, i ? RC_FORBIDDEN : RC_NOT_FOUND, ROLE_ADMIN, "first");
        forge.user.record.seal = "forged";
        fixture_apply(fixture, &forge);
    }
    change = user_change(CHANGE_USER_REMOVE, 0, ROLE_VIEWER, "");
    assert_int_equal(fixture_change(fixture, change), RC_OK);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(seals_tokens),
        TEST(seals_users_with_what_they_become),
        TEST(changes_of_one_user_keep_their_order),
        TEST(makes_no_forged_user_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
