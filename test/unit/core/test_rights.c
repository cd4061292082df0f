/* SPDX-License-Identifier: Apache-2.0 */
/* What a role is, what narrows it, and who may give what. */
#include "core/rights.h"

#include "testing.h"

static const char *ann[] = {"ann"};
static const char *both[] = {"ann", "bob"};

static void role_is_read_as_written(void **state)
{
    enum user_role role;
    struct err err = {0};

    (void)state;
    for (int i = 0; i < ROLE_COUNT; i++) {
        assert_int_equal(role_parse(role_text((enum user_role)i), &role, &err), RC_OK);
        assert_int_equal(role, i);
    }
    assert_int_equal(role_parse("Admin", &role, &err), RC_INVALID);
    assert_string_equal(err.message, "'Admin' is none of viewer, operator, editor, admin");
}

static void editor_sees_only_its_own(void **state)
{
    struct rights admin = rights_of_all(), viewer = rights_of_role(ROLE_VIEWER),
                  editor = rights_of_role(ROLE_EDITOR);

    (void)state;
    assert_true(admin.sees_all);
    assert_true(viewer.sees_all);
    assert_false(editor.sees_all);
    /* A narrower role never shows more. */
    assert_false(rights_capped(&editor, ROLE_VIEWER).sees_all);
    assert_false(rights_capped(&admin, ROLE_EDITOR).sees_all);
    assert_true(rights_capped(&admin, ROLE_OPERATOR).sees_all);
    assert_int_equal(rights_capped(&viewer, ROLE_ADMIN).role, ROLE_VIEWER);
    assert_int_equal(rights_capped(&admin, ROLE_VIEWER).role, ROLE_VIEWER);
}

static void accounts_are_those_that_were_given(void **state)
{
    struct rights rights = rights_of_role(ROLE_ADMIN), all = rights_of_all();

    (void)state;
    assert_false(rights_include_account(&rights, "ann"));
    rights.accounts = (struct strings){ann, 1};
    assert_true(rights_include_account(&rights, "ann"));
    assert_false(rights_include_account(&rights, "an"));
    assert_false(rights_include_account(&rights, "root"));
    assert_true(rights_include_account(&all, "root"));
}

/* Nobody gives what they do not have. */
static void rights_cover_what_is_no_more(void **state)
{
    const struct rights editor = {.role = ROLE_EDITOR, .accounts = {ann, 1}};
    const struct rights wide = {.role = ROLE_EDITOR, .accounts = {both, 2}};
    const struct rights lord = {.role = ROLE_VIEWER, .privileged = true};
    const struct rights admin = {.role = ROLE_ADMIN, .sees_all = true, .accounts = {ann, 1}};
    const struct rights all = rights_of_all();

    (void)state;
    assert_true(rights_cover(&editor, &editor));
    assert_true(rights_cover(&admin, &editor));
    assert_true(rights_cover(&all, &lord));
    assert_true(rights_cover(&all, &wide));
    assert_false(rights_cover(&editor, &admin));
    assert_false(rights_cover(&editor, &wide));
    assert_false(rights_cover(&admin, &wide));
    assert_false(rights_cover(&admin, &lord));
    assert_false(rights_cover(&lord, &editor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(role_is_read_as_written),
        cmocka_unit_test(editor_sees_only_its_own),
        cmocka_unit_test(accounts_are_those_that_were_given),
        cmocka_unit_test(rights_cover_what_is_no_more),
    };

    return cmocka_run_group_tests_name("core rights", tests, NULL, NULL);
}
