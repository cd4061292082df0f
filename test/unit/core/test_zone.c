/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets, changes and local times of real zones, and of some that only a rule can make. */
#include "base/instant.h"

#include "core/zone.h"

#include "table.h"
#include "tzif.h"
#include "zone_load.h"

static int64_t seconds(const char *text)
{
    instant_us instant;

    assert_int_equal(instant_parse(text, &instant, NULL), RC_OK);
    return instant / SECOND;
}

static struct zone *load(const char *name)
{
    struct zone *zone =
        strchr(name, ',') ? tzif_zone("Test/Rule", name) : zone_load("/usr/share/zoneinfo", name);

    assert_non_null(zone);
    return zone;
}

static void knows_offsets_and_changes(void **state)
{
    static const struct {
        const char *zone; /* or a rule */
        const char *instant;
        int offset_s;
        const char *next_change; /* NULL: never */
    } rows[] = {
        {"UTC", "2026-01-01T00:00:00Z", 0, NULL},
        {"Europe/Berlin", "2026-03-29T00:59:59Z", 3600, "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", 7200, "2026-10-25T01:00:00Z"},
        {"Europe/Berlin", "2437-03-29T01:00:00Z", 7200, "2437-10-25T01:00:00Z"},
        {"Europe/Berlin", "9999-12-01T00:00:00Z", 3600, NULL},
        {"America/New_York", "2026-11-01T05:59:59Z", -14400, "2026-11-01T06:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-04T14:59:59Z", 39600, "2026-04-04T15:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", 37800, "2026-10-03T15:30:00Z"},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000, "2011-12-30T10:00:00Z"},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400, "2012-03-31T14:00:00Z"},
        {"Europe/Dublin", "2026-07-01T00:00:00Z", 3600, "2026-10-25T01:00:00Z"},
        {"Europe/Dublin", "2050-07-01T00:00:00Z", 3600, "2050-10-30T01:00:00Z"},
        {"Europe/Dublin", "2050-12-01T00:00:00Z", 0, "2051-03-26T01:00:00Z"},
        {"Africa/Casablanca", "2026-02-15T02:00:00Z", 0, "2026-03-22T02:00:00Z"},
        {"America/St_Johns", "2010-03-14T03:30:59Z", -12600, "2010-03-14T03:31:00Z"},
        {"Asia/Kathmandu", "1985-12-31T18:30:00Z", 20700, NULL},
        {"Africa/Monrovia", "1972-01-01T00:00:00Z", -2670, "1972-01-07T00:44:30Z"},
        {"America/Sao_Paulo", "2026-01-01T00:00:00Z", -10800, NULL},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "1970-07-01T00:00:00Z", 7200, "1970-10-25T01:00:00Z"},
        {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-06-01T00:00:00Z", -7200, "2026-10-25T01:00:00Z"},
        {"AAA0BBB,J60/0,J300/0", "2028-01-01T00:00:00Z", 0, "2028-03-01T00:00:00Z"},
        {"AAA0BBB,59/0,300/0", "2028-01-01T00:00:00Z", 0, "2028-02-29T00:00:00Z"},
        {"AAA0BBB,59/0,300/0", "2027-01-01T00:00:00Z", 0, "2027-03-01T00:00:00Z"},
        {"EST5EDT,0/0,J365/25", "2026-01-01T02:00:00Z", -14400, NULL},
        {"AAA-5:30:15BBB-6,M12.5.0/167,M1.1.0/0", "2026-01-02T00:00:00Z", 19815,
         "2026-01-03T17:29:45Z"},
    };
    struct table table = {"knows_offsets_and_changes", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct zone *zone = load(rows[i].zone);
        int64_t at = seconds(rows[i].instant), next = zone_next_change(zone, at);
        char row[128];

        (void)snprintf(row, sizeof(row), "%s at %s", rows[i].zone, rows[i].instant);
        table_equal(&table, row, rows[i].offset_s, zone_offset(zone, at));
        if (next > INSTANT_MAX / SECOND)
            next = INT64_MAX;
        table_equal(&table, row, rows[i].next_change ? seconds(rows[i].next_change) : INT64_MAX,
                    next);
        zone_free(zone);
    }
    table_end(&table);
}

static void reads_the_wall_clock(void **state)
{
    static const struct {
        const char *zone;
        const char *local;
        int count;
        const char *first;
        const char *last;
        const char *reaching;
    } rows[] = {
        {"Europe/Berlin", "2026-03-29T01:59:59Z", 1, "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z",
         "2026-03-29T00:59:59Z"},
        {"Europe/Berlin", "2026-03-29T02:00:00Z", 0, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z",
         "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-03-29T02:59:59Z", 0, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z",
         "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-03-29T03:00:00Z", 1, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z",
         "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "2026-10-25T02:00:00Z", 2, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z",
         "2026-10-25T00:00:00Z"},
        {"Europe/Berlin", "2026-10-25T02:59:59Z", 2, "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z",
         "2026-10-25T00:59:59Z"},
        {"Europe/Berlin", "2026-10-25T03:00:00Z", 1, "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z",
         "2026-10-25T02:00:00Z"},
        {"Pacific/Apia", "2011-12-30T12:00:00Z", 0, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z",
         "2011-12-30T10:00:00Z"},
        {"Australia/Lord_Howe", "2026-04-05T01:45:00Z", 2, "2026-04-04T14:45:00Z",
         "2026-04-04T15:15:00Z", "2026-04-04T14:45:00Z"},
    };
    struct table table = {"reads_the_wall_clock", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct zone *zone = load(rows[i].zone);
        int64_t local_s = seconds(rows[i].local);
        struct zone_local local = zone_from_local(zone, local_s);

        table_equal(&table, rows[i].local, rows[i].count, local.count);
        table_equal(&table, rows[i].local, seconds(rows[i].first), local.first_s);
        table_equal(&table, rows[i].local, seconds(rows[i].last), local.last_s);
        table_equal(&table, rows[i].local, seconds(rows[i].reaching), zone_reaching(zone, local_s));
        zone_free(zone);
    }
    table_end(&table);
}

