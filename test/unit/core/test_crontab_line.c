/* SPDX-License-Identifier: Apache-2.0 */
/* Which jobs a plain line of Debian's cron can say, and how. */
#include "core/crontab.h"
#include "core/crontab_line.h"

#include "table.h"
#include "zone_load.h"

static const struct zone *zone_of(const char *name)
{
    static struct {
        const char *name;
        const struct zone *zone;
    } known[8];

    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (!known[i].name) {
            known[i].name = name;
            known[i].zone = zone_load("/usr/share/zoneinfo", name);
            assert_non_null(known[i].zone);
        }
        if (strcmp(known[i].name, name) == 0)
            return known[i].zone;
    }
    fail_msg("more zones than expected");
    return NULL;
}

static struct crontab_timing timing_of(struct schedule *schedule, const char *text)
{
    struct err err = {0};

    if (schedule_parse(text, 7, schedule, &err) != RC_OK)
        fail_msg("%s: %s", text, err.message);
    return (struct crontab_timing){.schedule = schedule,
                                   .zone = zone_of("Europe/Berlin"),
                                   .local = zone_of("Europe/Berlin"),
                                   .starts_at = INSTANT_NONE,
                                   .ends_at = INSTANT_NONE};
}

/* ---- what a line can say ----------------------------------------------------------------------
 */

static const struct {
    const char *schedule;
    const char *said; /* the fields, or what stands in their way */
} rows[] = {
    {"* * * * *", "* * * * *"},
    {"*/5 * * * *", "*/5 * * * *"},
    {"30 2 * * MON-FRI", "30 2 * * 1-5"},
    {"0 0 1 JAN *", "0 0 1 1 *"},
    {"0 12 * * 7", "0 12 * * 0"},
    {"0 0 13 * 5", "0 0 13 * 5"},
    {"0 0 */2 * 1", "0 0 */2 * 1"},
    {"0 0 ? * 1", "0 0 * * 1"},
    {"1,2,3,10-20/5 * * * *", "1-3,10,15,20 * * * *"},
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"0 * * * * *", "seconds or years"},
    {"0 0 0 1 1 * 2030", "seconds or years"},
    {"H * * * *", "values drawn by H or ~"},
    {"H/15 * * * *", "values drawn by H or ~"},
    {"0 1~5 * * *", "values drawn by H or ~"},
    {"~ * * * *", "values drawn by H or ~"},
    {"0 0 L * *", "days by L, W or #"},
    {"0 0 L-3 * *", "days by L, W or #"},
    {"0 0 LW * *", "days by L, W or #"},
    {"0 0 15W * *", "days by L, W or #"},
    {"0 0 * * 5L", "days by L, W or #"},
    {"0 0 * * 1#2", "days by L, W or #"},
    {"@every 1h", "an @ form that is no set of fields"},
    {"@at 2030-01-01T00:00:00Z", "an @ form that is no set of fields"},
    {"@reboot", "an @ form that is no set of fields"},
    {"@manual", "an @ form that is no set of fields"},
};

static void a_plain_schedule_becomes_five_fields(void **state)
{
    struct table table = {"a_plain_schedule_becomes_five_fields", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct schedule schedule;
        struct crontab_timing timing = timing_of(&schedule, rows[i].schedule);
        const char *obstacle = crontab_obstacle(&timing);
        char fields[CRONTAB_FIELDS] = "";

        table_equal(&table, rows[i].schedule, !obstacle, crontab_fields(&timing, fields));
        table_same(&table, rows[i].schedule, rows[i].said, obstacle ? obstacle : fields);
    }
    table_end(&table);
}

/* What cron will read is the same schedule, with its stars where they were: they decide about days,
 * and about changes of local time. */
