/* SPDX-License-Identifier: Apache-2.0 */
#include "http/date.h"
#include "table.h"

static void reads_dates_of_headers(void **state)
{
    static const struct {
        const char *text;
        instant_us expected;
    } rows[] = {
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 24 Nov 2026 07:55:00 GMT", 1795506900 * SECOND},
        {"Thu, 29 Feb 2024 23:59:60 GMT", 1709251200 * SECOND},
        {"Tue, 24 Nov 1969 07:55:00 GMT", INSTANT_NONE},
        {"Tue, 24 Nox 2026 07:55:00 GMT", INSTANT_NONE},
        {"Tue, 24 anF 2026 07:55:00 GMT", INSTANT_NONE},
        {"Tue, 24 N 2026 07:55:00 GMT", INSTANT_NONE},
        {"Tue, 32 Nov 2026 07:55:00 GMT", INSTANT_NONE},
        {"Tue, 24 Nov 2026 24:55:00 GMT", INSTANT_NONE},
        {"Tue, 24 Nov 2026 -1:55:00 GMT", INSTANT_NONE},
        {"2026-11-24T07:55:00Z", INSTANT_NONE},
        {"", INSTANT_NONE},
        {NULL, INSTANT_NONE},
    };
    struct table table = {.name = "dates"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        table_equal(&table, rows[i].text ? rows[i].text : "NULL", rows[i].expected,
                    http_date_read(rows[i].text));
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_dates_of_headers)};

    return cmocka_run_group_tests_name("dates", tests, NULL, NULL);
}