static void remembers_how_far_it_came(void **state)
{
    struct zone *zone = load("Europe/Berlin");
    int64_t end = seconds("2026-10-25T01:00:00Z"); /* of the hour from 02:00 that comes again */

    (void)state;
    assert_int_equal(zone_reached(zone, end - 1), end - 1 + 7200);
    assert_int_equal(zone_reached(zone, end), end - 1 + 7200);
    assert_int_equal(zone_reached(zone, end + 3599), end - 1 + 7200);
    assert_int_equal(zone_reached(zone, end + 3600), end + 7200);
    zone_free(zone);
}

/* 1 h forward, and back by 2 h before the skipped hour is over: it is shown after all. */
static void bears_jumps_close_together(void **state)
{
    static const int32_t offsets[] = {0, 3600, -3600};
    static const struct tzif_change changes[] = {{1000000, 1}, {1001800, 2}};
    struct tzif tzif = {'2', offsets, 3, changes, 2, "", 0};
    struct zone_local local;
    struct zone *zone;
    struct buf buf;

    (void)state;
    buf_init(&buf, 4096);
    tzif_write(&buf, &tzif);
    assert_int_equal(zone_parse("Test/Jumps", buf.data, buf.length, &zone, NULL), RC_OK);
    local = zone_from_local(zone, 1000900); /* inside the gap of the first */
    assert_int_equal(local.count, 1);
    assert_int_equal(local.first_s, 1004500);
    assert_int_equal(zone_reaching(zone, 1000900), 1000000);
    assert_int_equal(zone_reached(zone, 1004500), 1001799 + 3600);
    local = zone_from_local(zone, 999000); /* before the first, and again after the second */
    assert_int_equal(local.count, 2);
    assert_int_equal(local.first_s, 999000);
    assert_int_equal(local.last_s, 1002600);
    zone_free(zone);
    buf_release(&buf);
}

static void takes_any_number(void **state)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "EST5EDT,0/0,J365/25",
                                        "AAA0BBB,59/0,300/0"};
    static const int64_t instants[] = {INT64_MIN, INT64_MIN + 1, -(1LL << 60),
                                       1LL << 60, INT64_MAX - 1, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct zone *zone = load(names[i]);

        for (size_t k = 0; k < ARRAY_SIZE(instants); k++) {
            struct zone_segment segment = zone_segment(zone, instants[k]);

            assert_true(segment.start_s <= instants[k]);
            assert_true(segment.end_s >= instants[k]);
            assert_int_equal(segment.offset_s, zone_offset(zone, instants[k]));
            (void)zone_from_local(zone, instants[k]);
            (void)zone_reached(zone, instants[k]);
            assert_true(zone_next_change(zone, instants[k]) >= instants[k]);
        }
        zone_free(zone);
    }
}

static void checks_names(void **state)
{
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"UTC", true},
        {"Europe/Berlin", true},
        {"America/Argentina/Buenos_Aires", true},
        {"Etc/GMT+5", true},
        {"Etc/GMT-14", true},
        {"posix/UTC", true},
        {"a.b", true},
        {"...", true},
        {"", false},
        {"/UTC", false},
        {"UTC/", false},
        {"a//b", false},
        {".", false},
        {"..", false},
        {"../UTC", false},
        {"a/../b", false},
        {"a/./b", false},
        {"a b", false},
        {"Europe\\Berlin", false},
        {"a\n", false},
        {"\xc3\xa4", false},
        {":UTC", false},
        {"UTC;x", false},
    };
    struct table table = {"checks_names", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        table_equal(&table, rows[i].name, rows[i].valid, zone_name_is_valid(rows[i].name));
    table_end(&table);
}

static void has_utc_without_a_file(void **state)
{
    (void)state;
    assert_string_equal(zone_name(zone_utc()), "UTC");
    assert_int_equal(zone_offset(zone_utc(), 0), 0);
    assert_true(zone_next_change(zone_utc(), 0) == INT64_MAX);
    zone_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_offsets_and_changes), cmocka_unit_test(reads_the_wall_clock),
        cmocka_unit_test(remembers_how_far_it_came), cmocka_unit_test(bears_jumps_close_together),
        cmocka_unit_test(takes_any_number),          cmocka_unit_test(checks_names),
        cmocka_unit_test(has_utc_without_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
