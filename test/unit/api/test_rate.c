/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "api/rate.h"
#include "testing.h"

static size_t admitted(struct rate *rate, const char *name, mono_us now)
{
    size_t count = 0;

    while (count < 1000 && rate_admits(rate, name, now))
        count++;
    return count;
}

static void bucket_fills_with_time(void **state)
{
    struct rate *rate = rate_new(5);

    (void)state;
    assert_int_equal(admitted(rate, "ann", HOUR), 5 * RATE_BURST);
    assert_int_equal(admitted(rate, "ann", HOUR), 0);
    assert_int_equal(admitted(rate, "ann", HOUR + SECOND), 5);
    assert_int_equal(admitted(rate, "ann", HOUR + SECOND + 199 * MILLISECOND), 0);
    assert_int_equal(admitted(rate, "ann", HOUR + SECOND + 200 * MILLISECOND), 1);
    assert_int_equal(admitted(rate, "ann", 2 * HOUR), 5 * RATE_BURST);
    rate_free(rate);
}

static void everybody_has_a_bucket(void **state)
{
    struct rate *rate = rate_new(5), *none = rate_new(0);
    char name[16];

    (void)state;
    assert_int_equal(admitted(rate, "ann", HOUR), 5 * RATE_BURST);
    assert_int_equal(admitted(rate, "bob", HOUR), 5 * RATE_BURST);
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(name, sizeof(name), "user-%d", i);
        assert_true(rate_admits(rate, name, HOUR));
    }
    assert_int_equal(admitted(none, "ann", HOUR), 1000);
    rate_free(rate);
    rate_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_fills_with_time),
        cmocka_unit_test(everybody_has_a_bucket),
    };

    return cmocka_run_group_tests_name("api rate", tests, NULL, NULL);
}
