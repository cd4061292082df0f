/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compiler.h"

#include "adapters/mysql/failure.h"
#include "testing.h"

static void each_error_has_its_meaning(void **state)
{
    static const struct {
        unsigned code;
        enum rc rc;
        bool of_server;
    } rows[] = {
        {1213, RC_BUSY, false},       {1205, RC_BUSY, false},       {1020, RC_BUSY, false},
        {1047, RC_UNAVAILABLE, true}, {2002, RC_UNAVAILABLE, true}, {2003, RC_UNAVAILABLE, true},
        {1290, RC_UNAVAILABLE, true}, {1040, RC_UNAVAILABLE, true}, {1180, RC_UNKNOWN, true},
        {1053, RC_UNKNOWN, true},     {1927, RC_UNKNOWN, false},    {2006, RC_UNKNOWN, false},
        {2013, RC_UNKNOWN, false},    {2055, RC_UNKNOWN, false},    {1062, RC_CONFLICT, false},
        {1044, RC_FORBIDDEN, false},  {1045, RC_FORBIDDEN, false},  {1142, RC_FORBIDDEN, false},
        {1049, RC_INVALID, false},    {1366, RC_INVALID, false},    {1021, RC_FULL, false},
        {1114, RC_FULL, false},       {1153, RC_TOO_BIG, false},    {2020, RC_TOO_BIG, false},
        {1969, RC_TIMEOUT, false},    {3024, RC_TIMEOUT, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (mysql_failure_rc(rows[i].code) != rows[i].rc)
            fail_msg("%u is '%s'", rows[i].code, rc_text(mysql_failure_rc(rows[i].code)));
        assert_int_equal(mysql_failure_is_of_server(rows[i].code), rows[i].of_server);
    }
}

/* Never anything that a caller would take for an outcome that it knows. */
static void unknown_errors_are_internal(void **state)
{
    static const unsigned codes[] = {0, 1, 1054, 1064, 1146, 2014, 65535};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        assert_int_equal(mysql_failure_rc(codes[i]), RC_INTERNAL);
        assert_false(mysql_failure_is_of_server(codes[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_meaning),
        cmocka_unit_test(unknown_errors_are_internal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
