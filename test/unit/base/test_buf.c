/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#include "testing.h"

static void grows_with_what_is_added(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10000);
    assert_string_equal(buf.data, "");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_puts(&buf, "12345"), RC_OK);
    assert_int_equal(buf_putc(&buf, '!'), RC_OK);
    assert_int_equal(buf_append(&buf, "a\0b", 3), RC_OK);
    assert_int_equal(buf.length, 5004);
    assert_int_equal(strlen(buf.data), 5002);
    assert_memory_equal(buf.data + 4995, "12345!a\0b", 10);
    buf_release(&buf);
}

static void refuses_more_than_its_limit(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 5);
    assert_int_equal(buf_puts(&buf, "12345"), RC_OK);
    assert_false(buf.failed);
    assert_int_equal(buf_putc(&buf, '6'), RC_TOO_BIG);
    assert_true(buf.failed);
    assert_string_equal(buf.data, "12345");
    buf_reset(&buf);
    assert_false(buf.failed);
    assert_string_equal(buf.data, "");
    assert_int_equal(buf_printf(&buf, "%d", 123456), RC_TOO_BIG);
    assert_int_equal(buf_printf(&buf, "%d", 1234), RC_OK);
    assert_int_equal(buf_reserve(&buf, 2), RC_TOO_BIG);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), RC_TOO_BIG);
    assert_string_equal(buf.data, "1234");
    buf_release(&buf);
}

static void adds_nothing_where_nothing_is_given(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_append(&buf, NULL, 0), RC_OK);
    assert_int_equal(buf_puts(&buf, ""), RC_OK);
    assert_int_equal(buf_printf(&buf, "%s", ""), RC_OK);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf.data, "");
    buf_release(&buf);
}

static void loses_its_front(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    buf_consume(&buf, 0);
    assert_int_equal(buf_puts(&buf, "GET /jobs"), RC_OK);
    buf_consume(&buf, 4);
    assert_string_equal(buf.data, "/jobs");
    buf_consume(&buf, 5);
    assert_string_equal(buf.data, "");
    assert_int_equal(buf.length, 0);
    buf_release(&buf);
}

static void lends_room_to_be_written(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 2000);
    assert_int_equal(buf_puts(&buf, "ab"), RC_OK);
    assert_int_equal(buf_reserve(&buf, 1500), RC_OK);
    assert_string_equal(buf.data, "ab");
    memset(buf.data + buf.length, 'x', 1500);
    buf.length += 1500;
    assert_int_equal(buf_putc(&buf, 'y'), RC_OK);
    assert_int_equal(strlen(buf.data), 1503);
    buf_release(&buf);
}

static void gives_its_content_away(void **state)
{
    struct buf buf;
    char *text;

    (void)state;
    buf_init(&buf, 100);
    text = buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(buf_puts(&buf, "mine"), RC_OK);
    text = buf_take(&buf);
    assert_string_equal(text, "mine");
    free(text);
    assert_int_equal(buf.length, 0);
    assert_int_equal(buf_puts(&buf, "next"), RC_OK);
    assert_string_equal(buf.data, "next");
    buf_release(&buf);
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_with_what_is_added),
        cmocka_unit_test(refuses_more_than_its_limit),
        cmocka_unit_test(adds_nothing_where_nothing_is_given),
        cmocka_unit_test(loses_its_front),
        cmocka_unit_test(lends_room_to_be_written),
        cmocka_unit_test(gives_its_content_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
