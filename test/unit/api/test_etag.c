/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of entity tags against revision 5. */
#include "base/compiler.h"

#include "api/etag.h"
#include "testing.h"

struct row {
    const char *list;
    bool strong; /* as If-Match compares */
    bool weak;   /* as If-None-Match does */
};

static const struct row rows[] = {
    {"\"5\"", true, true},
    {"*", true, true},
    {"\"4\", \"5\"", true, true},
    {"\"4\",\"5\" ,\"6\"", true, true},
    {"W/\"5\"", false, true},
    {"W/\"4\", W/\"5\"", false, true},
    {"\"15\"", false, false},
    {"\"55\"", false, false},
    {"5", false, false},
    {"", false, false},
    {",, ,", false, false},
    {"\"5\"x", false, false},
    {"\"4\", W/\"6\"", false, false},
};

static void compares(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (etag_list_holds(rows[i].list, 5, false) != rows[i].strong)
            fail_msg("strong: %s", rows[i].list);
        if (etag_list_holds(rows[i].list, 5, true) != rows[i].weak)
            fail_msg("weak: %s", rows[i].list);
    }
}

static void formats(void **state)
{
    char text[ETAG_TEXT];

    (void)state;
    assert_string_equal(etag_format(5, text), "\"5\"");
    assert_string_equal(etag_format(UINT64_MAX, text), "\"18446744073709551615\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(compares), cmocka_unit_test(formats)};

    return cmocka_run_group_tests_name("api etag", tests, NULL, NULL);
}
