/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/err.h"

#include "testing.h"

static void keeps_the_code_and_the_words(void **state)
{
    struct err err = {0};

    (void)state;
    assert_string_equal(err_message(&err, RC_BUSY), rc_text(RC_BUSY));
    assert_string_equal(err_message(NULL, RC_BUSY), rc_text(RC_BUSY));
    assert_int_equal(err_fail(&err, RC_INVALID, "minute %d", 75), RC_INVALID);
    assert_string_equal(err_message(&err, RC_INVALID), "minute 75");
    assert_int_equal(err_prefix(&err, RC_INVALID, "field %s", "schedule"), RC_INVALID);
    assert_string_equal(err.message, "field schedule: minute 75");
    assert_int_equal(err_errno(&err, RC_IO, ENOENT, "opening %s", "/x"), RC_IO);
    assert_string_equal(err.message, "opening /x: No such file or directory");
}

static void prefixes_the_text_of_the_code(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_prefix(&err, RC_FULL, "writing"), RC_FULL);
    assert_memory_equal(err.message, "writing: ", 9);
    assert_string_equal(err.message + 9, rc_text(RC_FULL));
}

static void may_be_nobody(void **state)
{
    (void)state;
    assert_int_equal(err_fail(NULL, RC_INVALID, "x"), RC_INVALID);
    assert_int_equal(err_errno(NULL, RC_IO, ENOENT, "x"), RC_IO);
    assert_int_equal(err_prefix(NULL, RC_IO, "x"), RC_IO);
}

static void cuts_what_is_too_long(void **state)
{
    struct err err = {0};

    (void)state;
    (void)err_fail(&err, RC_INVALID, "%2000d", 7);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    (void)err_prefix(&err, RC_INVALID, "%2000d", 7);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    (void)err_errno(&err, RC_IO, ENOENT, "%2000d", 7);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void has_a_row_for_every_code(void **state)
{
    (void)state;
    for (int rc = RC_OK; rc <= RC_FULL; rc++) {
        int status = rc_http_status((enum rc)rc);

        assert_true(strlen(rc_text((enum rc)rc)) > 0);
        assert_true(status >= 200 && status < 600);
        assert_true(rc == RC_OK || status >= 400);
        assert_true(!rc_is_retryable((enum rc)rc) || status == 429 || status >= 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_code_and_the_words),
        cmocka_unit_test(prefixes_the_text_of_the_code),
        cmocka_unit_test(may_be_nobody),
        cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(has_a_row_for_every_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
