/* SPDX-License-Identifier: Apache-2.0 */
/* Range, as a client writes it. */
#include "base/compiler.h"

#include "http/range.h"
#include "testing.h"

static const struct row {
    const char *value;
    int64_t size;
    enum http_range_outcome outcome;
    int64_t first;
    int64_t last;
} rows[] = {
    {NULL, 100, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-99", 1000, HTTP_RANGE_PART, 0, 99},
    {"Bytes=5-5", 1000, HTTP_RANGE_PART, 5, 5},
    {"bytes=0-99", 50, HTTP_RANGE_PART, 0, 49},
    {"bytes=100-", 1000, HTTP_RANGE_PART, 100, 999},
    {"bytes=999-", 1000, HTTP_RANGE_PART, 999, 999},
    {"bytes=1000-", 1000, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-500", 1000, HTTP_RANGE_PART, 500, 999},
    {"bytes=-5000", 1000, HTTP_RANGE_PART, 0, 999},
    {"bytes=-0", 1000, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-5", 0, HTTP_RANGE_NONE, 0, 0},
    {"bytes=99999999999999999999-", 1000, HTTP_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=0-99999999999999999999", 1000, HTTP_RANGE_PART, 0, 999},
    {"bytes=-99999999999999999999", 1000, HTTP_RANGE_PART, 0, 999},
    {"bytes=5-4", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-1,5-6", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes=0-1 ", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes= 0-1", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes=", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes=-", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes=5", 1000, HTTP_RANGE_NONE, 0, 0},
    {"bytes=a-b", 1000, HTTP_RANGE_NONE, 0, 0},
    {"lines=0-1", 1000, HTTP_RANGE_NONE, 0, 0},
};

static void reads_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct http_range range = {0, 0};

        if (http_range_parse(rows[i].value, rows[i].size, &range) != rows[i].outcome)
            fail_msg("%s of %ld", rows[i].value, (long)rows[i].size);
        assert_int_equal(range.first, rows[i].first);
        assert_int_equal(range.last, rows[i].last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ranges),
    };

    return cmocka_run_group_tests_name("http range", tests, NULL, NULL);
}
