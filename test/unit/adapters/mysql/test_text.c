/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compiler.h"

#include "adapters/mysql/text.h"
#include "testing.h"

#define NOW MYSQL_TEXT_NOW

static void texts_are_told_as_a_server_takes_them(void **state)
{
    static const struct {
        const char *source;
        bool now_is_value;
        const char *text;
        size_t count;
        uint8_t values[4];
    } rows[] = {
        {"SELECT 1", false, "SELECT 1", 0, {0}},
        {"a = ? AND b = ?", false, "a = ? AND b = ?", 2, {0, 1}},
        {"a = ?2 AND b = ?1 OR ?2", false, "a = ? AND b = ? OR ?", 3, {1, 0, 1}},
        {"?12", false, "?", 1, {11}},
        {"'?1' = ?1", false, "'?1' = ?", 1, {0}},
        {"`store_now()` = ?1", false, "`store_now()` = ?", 1, {0}},
        {"store_now() < ?1", true, "? < ?", 2, {NOW, 0}},
        {"x < store_now()",
         false,
         "x < CAST(unix_timestamp(sysdate(6)) * 1000000 AS SIGNED)",
         0,
         {0}},
        {"COLLATE store_collation", false, "COLLATE some_bin", 0, {0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct mysql_text text;

        mysql_text_init(&text, rows[i].source, "some_bin", rows[i].now_is_value);
        assert_string_equal(text.text.data, rows[i].text);
        assert_int_equal(text.count, rows[i].count);
        assert_memory_equal(text.values, rows[i].values, rows[i].count);
        mysql_text_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_told_as_a_server_takes_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
