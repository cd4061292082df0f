/* SPDX-License-Identifier: Apache-2.0 */
/* Who guesses passwords waits longer and longer; and the cookie of who did not need to. */
#include <stdio.h>
#include <string.h>

#include "api/cookie.h"
#include "api/sign_ins.h"
#include "testing.h"

static span_us begin(struct sign_ins *sign_ins, mono_us now)
{
    return sign_ins_begin(sign_ins, "ann", "10.0.0.1", now);
}

static void each_failure_doubles_the_wait(void **state)
{
    struct sign_ins *sign_ins = sign_ins_new();
    static const span_us waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    mono_us now = HOUR;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(begin(sign_ins, now), 0);
    for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
        assert_int_equal(begin(sign_ins, now), waits[i] * SECOND);
        now += waits[i] * SECOND;
        assert_int_equal(begin(sign_ins, now - 1), 1); /* what is refused is not counted */
        assert_int_equal(begin(sign_ins, now), 0);
    }
    sign_ins_free(sign_ins);
}

static void success_and_time_forgive(void **state)
{
    struct sign_ins *sign_ins = sign_ins_new();

    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(begin(sign_ins, HOUR), 0);
        sign_ins_succeed(sign_ins, "ann", "10.0.0.1");
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(begin(sign_ins, HOUR), 0);
    assert_int_equal(begin(sign_ins, HOUR), SECOND);
    assert_int_equal(begin(sign_ins, HOUR + SIGN_IN_QUIET + 1), 0);
    assert_int_equal(begin(sign_ins, HOUR + SIGN_IN_QUIET + 1), 0);
    sign_ins_free(sign_ins);
}

/* One address that tries all users, and one user that is tried from everywhere. */
static void users_and_addresses_are_counted_too(void **state)
{
    struct sign_ins *sign_ins = sign_ins_new();
    char name[16];

    (void)state;
    for (int i = 0; i < 30; i++) {
        (void)snprintf(name, sizeof(name), "user-%d", i);
        assert_int_equal(sign_ins_begin(sign_ins, name, "10.0.0.1", HOUR), 0);
    }
    assert_int_equal(sign_ins_begin(sign_ins, "other", "10.0.0.1", HOUR), SECOND);
    assert_int_equal(sign_ins_begin(sign_ins, "other", "10.0.0.2", HOUR), 0);
    assert_int_equal(sign_ins_begin(sign_ins, "third", "", HOUR), 0); /* whose nobody knows */
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof(name), "10.1.0.%d", i);
        assert_int_equal(sign_ins_begin(sign_ins, "bob", name, HOUR), 0);
    }
    assert_int_equal(sign_ins_begin(sign_ins, "bob", "10.2.0.1", HOUR), SECOND);
    sign_ins_free(sign_ins);
}

static void table_keeps_its_size(void **state)
{
    struct sign_ins *sign_ins = sign_ins_new();
    char name[16];

    (void)state;
    for (int i = 0; i < 100000; i++) {
        (void)snprintf(name, sizeof(name), "user-%d", i);
        assert_int_equal(sign_ins_begin(sign_ins, name, "", HOUR + i), 0);
    }
    sign_ins_free(sign_ins);
}

static void cookie_is_found_by_its_whole_name(void **state)
{
    static const struct {
        const char *field, *value;
    } rows[] = {
        {NULL, NULL},
        {"", NULL},
        {"s=x", "x"},
        {"s=", NULL},
        {"s", NULL},
        {"xs=1; s=x", "x"},
        {"s2=1; ss=2;s=x", "x"},
        {"a=s=1; b", NULL},
        {" ; ;; s=a=b ;", "a=b "},
        {"s=first; s=second", "first"},
        {"S=x", NULL},
    };
    struct arena AUTO_ARENA arena = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *value = cookie_find(rows[i].field, "s", &arena);

        if ((value == NULL) != (rows[i].value == NULL) ||
            (value && strcmp(value, rows[i].value) != 0))
            fail_msg("%s: %s", rows[i].field, value ? value : "none");
    }
    assert_string_equal(cookie_text("s", "x", HOUR, true, &arena),
                        "s=x; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure");
    assert_string_equal(cookie_text("s", "", 0, false, &arena),
                        "s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_doubles_the_wait),
        cmocka_unit_test(success_and_time_forgive),
        cmocka_unit_test(users_and_addresses_are_counted_too),
        cmocka_unit_test(table_keeps_its_size),
        cmocka_unit_test(cookie_is_found_by_its_whole_name),
    };

    return cmocka_run_group_tests_name("api sign-ins", tests, NULL, NULL);
}