static void fields_mean_what_the_schedule_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct schedule schedule, read;
        struct crontab_timing timing = timing_of(&schedule, rows[i].schedule);
        char fields[CRONTAB_FIELDS], line[CRONTAB_FIELDS + 16];
        struct crontab crontab;
        AUTO_ARENA struct arena arena = {0};

        if (!crontab_fields(&timing, fields))
            continue;
        (void)snprintf(line, sizeof(line), "%s root x\n", fields);
        assert_int_equal(crontab_parse(line, strlen(line), CRONTAB_SYSTEM, &arena, &crontab, NULL),
                         RC_OK);
        assert_int_equal(crontab.problem_count, 0);
        assert_int_equal(crontab.entry_count, 1);
        assert_int_equal(schedule_parse(fields, 7, &read, NULL), RC_OK);
        assert_memory_equal(&read, &schedule, sizeof(read));
        assert_null(strpbrk(fields, "%~HLW#?ABCDEFGIJKMNOPQRSTUVXYZ\n"));
    }
}

static void any_minutes_fit(void **state)
{
    char text[CRONTAB_FIELDS] = "", fields[CRONTAB_FIELDS];
    struct schedule schedule;
    struct crontab_timing timing;
    size_t length = 0;

    (void)state;
    for (int minute = 0; minute < 60; minute += minute % 7 == 3 ? 1 : 2)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%d", length ? "," : "",
                                   minute);
    (void)snprintf(text + length, sizeof(text) - length,
                   " 0,2,4,7,9,12,15,17,19,21,23 1,3,6,8,11,13,16,18,21,23,26,28,30 1,3,6,8,11 "
                   "0,2,4,6");
    timing = timing_of(&schedule, text);
    assert_true(crontab_fields(&timing, fields));
}

static void a_line_is_due_in_the_nodes_zone_without_policy(void **state)
{
    static const struct {
        const char *zone, *local;
        instant_us starts_at, ends_at;
        span_us jitter;
        const char *obstacle; /* "": none */
    } timings[] = {
        {"Europe/Berlin", "Europe/Berlin", INSTANT_NONE, INSTANT_NONE, 0, ""},
        {"Europe/Berlin", "Etc/UTC", INSTANT_NONE, INSTANT_NONE, 0,
         "a time zone that is not the node's"},
        {"UTC", "Etc/UTC", INSTANT_NONE, INSTANT_NONE, 0, ""},
        {"Africa/Abidjan", "Etc/UTC", INSTANT_NONE, INSTANT_NONE, 0, ""}, /* since 1912 */
        {"Europe/Berlin", "Europe/Paris", INSTANT_NONE, INSTANT_NONE, 0,
         "a time zone that is not the node's"}, /* the same today, and who knows tomorrow */
        {"Europe/Berlin", "Europe/Berlin", 0, INSTANT_NONE, 0, "a beginning or an end"},
        {"Europe/Berlin", "Europe/Berlin", INSTANT_NONE, SECOND, 0, "a beginning or an end"},
        {"Europe/Berlin", "Europe/Berlin", INSTANT_NONE, INSTANT_NONE, SECOND, "jitter"},
    };
    struct table table = {"a_line_is_due_in_the_nodes_zone_without_policy", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(timings); i++) {
        struct schedule schedule;
        struct crontab_timing timing = timing_of(&schedule, "* * * * *");
        const char *obstacle;

        timing.zone = zone_of(timings[i].zone);
        timing.local = zone_of(timings[i].local);
        timing.starts_at = timings[i].starts_at;
        timing.ends_at = timings[i].ends_at;
        timing.jitter = timings[i].jitter;
        obstacle = crontab_obstacle(&timing);
        table_same(&table, timings[i].zone, timings[i].obstacle, obstacle ? obstacle : "");
    }
    table_end(&table);
}

/* ---- the text ---------------------------------------------------------------------------------
 */

static const struct crontab_line lines[] = {{1, "* * * * *"}, {12, "30 2 * * 1-5"}};

