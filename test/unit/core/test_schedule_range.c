/* SPDX-License-Identifier: Apache-2.0 */
/* schedule_last() and schedule_count() against going from tick to tick. */
#include "core/schedule.h"
#include "core/zone.h"

#include "table.h"
#include "zone_load.h"

static const char *const texts[] = {
    "*/5 * * * *", "30 2 * * *",     "0,20,40 2,3 * * *", "0 0 L * *",     "0 30 2 * * *",
    "0 0 13 * 5",  "*/20 * * * * *", "0 0 29 2 *",        "H H * * 1-5",   "0 0 0 1 1 ? 2011-2012",
    "@every 7h",   "59 23 31 12 *",  "0 0 1,L,15W * 1#1", "15 2 * 3,10 *",
};

static const struct {
    const char *zone;
    const char *from;
    int days;
} stretches[] = {
    {"UTC", "2026-02-20T10:00:00Z", 20},
    {"Europe/Berlin", "2026-03-20T00:00:00Z", 20},
    {"Europe/Berlin", "2026-10-20T00:00:01Z", 10},
    {"Pacific/Apia", "2011-12-25T00:00:00Z", 12},
    {"Australia/Lord_Howe", "2026-04-01T00:00:00Z", 8},
    {"America/St_Johns", "2010-11-01T00:00:00Z", 10},
    {"Africa/Monrovia", "1972-01-01T00:00:00Z", 9},
    {"America/New_York", "2099-10-25T00:00:00Z", 14},
};

/* From every start, the count and the last tick up to each of the ticks and just before it. */
static void check_stretch(struct table *table, const char *text, const struct zone *zone,
                          instant_us from, instant_us until)
{
    instant_us anchor = from - 3 * HOUR, tick = from, before = INSTANT_NONE, found;
    struct schedule schedule;
    int64_t count = 0;

    assert_int_equal(schedule_parse(text, 99, &schedule, NULL), RC_OK);
    while (schedule_next(&schedule, zone, anchor, tick, &tick) == RC_OK && tick <= until) {
        if (count % 7 == 0 || count < 200) {
            table_equal(table, text, count,
                        schedule_count(&schedule, zone, anchor, from, tick - 1));
            if (schedule_last(&schedule, zone, anchor, from, tick - 1, &found) != RC_OK)
                found = INSTANT_NONE;
            table_equal(table, text, before, found);
        }
        count++;
        table_equal(table, text, 1, schedule_count(&schedule, zone, anchor, tick - 1, tick));
        before = tick;
    }
    table_equal(table, text, count, schedule_count(&schedule, zone, anchor, from, until));
    if (schedule_last(&schedule, zone, anchor, from, until, &found) != RC_OK)
        found = INSTANT_NONE;
    table_equal(table, text, before, found);
}

static void agree_with_going_from_tick_to_tick(void **state)
{
    struct table table = {"agree_with_going_from_tick_to_tick", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(stretches); i++) {
        struct zone *zone = zone_load("/usr/share/zoneinfo", stretches[i].zone);
        instant_us from;

        assert_non_null(zone);
        assert_int_equal(instant_parse(stretches[i].from, &from, NULL), RC_OK);
        for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
            check_stretch(&table, texts[k], zone, from, from + stretches[i].days * DAY);
        zone_free(zone);
    }
    table_end(&table);
}

static void count_years_at_once(void **state)
{
    static const struct {
        const char *text;
        const char *zone;
        const char *from;
        const char *until;
        long long count;
        const char *last;
    } rows[] = {
        {"* * * * * *", "UTC", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", 315619200,
         "2030-01-01T00:00:00Z"},
        {"* * * * * *", "Europe/Berlin", "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z", 3155673600,
         "2120-01-01T00:00:00Z"},
        {"0 0 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 365,
         "2026-12-31T23:00:00Z"},
        {"30 2 * * *", "Europe/Berlin", "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z", 36525,
         "2099-12-31T01:30:00Z"},
        {"0 30 2 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 365,
         "2026-12-31T01:30:00Z"},
        {"0 0 29 2 *", "UTC", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 1947,
         "9996-02-29T00:00:00Z"},
        {"0,30 2 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 729,
         "2026-12-31T01:30:00Z"},
        {"@every 1s", "UTC", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 253402300799,
         "9999-12-31T23:59:59Z"},
    };
    struct table table = {"count_years_at_once", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct zone *zone = zone_load("/usr/share/zoneinfo", rows[i].zone);
        instant_us from, until, last;
        struct schedule schedule;
        char text[INSTANT_TEXT];

        assert_int_equal(schedule_parse(rows[i].text, 0, &schedule, NULL), RC_OK);
        assert_int_equal(instant_parse(rows[i].from, &from, NULL), RC_OK);
        assert_int_equal(instant_parse(rows[i].until, &until, NULL), RC_OK);
        table_equal(&table, rows[i].text, rows[i].count,
                    schedule_count(&schedule, zone, 0, from, until));
        assert_int_equal(schedule_last(&schedule, zone, 0, from, until, &last), RC_OK);
        table_same(&table, rows[i].text, rows[i].last, instant_format(last, text));
        zone_free(zone);
    }
    table_end(&table);
}

static void are_empty_when_the_stretch_is(void **state)
{
    static const char *const all[] = {"* * * * *", "0 0 * * *", "@every 1s",
                                      "@reboot",   "@manual",   "@at 1970-01-01T00:00:10Z"};
    struct schedule schedule;
    instant_us tick;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(schedule_parse(all[i], 0, &schedule, NULL), RC_OK);
        assert_int_equal(schedule_count(&schedule, zone_utc(), 0, 1000 * DAY, 1000 * DAY), 0);
        assert_int_equal(schedule_count(&schedule, zone_utc(), 0, 1001 * DAY, 1000 * DAY), 0);
        assert_int_equal(schedule_last(&schedule, zone_utc(), 0, 1001 * DAY, 1000 * DAY, &tick),
                         RC_NEVER);
        assert_int_equal(
            schedule_last(&schedule, zone_utc(), 0, 1000 * DAY + 1, 1000 * DAY + 2, &tick),
            RC_NEVER);
    }
    assert_int_equal(schedule_parse(all[5], 0, &schedule, NULL), RC_OK);
    assert_int_equal(schedule_count(&schedule, zone_utc(), 0, 0, 10 * SECOND), 1);
    assert_int_equal(schedule_last(&schedule, zone_utc(), 0, 0, 10 * SECOND, &tick), RC_OK);
    assert_int_equal(tick, 10 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_with_going_from_tick_to_tick),
        cmocka_unit_test(count_years_at_once),
        cmocka_unit_test(are_empty_when_the_stretch_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
