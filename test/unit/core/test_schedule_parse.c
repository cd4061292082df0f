/* SPDX-License-Identifier: Apache-2.0 */
/* What is read, in its canonical form, and what is refused, in which words. */
#include "core/schedule.h"

#include "table.h"

/* The canonical form, or the message of the refusal. */
static const char *parse_and_print(const char *text, struct buf *printed)
{
    struct schedule schedule;
    struct err err;

    buf_reset(printed);
    if (schedule_parse(text, 0, &schedule, &err) == RC_OK)
        assert_int_equal(schedule_print(&schedule, printed), RC_OK);
    else
        assert_int_equal(buf_puts(printed, err.message), RC_OK);
    return printed->data;
}

static const struct {
    const char *text;
    const char *canonical;
} good[] = {
    {"* * * * *", "* * * * *"},
    {"*/5 * * * *", "*/5 * * * *"},
    {" \t 0\t9   * * 1-5  ", "0 9 * * 1-5"},
    {"00 09 01 01 *", "0 9 1 1 *"},
    {"0-59 0-23 1-31 1-12 0-6", "0-59 0-23 1-31 * 0-6"},
    {"0-59/5 * * * *", "0-55/5 * * * *"},
    {"0,15,30,45 * * * *", "0-45/15 * * * *"},
    {"5/20 * * * *", "5-45/20 * * * *"},
    {"59/20 * * * *", "59 * * * *"},
    {"1,2 3,4,5 * * *", "1,2 3-5 * * *"},
    {"5,3,4,1,5 * * * *", "1,3-5 * * * *"},
    {"*/60 * * * *", "*/60 * * * *"},
    {"0 */24 * * *", "0 */24 * * *"},
    {"*,5 * * * *", "* * * * *"},
    {"*/7,3 * * * *", "*/7,3 * * * *"},
    {"*/4,*/2 * * * *", "*/2 * * * *"},
    {"3,*/7 * * * *", "0,3,7,14,21,28,35,42,49,56 * * * *"},
    {"0 0 * JAN,mar,May *", "0 0 * 1-5/2 *"},
    {"0 0 * Jan-jun/2 MON-fri", "0 0 * 1-5/2 1-5"},
    {"0 0 * */3 *", "0 0 * */3 *"},
    {"0 0 * * 7", "0 0 * * 0"},
    {"0 0 * * 0", "0 0 * * 0"},
    {"0 0 * * 5-7", "0 0 * * 0,5,6"},
    {"0 0 * * SAT-SUN", "0 0 * * 0,6"},
    {"0 0 * * sun-sat", "0 0 * * 0-6"},
    {"0 0 * * 0-7", "0 0 * * 0-6"},
    {"0 0 * * 1/2", "0 0 * * 1-5/2"},
    {"0 0 * * */2", "0 0 * * */2"},
    {"0 0 * * */7", "0 0 * * */7"},
    {"0 0 ? * ?", "0 0 * * *"},
    {"0 0 */2 * ?", "0 0 */2 * *"},
    {"0 0 */31 * *", "0 0 */31 * *"},
    {"0 0 L * *", "0 0 L * *"},
    {"0 0 l-3,LW,15w,1 * *", "0 0 1,L-3,LW,15W * *"},
    {"0 0 L-0 * *", "0 0 L * *"},
    {"0 0 * * 5L", "0 0 * * 5L"},
    {"0 0 * * FRIL,mon#2,7#5,3", "0 0 * * 3,0#5,1#2,5L"},
    {"0 0 29 2 *", "0 0 29 2 *"},
    {"0 0 30 1,2 *", "0 0 30 1,2 *"},
    {"0 0 30 2 MON", "0 0 30 2 1"},
    {"0 * * * * *", "0 * * * * *"},
    {"0-59/5 0-59/10 */6 * * *", "*/5 */10 */6 * * *"},
    {"*/7,3 * * * * *", "0,3,7,14,21,28,35,42,49,56 * * * * *"},
    {"0 0 0 1 1 * *", "0 0 0 1 1 *"},
    {"0 0 0 1 1 * 1970-2225", "0 0 0 1 1 *"},
    {"0 0 0 1 1 ? 2026", "0 0 0 1 1 * 2026"},
    {"0 0 0 1 1 ? 2026-2030,2040/50", "0 0 0 1 1 * 2026-2030,2040,2090,2140,2190"},
    {"0 0 0 1 1 ? 2026/2", "0 0 0 1 1 * 2026-2224/2"},
    {"0 0 0 1 1 ? */2", "0 0 0 1 1 * */2"},
    {"0 0 0 29 2 ? 2023,2024", "0 0 0 29 2 * 2023,2024"},
    {"0 0 0 1 1 ? 1999", "0 0 0 1 1 * 1999"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
    {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {" @Hourly ", "0 * * * *"},
    {"@reboot", "@reboot"},
    {"@manual", "@manual"},
    {"@every 90", "@every 1m30s"},
    {"@every 1h30m", "@every 1h30m"},
    {"@every\t1d12h ", "@every 36h"},
    {"@every 1.5h", "@every 1h30m"},
    {"@every 1000ms", "@every 1s"},
    {"@at 2030-01-31T09:00:00Z", "@at 2030-01-31T09:00:00Z"},
    {"@at 2030-01-31 09:00:00.25+01:00", "@at 2030-01-31T08:00:00.250000Z"},
};

static void reads_the_language(void **state)
{
    struct table table = {"reads_the_language", 0, 0};
    struct buf printed;

    (void)state;
    buf_init(&printed, SCHEDULE_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        table_same(&table, good[i].text, good[i].canonical,
                   parse_and_print(good[i].text, &printed));
    buf_release(&printed);
    table_end(&table);
}

static void reads_back_what_it_prints(void **state)
{
    struct table table = {"reads_back_what_it_prints", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct schedule first, again;
        struct err err;

        assert_int_equal(schedule_parse(good[i].text, 0, &first, &err), RC_OK);
        assert_int_equal(schedule_parse(good[i].canonical, 0, &again, &err), RC_OK);
        table_equal(&table, good[i].text, true, schedule_equal(&first, &again));
        table_equal(&table, good[i].text, true, schedule_hash(&first) == schedule_hash(&again));
    }
    table_end(&table);
}

static const struct {
    const char *text;
    const char *message;
} bad[] = {
    {"", "the schedule is empty"},
    {" \t", "the schedule is empty"},
    {"* * * *", "expected 5 to 7 fields, found 4"},
    {"* * * * * * * *", "expected 5 to 7 fields, found 8"},
    {"0 9 * * 1-5\n", "day-of-week '1-5?': it does not end where it should"},
    {"75 * * * *", "minute 75 is not in 0-59"},
    {"60 * * * *", "minute 60 is not in 0-59"},
    {"* 24 * * *", "hour 24 is not in 0-23"},
    {"* * 0 * *", "day-of-month 0 is not in 1-31"},
    {"* * 32 * *", "day-of-month 32 is not in 1-31"},
    {"* * * 13 *", "month 13 is not in 1-12"},
    {"* * * 0 *", "month 0 is not in 1-12"},
    {"* * * * 8", "day-of-week 8 is not in 0-7"},
    {"60 * * * * *", "second 60 is not in 0-59"},
    {"0 0 0 1 1 * 1969", "year 1969 is not in 1970-2225"},
    {"0 0 0 1 1 * 2226", "year 2226 is not in 1970-2225"},
    {"99999999999999999999 * * * *", "minute 99999 is not in 0-59"},
    {"-5 * * * *", "minute '-5' is not in 0-59"},
    {"5- * * * *", "minute '5-' is not in 0-59"},
    {"x * * * *", "minute 'x' is not in 0-59"},
    {"? * * * *", "minute '?' is not in 0-59"},
    {"1.5 * * * *", "minute '1.5': it does not end where it should"},
    {"5x * * * *", "minute '5x': it does not end where it should"},
    {"+5 * * * *", "minute '+5' is not in 0-59"},
    {"** * * * *", "minute '**': it does not end where it should"},
    {"*-5 * * * *", "minute '*-5': it does not end where it should"},
    {"1,,2 * * * *", "minute: an item of the list is empty"},
    {"1, * * * *", "minute: an item of the list is empty"},
    {",1 * * * *", "minute: an item of the list is empty"},
    {"5-1 * * * *", "minute '5-1': the range runs backwards"},
    {"0 0 * * FRI-MON", "day-of-week 'FRI-MON': the range runs backwards"},
    {"0 0 * * 6-0", "day-of-week '6-0': the range runs backwards"},
    {"0 */0 * * *", "hour '*/0': step 0 is not in 1-24"},
    {"*/61 * * * *", "minute '*/61': step 61 is not in 1-60"},
    {"0-30/90 * * * *", "minute '0-30/90': step 90 is not in 1-60"},
    {"*/ * * * *", "minute '*/': a step is a number"},
    {"*/-5 * * * *", "minute '*/-5': a step is a number"},
    {"*/5/5 * * * *", "minute '*/5/5': it does not end where it should"},
    {"0 0 * FOO *", "month 'FOO' is not a name (JAN-DEC) or in 1-12"},
    {"0 0 * * MONDAY", "day-of-week 'MONDAY' is not a name (SUN-SAT) or in 0-7"},
    {"0 0 * * MO", "day-of-week 'MO' is not a name (SUN-SAT) or in 0-7"},
    {"MON 0 * * *", "minute 'MON' is not in 0-59"},
    {"0 0 L-31 * *", "day-of-month 'L-31': L minus 31 is not in 0-30"},
    {"0 0 L- * *", "day-of-month 'L-': expected L-number"},
    {"0 0 32W * *", "day-of-month 32 is not in 1-31"},
    {"0 0 1-5W * *", "day-of-month '1-5W': it does not end where it should"},
    {"0 0 W * *", "day-of-month 'W' is not in 1-31"},
    {"0 0 * L *", "month 'L' is not a name (JAN-DEC) or in 1-12"},
    {"0 0 * * L", "day-of-week 'L' is not a name (SUN-SAT) or in 0-7"},
    {"0 0 * * MON#6", "day-of-week 'MON#6': week 6 is not in 1-5"},
    {"0 0 * * MON#0", "day-of-week 'MON#0': week 0 is not in 1-5"},
    {"0 0 * * MON#", "day-of-week 'MON#': expected a number after #"},
    {"0 0 * * #2", "day-of-week '#2' is not a name (SUN-SAT) or in 0-7"},
    {"0 0 5#2 * *", "day-of-month '5#2': it does not end where it should"},
    {"H(5-1) * * * *", "minute 'H(5-1)': the range runs backwards"},
    {"H(5) * * * *", "minute 'H(5)': expected H(first-last)"},
    {"H(5-8 * * * *", "minute 'H(5-8': expected H(first-last)"},
    {"H/0 * * * *", "minute 'H/0': step 0 is not in 1-60"},
    {"30~10 * * * *", "minute '30~10': the range runs backwards"},
    {"0~60 * * * *", "minute 60 is not in 0-59"},
    {"^ * * * *", "minute '^' is not in 0-59"},
    {"0 0 0 1 1 * H", "year 'H': a year can only be drawn between bounds"},
    {"0 0 0 1 1 * ~", "year '~': a year can only be drawn between bounds"},
    {"\xc3\xa4 * * * *", "minute '\?\?' is not in 0-59"},
    {"0 0 30 2 *", "never due: no February 30"},
    {"0 0 31 11 *", "never due: no November 31"},
    {"0 0 31 4,6,9,11 *", "never due: no day 31 in any of these months"},
    {"0 0 30,31 2 ?", "never due: no February 30"},
    {"0 0 31W 2 *", "never due: no date matches these days and months"},
    {"0 0 L-30 2 *", "never due: no date matches these days and months"},
    {"0 0 */31 * MON#2", "never due: no date matches these days and months"},
    {"0 0 0 29 2 * 2023", "never due: no February 29 in these years"},
    {"@foo", "'@foo' is not one of @yearly @annually @monthly @weekly @daily @midnight @hourly "
             "@every @at @reboot @manual"},
    {"@daily 5", "@daily takes nothing after it"},
    {"@reboot now", "@reboot takes nothing after it"},
    {"@every", "@every needs a duration: @every 90s"},
    {"@every  ", "@every needs a duration: @every 90s"},
    {"@every 0s", "@every takes whole seconds, at least 1s"},
    {"@every 500ms", "@every takes whole seconds, at least 1s"},
    {"@every 1.5s", "@every takes whole seconds, at least 1s"},
    {"@every -5s", "@every: '-5s' is not a duration like 90s, 5m or 1h30m"},
    {"@every 5m 3s", "@every: '5m 3s' is not a duration like 90s, 5m or 1h30m"},
    {"@at", "@at needs a time: @at 2030-01-31T09:00:00Z"},
    {"@at tomorrow", "@at: 'tomorrow' is not an RFC 3339 time like 2030-01-31T09:00:00Z"},
    {"@at 2030-02-30T09:00:00Z",
     "@at: '2030-02-30T09:00:00Z' is not a date and time of the calendar"},
    {"CRON_TZ=UTC * * * * *", "second 'CRON_TZ=UTC' is not in 0-59"},
};

static void says_what_is_wrong(void **state)
{
    struct table table = {"says_what_is_wrong", 0, 0};
    struct buf printed;

    (void)state;
    buf_init(&printed, SCHEDULE_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        table_same(&table, bad[i].text, bad[i].message, parse_and_print(bad[i].text, &printed));
    buf_release(&printed);
    table_end(&table);
}

static void limits_the_text(void **state)
{
    char text[SCHEDULE_TEXT_MAX + 2];
    struct schedule schedule;
    struct err err;

    (void)state;
    memset(text, ' ', sizeof(text));
    memcpy(text, "* * * * *", 9);
    text[SCHEDULE_TEXT_MAX] = '\0';
    assert_int_equal(schedule_parse(text, 0, &schedule, &err), RC_OK);
    text[SCHEDULE_TEXT_MAX] = ' ';
    text[SCHEDULE_TEXT_MAX + 1] = '\0';
    assert_int_equal(schedule_parse(text, 0, &schedule, &err), RC_INVALID);
    assert_string_equal(err.message, "the schedule is longer than 1000 bytes");
    assert_int_equal(schedule_parse("x", 0, &schedule, NULL), RC_INVALID);
}

static void refuses_what_it_could_not_print(void **state)
{
    static const char text[] =
        "*/7,*/11 */7,*/11 */5,*/7 */3,*/7,L,L-1,L-2,L-3,L-4,L-5,L-6,L-7,L-8,L-9,L-10,L-11,L-12,"
        "L-13,L-14,L-15,L-16,L-17,L-18,L-19,L-20,LW,1W,2W,3W,4W,5W,6W,7W,8W,9W,10W,11W,12W,13W,14W,"
        "15W,16W,17W,18W,19W,20W */2 0#1,0#2,0#3,0#4,0#5,1#1,1#2,1#3,1#4,1#5,2#1,2#2,2#3,2#4,2#5 "
        "1970/3,1971/3";
    struct schedule schedule;
    struct err err;

    (void)state;
    assert_int_equal(schedule_parse(text, 0, &schedule, &err), RC_INVALID);
    assert_string_equal(err.message, "the schedule has too many irregular values");
}

static void splits_the_zone_off(void **state)
{
    static const struct {
        const char *text;
        const char *zone;
        const char *rest; /* or the error, when there is no zone */
    } rows[] = {
        {"0 9 * * *", "", "0 9 * * *"},
        {"  0 9 * * *", "", "  0 9 * * *"},
        {"CRON_TZ=Europe/Berlin 0 9 * * *", "Europe/Berlin", "0 9 * * *"},
        {" TZ=UTC \t@daily", "UTC", "@daily"},
        {"TZ=\"America/New_York\" @daily", "America/New_York", "@daily"},
        {"CRON_TZ='Etc/GMT+5'  @daily", "Etc/GMT+5", "@daily"},
        {"TZ=UTC", "UTC", ""},
        {"TZ= @daily", NULL, "'' is not the name of a time zone"},
        {"TZ=\"\" @daily", NULL, "'' is not the name of a time zone"},
        {"TZ=\"UTC @daily", NULL, "'\"UTC' is not the name of a time zone"},
        {"TZ=\"UTC\"@daily", NULL, "a blank must follow the time zone"},
        {"TZ=../../etc/passwd @daily", NULL, "'../../etc/passwd' is not the name of a time zone"},
        {"TZ=/etc/localtime @daily", NULL, "'/etc/localtime' is not the name of a time zone"},
        {"TZ=:UTC @daily", NULL, "':UTC' is not the name of a time zone"},
    };
    struct table table = {"splits_the_zone_off", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char zone[ZONE_NAME_MAX];
        const char *rest = NULL;
        struct err err = {0};
        enum rc rc = schedule_split_zone(rows[i].text, zone, &rest, &err);

        table_equal(&table, rows[i].text, rows[i].zone ? RC_OK : RC_INVALID, rc);
        if (rc == RC_OK && rows[i].zone)
            table_same(&table, rows[i].text, rows[i].zone, zone);
        table_same(&table, rows[i].text, rows[i].rest, rc == RC_OK ? rest : err.message);
    }
    table_end(&table);
}

static void limits_the_name_of_a_zone(void **state)
{
    char text[] = "TZ=Europe/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB @daily";
    char zone[ZONE_NAME_MAX];
    const char *rest;

    (void)state;
    assert_int_equal(schedule_split_zone(text, zone, &rest, NULL), RC_INVALID);
    *strchr(text, 'B') = ' ';
    assert_int_equal(schedule_split_zone(text, zone, &rest, NULL), RC_OK);
    assert_int_equal(strlen(zone), ZONE_NAME_MAX - 1);
}

static void tells_schedules_apart(void **state)
{
    static const char *const texts[] = {
        "* * * * *",        "0-59 * * * *", "0 * * * * *",
        "0 0 1 * *",        "0 0 1W * *",   "0 0 L * *",
        "0 0 * * 1",        "0 0 * * 1L",   "0 0 * * 1#1",
        "0 0 1-31 * 1",     "@reboot",      "@manual",
        "@every 1s",        "@every 2s",    "@at 1970-01-01T00:00:01Z",
        "0 0 0 1 1 * 2026",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
            struct schedule a, b;

            assert_int_equal(schedule_parse(texts[i], 0, &a, NULL), RC_OK);
            assert_int_equal(schedule_parse(texts[k], 0, &b, NULL), RC_OK);
            assert_int_equal(schedule_equal(&a, &b), i == k);
            assert_int_equal(schedule_hash(&a) == schedule_hash(&b), i == k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_language),
        cmocka_unit_test(reads_back_what_it_prints),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(limits_the_text),
        cmocka_unit_test(refuses_what_it_could_not_print),
        cmocka_unit_test(splits_the_zone_off),
        cmocka_unit_test(limits_the_name_of_a_zone),
        cmocka_unit_test(tells_schedules_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