static void a_file_has_a_head_and_an_account(void **state)
{
    const struct crontab_frame frame = {"root", "/usr/bin/cronjob", "/var/lib/cronjob"};
    struct buf AUTO_BUF text;
    size_t length;
    const char *owner;

    (void)state;
    buf_init(&text, SIZE_MAX);
    assert_int_equal(crontab_print(&frame, lines, ARRAY_SIZE(lines), &text), RC_OK);
    assert_string_equal(
        text.data,
        "# Kept by cronjob's worker: it undoes changes, and takes the file away when `scheduler` "
        "is\n# no longer `crontab`. Each line hands the tick of a job to the worker.\n"
        "# Data directory: /var/lib/cronjob\n"
        "MAILTO=\"\"\n"
        "* * * * * root /usr/bin/cronjob fire 1 --data /var/lib/cronjob\n"
        "30 2 * * 1-5 root /usr/bin/cronjob fire 12 --data /var/lib/cronjob\n");
    owner = crontab_owner(text.data, text.length, &length);
    assert_int_equal(length, strlen("/var/lib/cronjob"));
    assert_memory_equal(owner, "/var/lib/cronjob", length);
    assert_null(crontab_owner("", 0, &length));
    assert_null(crontab_owner(text.data + 1, text.length - 1, &length));
}

static void an_accounts_own_lines_have_neither(void **state)
{
    const struct crontab_frame frame = {NULL, "/usr/bin/cronjob", "/d"};
    struct buf AUTO_BUF text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    assert_int_equal(crontab_print(&frame, lines, 1, &text), RC_OK);
    assert_string_equal(text.data, "* * * * * /usr/bin/cronjob fire 1 --data /d 2>/dev/null\n");
    buf_reset(&text);
    assert_int_equal(crontab_print(&frame, lines, 0, &text), RC_OK);
    assert_int_equal(text.length, 0);
}

static void words_of_the_worker_are_plain(void **state)
{
    static const struct {
        struct crontab_frame frame;
        const char *said; /* "": nothing */
    } frames[] = {
        {{"root", "/usr/bin/cronjob", "/var/lib/cronjob"}, ""},
        {{NULL, "/opt/a+b_c-1.2/cronjob", "/d@x:1,2=3"}, ""},
        {{"root", "cronjob", "/d"}, "the program 'cronjob' "},
        {{"root", "/a/cronjob (deleted)", "/d"}, "the program '/a/cronjob (deleted)' "},
        {{"root", "/c", "/a b"}, "the data directory '/a b' "},
        {{"root", "/c", "/a%b"}, "the data directory '/a%b' "},
        {{"root", "/c", "/a;b"}, "the data directory '/a;b' "},
        {{"root", "/c", "/a\nb"}, "the data directory '/a\nb' "},
        {{"root", "/c", "/\303\244"}, "the data directory '/\303\244' "},
        {{"root", "/c", ""}, "the data directory '' "},
        {{"", "/c", "/d"}, "the account '' "},
        {{"a b", "/c", "/d"}, "the account 'a b' "},
    };
    struct table table = {"words_of_the_worker_are_plain", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        struct err err = {0};
        enum rc rc = crontab_frame_check(&frames[i].frame, &err);

        table_equal(&table, frames[i].frame.data, *frames[i].said ? RC_INVALID : RC_OK, rc);
        err.message[strlen(frames[i].said)] = '\0';
        table_same(&table, frames[i].frame.data, frames[i].said, err.message);
    }
    table_end(&table);
}

static void a_path_has_a_limit(void **state)
{
    char path[CRONTAB_WORD + 3];
    struct crontab_frame frame = {"root", "/c", path};
    struct err err = {0};

    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[CRONTAB_WORD] = '\0';
    assert_int_equal(crontab_frame_check(&frame, NULL), RC_OK);
    path[CRONTAB_WORD] = 'a';
    path[CRONTAB_WORD + 1] = '\0';
    assert_int_equal(crontab_frame_check(&frame, &err), RC_INVALID);
    assert_non_null(strstr(err.message, "longer than 255 bytes"));
}

/* ---- the block --------------------------------------------------------------------------------
 */

