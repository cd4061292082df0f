/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backend.h"

#include "table.h"

static void a_backend_is_printed_and_read(void **state)
{
    static const struct {
        struct backend backend;
        const char *text;
    } rows[] = {
        {{.crontab = false}, "timer"},
        {{true, CRON_WAITING, "UTC"}, "crontab waiting UTC"},
        {{true, CRON_CALLS, "Europe/Berlin"}, "crontab calls Europe/Berlin"},
        {{true, CRON_SILENT, "Etc/GMT+5"}, "crontab silent Etc/GMT+5"},
        {{true, CRON_UNWRITTEN, "America/Argentina/ComodRivadavia"},
         "crontab unwritten America/Argentina/ComodRivadavia"},
    };
    struct table table = {"a_backend_is_printed_and_read", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct backend read = backend_parse(rows[i].text);
        char text[BACKEND_TEXT];

        table_same(&table, rows[i].text, rows[i].text, backend_print(&rows[i].backend, text));
        table_equal(&table, rows[i].text, rows[i].backend.crontab, read.crontab);
        table_equal(&table, rows[i].text, rows[i].backend.cron, read.cron);
        table_same(&table, rows[i].text, rows[i].backend.time_zone, read.time_zone);
    }
    table_end(&table);
}

static void what_is_not_understood_is_a_timer(void **state)
{
    static const char *const rows[] = {
        "",
        "timer ",
        "crontab",
        "crontab ",
        "crontab calls",
        "crontab calls ",
        "crontab sings UTC",
        "crontab calls ../etc",
        "crontab callsUTC",
        "tables calls UTC",
        "crontab calls A234567890123456789012345678901234567890123456789012345678901234567890"};
    struct table table = {"what_is_not_understood_is_a_timer", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        table_equal(&table, rows[i], false, backend_parse(rows[i]).crontab);
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backend_is_printed_and_read),
        cmocka_unit_test(what_is_not_understood_is_a_timer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
