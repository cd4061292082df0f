/* SPDX-License-Identifier: Apache-2.0 */
/* Users, passwords and sign-ins as they are asked for. */
#include <string.h>

#include "testing.h"
#include "wire/user.h"

enum request { USER_NEW, USER_PATCH, USER_WORD, USER_LOGIN };

static const struct {
    enum request request;
    const char *text;
    enum rc rc;
    const char *field; /* that is wrong */
} rows[] = {
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"admin\"}", RC_OK, NULL},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"viewer\",\"accounts\":[\"a\",\"b\"]}", RC_OK, NULL},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"editor\",\"password\":\"12345678\"}", RC_OK, NULL},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"editor\",\"password\":\"1234567\"}", RC_INVALID,
     "password"},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"editor\",\"password\":\"\"}", RC_INVALID, "password"},
    {USER_NEW, "{\"name\":\"ann\"}", RC_INVALID, "role"},
    {USER_NEW, "{\"role\":\"editor\"}", RC_INVALID, "name"},
    {USER_NEW, "{\"name\":\"\",\"role\":\"editor\"}", RC_INVALID, "name"},
    {USER_NEW, "{\"name\":\"a b\",\"role\":\"editor\"}", RC_INVALID, "name"},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"god\"}", RC_INVALID, "role"},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"editor\",\"accounts\":[\"a/b\"]}", RC_INVALID,
     "accounts"},
    {USER_NEW, "{\"name\":\"ann\",\"role\":\"editor\",\"sudo\":true}", RC_INVALID, "sudo"},
    {USER_NEW, "[]", RC_MALFORMED, NULL},
    {USER_NEW, "{", RC_MALFORMED, NULL},
    {USER_PATCH, "{}", RC_OK, NULL},
    {USER_PATCH, "{\"privileged\":true}", RC_OK, NULL},
    {USER_PATCH, "{\"name\":\"bob\"}", RC_INVALID, "name"},
    {USER_PATCH, "{\"password\":\"12345678\"}", RC_INVALID, "password"},
    {USER_WORD, "{\"password\":\"12345678\"}", RC_OK, NULL},
    {USER_WORD, "{\"password\":\"12345678\",\"old\":\"x\"}", RC_OK, NULL},
    {USER_WORD, "{\"old\":\"x\"}", RC_INVALID, "password"},
    {USER_WORD, "{\"password\":7}", RC_INVALID, "password"},
    {USER_LOGIN, "{\"user\":\"ann\",\"password\":\"x\"}", RC_OK, NULL},
    {USER_LOGIN, "{\"user\":\"ann\",\"password\":\"x\",\"token\":true,\"expires_in\":\"1h\"}",
     RC_OK, NULL},
    {USER_LOGIN, "{\"user\":\"ann\",\"password\":\"x\",\"expires_in\":\"721h\"}", RC_INVALID,
     "expires_in"},
    {USER_LOGIN, "{\"user\":\"ann\"}", RC_INVALID, "password"},
    {USER_LOGIN, "{\"password\":\"x\"}", RC_INVALID, "user"},
};

static enum rc read_row(enum request request, const char *text, struct problems *problems)
{
    union {
        struct user_request user;
        struct password_request password;
        struct login_request login;
    } read;

    switch (request) {
    case USER_NEW:
        return wire_user_request_read(text, strlen(text), problems, &read.user, NULL);
    case USER_PATCH:
        return wire_user_patch_read(text, strlen(text), problems, &read.user, NULL);
    case USER_WORD:
        return wire_password_read(text, strlen(text), problems, &read.password, NULL);
    case USER_LOGIN:
        return wire_login_read(text, strlen(text), problems, &read.login, NULL);
    }
    return RC_INTERNAL;
}

static void requests_name_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena AUTO_ARENA arena = {0};
        struct problems problems = {.arena = &arena};

        if (read_row(rows[i].request, rows[i].text, &problems) != rows[i].rc)
            fail_msg("%s", rows[i].text);
        if (rows[i].field && strcmp(problems.items[0].field, rows[i].field) != 0)
            fail_msg("%s: %s", rows[i].text, problems.items[0].field);
    }
}

static void only_what_is_given_is_set(void **state)
{
    static const char text[] = "{\"role\":\"viewer\",\"accounts\":[],\"disabled\":null}";
    struct arena AUTO_ARENA arena = {0};
    struct problems problems = {.arena = &arena};
    struct user_request request;

    (void)state;
    assert_int_equal(wire_user_patch_read(text, strlen(text), &problems, &request, NULL), RC_OK);
    assert_int_equal(request.given, USER_ROLE | USER_ACCOUNTS);
    assert_int_equal(request.role, ROLE_VIEWER);
}

static void user_hides_its_password(void **state)
{
    static const char *accounts[] = {"ann", "deploy"};
    const struct user_record user = {.name = "ann",
                                     .role = ROLE_OPERATOR,
                                     .privileged = true,
                                     .accounts = {accounts, 2},
                                     .password = "$argon2id$"};
    struct json_writer writer;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    json_writer_init(&writer, &text);
    wire_user_write(&writer, &user);
    assert_string_equal(text.data,
                        "{\"name\":\"ann\",\"role\":\"operator\",\"accounts\":[\"ann\",\"deploy\"],"
                        "\"privileged\":true,\"disabled\":false,\"has_password\":true,"
                        "\"created_at\":\"1970-01-01T00:00:00Z\"}");
}

static void strings_come_back_as_they_went(void **state)
{
    static const char *items[] = {"a", "b \"c\" \\", "\xc3\xa9"};
    const struct strings strings = {items, 3};
    struct arena AUTO_ARENA arena = {0};
    struct strings back;
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    wire_strings_write(&strings, &text);
    assert_int_equal(wire_strings_read(text.data, text.length, &arena, &back, NULL), RC_OK);
    assert_int_equal(back.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(back.items[i], items[i]);
    assert_int_equal(wire_strings_read("[1]", 3, &arena, &back, NULL), RC_MALFORMED);
    assert_int_equal(wire_strings_read("{}", 2, &arena, &back, NULL), RC_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_name_what_is_wrong),
        cmocka_unit_test(only_what_is_given_is_set),
        cmocka_unit_test(user_hides_its_password),
        cmocka_unit_test(strings_come_back_as_they_went),
    };

    return cmocka_run_group_tests_name("wire user", tests, NULL, NULL);
}