#define LINE     "* * * * * /c fire 1 --data /d 2>/dev/null\n"
#define OLD_LINE "0 0 * * * /old/c fire 9 --data /d 2>/dev/null\n"
#define THEIRS   "MAILTO=me\n5 4 * * * backup\n"
#define BEGIN    "# BEGIN cronjob /d: kept by its worker, which undoes changes\n"
#define END      "# END cronjob /d\n"
#define OTHERS                                                        \
    "# BEGIN cronjob /dd: kept by its worker, which undoes changes\n" \
    "* * * * * /c fire 1 --data /dd 2>/dev/null\n# END cronjob /dd\n"

static void a_block_is_put_in_place(void **state)
{
    static const struct {
        const char *name, *old, *block, *next;
    } cases[] = {
        {"first", "", LINE, BEGIN LINE END},
        {"behind others", THEIRS, LINE, THEIRS BEGIN LINE END},
        {"no newline at the end", "5 4 * * * backup", LINE, "5 4 * * * backup\n" BEGIN LINE END},
        {"in its place", BEGIN OLD_LINE END THEIRS, LINE, BEGIN LINE END THEIRS},
        {"the same", THEIRS BEGIN LINE END, LINE, THEIRS BEGIN LINE END},
        {"taken out", "a\n" BEGIN LINE END THEIRS, "", "a\n" THEIRS},
        {"nothing to take out", THEIRS, "", THEIRS},
        {"twice", BEGIN LINE END "a\n" BEGIN LINE END, LINE, BEGIN LINE END "a\n"},
        {"what somebody put into it", BEGIN LINE "evil\n" END, LINE, BEGIN LINE END},
        {"the end is gone: what follows stays", BEGIN LINE THEIRS, LINE, BEGIN LINE END THEIRS},
        {"the beginning is gone", LINE END THEIRS, LINE, THEIRS BEGIN LINE END},
        {"both are gone", THEIRS OLD_LINE LINE "a\n", LINE, THEIRS "a\n" BEGIN LINE END},
        {"two beginnings", BEGIN THEIRS BEGIN LINE END, LINE, BEGIN LINE END THEIRS},
        {"another worker's", OTHERS, LINE, OTHERS BEGIN LINE END},
        {"another worker's stays", OTHERS BEGIN LINE END, "", OTHERS},
        {"its own words", "# BEGIN cronjob /d elsewhere\n", "", "# BEGIN cronjob /d elsewhere\n"},
    };
    struct table table = {"a_block_is_put_in_place", 0, 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf AUTO_BUF next;

        buf_init(&next, SIZE_MAX);
        assert_int_equal(crontab_put_block(cases[i].old, strlen(cases[i].old), "/d", cases[i].block,
                                           &next, NULL),
                         RC_OK);
        table_same(&table, cases[i].name, cases[i].next, next.data ? next.data : "");
    }
    table_end(&table);
}

static void a_crontab_that_is_none_is_left_alone(void **state)
{
    struct buf AUTO_BUF next;
    struct err err = {0};

    (void)state;
    buf_init(&next, SIZE_MAX);
    assert_int_equal(crontab_put_block("a\0b\n", 4, "/d", LINE, &next, &err), RC_INVALID);
    assert_string_equal(err.message, "the crontab has a NUL byte");
    assert_int_equal(
        crontab_put_block("", (size_t)CRONTAB_FOREIGN + CRONTAB_TEXT + 1, "/d", LINE, &next, &err),
        RC_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_schedule_becomes_five_fields),
        cmocka_unit_test(fields_mean_what_the_schedule_does),
        cmocka_unit_test(any_minutes_fit),
        cmocka_unit_test(a_line_is_due_in_the_nodes_zone_without_policy),
        cmocka_unit_test(a_file_has_a_head_and_an_account),
        cmocka_unit_test(an_accounts_own_lines_have_neither),
        cmocka_unit_test(words_of_the_worker_are_plain),
        cmocka_unit_test(a_path_has_a_limit),
        cmocka_unit_test(a_block_is_put_in_place),
        cmocka_unit_test(a_crontab_that_is_none_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
