/* SPDX-License-Identifier: Apache-2.0 */
#include "testing.h"
#include "wire/difference.h"

static const struct {
    const char *before, *after, *was, *became;
} rows[] = {
    {"{}", "{}", "{}", "{}"},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "{}", "{}"},
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "{\"b\":2}", "{\"b\":3}"},
    {"{\"a\":1}", "{\"b\":null}", "{\"a\":1}", "{\"b\":null}"},
    {"{\"a\":{\"x\":[1,true,\"\\\"\"]}}", "{\"a\":{\"x\":[1,true,\"\\\"\"]}}", "{}", "{}"},
    {"{\"a\":{\"x\":[1]},\"c\":0.5}", "{\"a\":{\"x\":[2]},\"c\":0.5}", "{\"a\":{\"x\":[1]}}",
     "{\"a\":{\"x\":[2]}}"},
    {"{\"a,\":\"}\\\"\",\"b\":[{},{}]}", "{\"b\":[{},{}],\"c\":1}", "{\"a,\":\"}\\\"\"}",
     "{\"c\":1}"},
    {"{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2,\"a\":4,\"c\":3}", "{\"a\":1}", "{\"a\":4}"},
};

static struct buf text_of(const char *text)
{
    struct buf buf;

    buf_init(&buf, SIZE_MAX);
    (void)buf_puts(&buf, text);
    return buf;
}

static void only_what_differs_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_BUF struct buf before = text_of(rows[i].before), after = text_of(rows[i].after),
                            was = text_of(""), became = text_of("");

        assert_int_equal(wire_difference(&before, &after, &was), RC_OK);
        assert_int_equal(wire_difference(&after, &before, &became), RC_OK);
        assert_string_equal(was.data, rows[i].was);
        assert_string_equal(became.data, rows[i].became);
    }
}

static void only_objects_differ(void **state)
{
    static const char *const wrong[] = {"",         "[]",      "{",          "{\"a\"}",
                                        "{\"a\":1", "{\"a:1}", "{\"a\":[1}", "{\"a\":\"\\\"}"};
    AUTO_BUF struct buf object = text_of("{\"a\":1}");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        AUTO_BUF struct buf other = text_of(wrong[i]), difference = text_of("");

        assert_int_equal(wire_difference(&other, &object, &difference), RC_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_differs_is_told),
        cmocka_unit_test(only_objects_differ),
    };

    return cmocka_run_group_tests_name("wire difference", tests, NULL, NULL);
}
