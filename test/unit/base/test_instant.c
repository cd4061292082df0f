/* SPDX-License-Identifier: Apache-2.0 */
#include "base/instant.h"

#include "table.h"

static void reads_and_writes_instants(void **state)
{
    static const struct {
        const char *text;
        const char *written; /* NULL when it is refused */
    } rows[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"2030-01-31T09:00:00Z", "2030-01-31T09:00:00Z"},
        {"2030-01-31t09:00:00z", "2030-01-31T09:00:00Z"},
        {"2030-01-31 09:00:00Z", "2030-01-31T09:00:00Z"},
        {"2030-01-31T09:00:00+02:00", "2030-01-31T07:00:00Z"},
        {"2030-01-31T20:00:00-05:30", "2030-02-01T01:30:00Z"},
        {"2030-01-31T09:00:00.5Z", "2030-01-31T09:00:00.500000Z"},
        {"2030-01-31T09:00:00.000001Z", "2030-01-31T09:00:00.000001Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
        {"2023-02-29T00:00:00Z", NULL},
        {"2100-02-29T00:00:00Z", NULL},
        {"2030-04-31T00:00:00Z", NULL},
        {"2030-00-01T00:00:00Z", NULL},
        {"2030-13-01T00:00:00Z", NULL},
        {"2030-01-00T00:00:00Z", NULL},
        {"2030-01-01T24:00:00Z", NULL},
        {"2030-01-01T00:60:00Z", NULL},
        {"2030-01-01T00:00:60Z", NULL},
        {"1969-12-31T23:59:59Z", NULL},
        {"1970-01-01T00:00:00+00:01", NULL},
        {"9999-12-31T23:59:59-00:01", NULL},
        {"2030-01-31T09:00:00", NULL},
        {"2030-01-31T09:00Z", NULL},
        {"2030-01-31", NULL},
        {"2030-1-31T09:00:00Z", NULL},
        {"2030-01-31T09:00:00.Z", NULL},
        {"2030-01-31T09:00:00.1234567Z", NULL},
        {"2030-01-31T09:00:00+2:00", NULL},
        {"2030-01-31T09:00:00+24:00", NULL},
        {"2030-01-31T09:00:00Z ", NULL},
        {"", NULL},
        {"now", NULL},
    };
    struct table table = {"reads_and_writes_instants", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[INSTANT_TEXT];
        struct err err = {0};
        instant_us instant;
        enum rc rc = instant_parse(rows[i].text, &instant, &err);

        table_equal(&table, rows[i].text, rows[i].written ? RC_OK : RC_INVALID, rc);
        if (rc == RC_OK && rows[i].written)
            table_same(&table, rows[i].text, rows[i].written, instant_format(instant, text));
        if (rc != RC_OK)
            assert_true(err.message[0]);
    }
    table_end(&table);
}

static void reads_and_writes_spans(void **state)
{
    static const struct {
        const char *text;
        const char *written; /* NULL when it is refused */
    } rows[] = {
        {"0", "0s"},
        {"90", "1m30s"},
        {"90s", "1m30s"},
        {"1h30m", "1h30m"},
        {"1d12h", "36h"},
        {"1w", "168h"},
        {"250ms", "250ms"},
        {"1.5s", "1s500ms"},
        {"1.5h", "1h30m"},
        {"0.001s", "1ms"},
        {"1s500ms", "1s500ms"},
        {"36525d", "876600h"},
        {"", NULL},
        {"s", NULL},
        {"-5s", NULL},
        {"5x", NULL},
        {"5m3h", NULL},
        {"5s5s", NULL},
        {"5m3", NULL},
        {"5 m", NULL},
        {"1.s", NULL},
        {".5s", NULL},
        {"1000000d", NULL},
        {"99999999999999999999", NULL},
        {"101w36600d", NULL},
        {"1e3", NULL},
        {"5m ", NULL},
        {"5M", NULL},
    };
    struct table table = {"reads_and_writes_spans", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[SPAN_TEXT];
        span_us span;
        enum rc rc = span_parse(rows[i].text, &span, NULL);

        table_equal(&table, rows[i].text, rows[i].written ? RC_OK : RC_INVALID, rc);
        if (rc == RC_OK && rows[i].written)
            table_same(&table, rows[i].text, rows[i].written, span_format(span, text));
    }
    table_end(&table);
}

static void counts_days_both_ways(void **state)
{
    (void)state;
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days_from_civil(2000, 3, 1), 11017);
    for (int64_t day = -200000; day < 3000000; day += 61) {
        int64_t year;
        int month, day_of_month;

        civil_from_days(day, &year, &month, &day_of_month);
        assert_true(month >= 1 && month <= 12 && day_of_month >= 1 && day_of_month <= 31);
        assert_int_equal(days_from_civil(year, month, day_of_month), day);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_instants),
        cmocka_unit_test(reads_and_writes_spans),
        cmocka_unit_test(counts_days_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
