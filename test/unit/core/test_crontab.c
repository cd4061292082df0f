/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/crontab.h"

#include "testing.h"

static struct crontab parse(const char *text, enum crontab_form form, struct arena *arena)
{
    struct crontab crontab;
    assert_int_equal(crontab_parse(text, strlen(text), form, arena, &crontab, NULL), RC_OK);
    return crontab;
}

/* ---- settings ------------------------------------------------------------------------------ */

static void settings_are_read_as_cron_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *name; /* NULL: not a setting */
        const char *value;
    } rows[] = {
        {"A=b", "A", "b"},
        {"A = b c ", "A", "b c"},
        {"A=", "A", ""},
        {"A=\"\"", "A", ""},
        {"A=\" b \"", "A", " b "},
        {"A='b\"c'  ", "A", "b\"c"},
        {"A=b # c", "A", "b # c"},
        {"A=b'c'", "A", "b'c'"},
        {"\"A B\" = c", "A B", "c"},
        {"A==b", "A", "=b"},
        {"=b", "", "b"},
        {"A='b' c", NULL, NULL},
        {"A=\"b", NULL, NULL},
        {"A b=c", NULL, NULL},
        {"A", NULL, NULL},
        {"* * * * * A=b", NULL, NULL},
        {"@daily A=b", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        struct pair setting = {0};
        bool is_setting = crontab_setting(rows[i].line, &arena, &setting);
        if (is_setting != (rows[i].name != NULL))
            fail_msg("%s", rows[i].line);
        if (!is_setting)
            continue;
        assert_string_equal(setting.name, rows[i].name);
        assert_string_equal(setting.value, rows[i].value);
    }
}

static void settings_hold_for_the_lines_below_them(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct crontab crontab = parse("@daily first\n"
                                   "A=1\nMAILTO=\"\"\n"
                                   "@daily second\n"
                                   "CRON_TZ=Europe/Berlin\nRANDOM_DELAY=45\nA=2\nTZ=UTC\n"
                                   "@daily third\n"
                                   "CRON_TZ=\n"
                                   "@daily fourth\n",
                                   CRONTAB_USER, &arena);
    assert_int_equal(crontab.problem_count, 0);
    assert_int_equal(crontab.entry_count, 4);
    const struct crontab_entry *entries = crontab.entries;
    assert_int_equal(entries[0].env.count, 0);
    assert_int_equal(entries[0].jitter, 0);
    assert_string_equal(entries[0].time_zone, "");
    assert_int_equal(entries[1].env.count, 2);
    assert_string_equal(entries[1].env.items[0].value, "1");
    assert_string_equal(entries[1].env.items[1].name, "MAILTO");
    assert_string_equal(entries[1].env.items[1].value, "");
    assert_int_equal(entries[2].env.count, 3);
    assert_string_equal(entries[2].env.items[0].value, "2");
    assert_string_equal(entries[2].env.items[2].name, "TZ");
    assert_string_equal(entries[2].time_zone, "Europe/Berlin");
    assert_int_equal(entries[2].jitter, 45 * MINUTE);
    assert_string_equal(entries[3].time_zone, "");
    assert_ptr_equal(entries[3].env.items, entries[2].env.items);
}

/* ---- entries ------------------------------------------------------------------------------- */

static void entries_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum crontab_form form;
        const char *schedule;
        const char *user;
        const char *command;
        const char *stdin_text;
    } rows[] = {
        {"*/5 * * * * date", CRONTAB_USER, "*/5 * * * *", "", "date", NULL},
        {" \t0\t2  * * MON-FRI \t backup --all ", CRONTAB_USER, "0 2 * * MON-FRI", "",
         "backup --all ", NULL},
        {"17 * * * * root cd / && x", CRONTAB_SYSTEM, "17 * * * *", "root", "cd / && x", NULL},
        {"@reboot www-data id", CRONTAB_SYSTEM, "@reboot", "www-data", "id", NULL},
        {"@midnight x", CRONTAB_USER, "@midnight", "", "x", NULL},
        {"@annually x", CRONTAB_USER, "@annually", "", "x", NULL},
        {"@every 90s x y", CRONTAB_USER, "@every 90s", "", "x y", NULL},
        {"@at 2030-01-01T00:00:00Z x", CRONTAB_USER, "@at 2030-01-01T00:00:00Z", "", "x", NULL},
        {"1 2 3 4 5 6 7", CRONTAB_USER, "1 2 3 4 5", "", "6 7", NULL},
        {"* * * * * date +\\%F", CRONTAB_USER, "* * * * *", "", "date +%F", NULL},
        {"* * * * * printf '\\\\n' \\t", CRONTAB_USER, "* * * * *", "", "printf '\\\\n' \\t", NULL},
        {"* * * * * mail joe%Joe,%%Where \\% are?", CRONTAB_USER, "* * * * *", "", "mail joe",
         "Joe,\n\nWhere % are?\n"},
        {"* * * * * cat%a%", CRONTAB_USER, "* * * * *", "", "cat", "a\n"},
        {"* * * * * cat%", CRONTAB_USER, "* * * * *", "", "cat", ""},
        {"* * * * * echo ünï # x", CRONTAB_USER, "* * * * *", "", "echo ünï # x", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        char *text = arena_printf(&arena, "# first\n\n%s\n", rows[i].line);
        struct crontab crontab = parse(text, rows[i].form, &arena);
        if (crontab.problem_count)
            fail_msg("%s: %s", rows[i].line, crontab.problems[0].message);
        assert_int_equal(crontab.entry_count, 1);
        assert_int_equal(crontab.entries[0].line, 3);
        assert_string_equal(crontab.entries[0].schedule, rows[i].schedule);
        assert_string_equal(crontab.entries[0].user, rows[i].user);
        assert_string_equal(crontab.entries[0].command, rows[i].command);
        assert_int_equal(crontab.entries[0].stdin_text != NULL, rows[i].stdin_text != NULL);
        if (rows[i].stdin_text)
            assert_string_equal(crontab.entries[0].stdin_text, rows[i].stdin_text);
    }
}

/* ---- problems ------------------------------------------------------------------------------ */

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum crontab_form form;
        const char *part; /* of the message */
    } rows[] = {
        {"75 * * * * x", CRONTAB_USER, "minute 75 is not in 0-59"},
        {"* * * * x", CRONTAB_USER, "day-of-week 'x'"},
        {"* * *", CRONTAB_USER, "expected 5 fields and a command, found 3 words"},
        {"0 0 30 2 * x", CRONTAB_USER, "never"},
        {"@fortnightly x", CRONTAB_USER, "@fortnightly"},
        {"* * * * *", CRONTAB_USER, "no command after the schedule"},
        {"* * * * * ", CRONTAB_USER, "no command after the schedule"},
        {"* * * * * %x", CRONTAB_USER, "no command after the schedule"},
        {"@daily", CRONTAB_SYSTEM, "no user"},
        {"@daily root", CRONTAB_SYSTEM, "no command after the user"},
        {"@daily /bin/date +x", CRONTAB_SYSTEM, "'/bin/date' is not a user's name"},
        {"@daily x\r", CRONTAB_USER, "carriage return"},
        {"@daily \xff", CRONTAB_USER, "not UTF-8"},
        {"A-B=c", CRONTAB_USER, "'A-B' is not a variable's name"},
        {"=c", CRONTAB_USER, "'' is not a variable's name"},
        {"CRON_TZ=../x", CRONTAB_USER, "'../x' is not a time zone's name"},
        {"CRON_TZ=Europe/Berlin 0 2 * * * x", CRONTAB_USER, "is not a time zone's name"},
        {"RANDOM_DELAY=-1", CRONTAB_USER, "RANDOM_DELAY '-1' is not in 0-1440"},
        {"MAILTO='a' b", CRONTAB_USER, "quote"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO_ARENA struct arena arena = {0};
        char *text = arena_printf(&arena, "A=1\n%s\n@daily root x\n", rows[i].line);
        struct crontab crontab = parse(text, rows[i].form, &arena);
        if (crontab.problem_count != 1)
            fail_msg("%s: %zu problems", rows[i].line, crontab.problem_count);
        assert_int_equal(crontab.problems[0].line, 2);
        if (!strstr(crontab.problems[0].message, rows[i].part))
            fail_msg("%s: %s", rows[i].line, crontab.problems[0].message);
        assert_int_equal(crontab.entry_count, 1);
    }
}

static void a_last_line_without_newline_is_told(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    assert_int_equal(parse("@daily x\n@daily y", CRONTAB_USER, &arena).unterminated, 2);
    assert_int_equal(parse("@daily x\n@daily y", CRONTAB_USER, &arena).entry_count, 2);
    assert_int_equal(parse("@daily x\n", CRONTAB_USER, &arena).unterminated, 0);
    assert_int_equal(parse("", CRONTAB_USER, &arena).unterminated, 0);
}

static void a_nul_byte_is_a_bad_line(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct crontab crontab;
    static const char text[] = "@daily a\0b\n";
    assert_int_equal(crontab_parse(text, sizeof text - 1, CRONTAB_USER, &arena, &crontab, NULL),
                     RC_OK);
    assert_int_equal(crontab.problem_count, 1);
    assert_int_equal(crontab.entry_count, 0);
}

static void sizes_are_limited(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    struct crontab crontab;
    char *text = arena_alloc(&arena, LIMIT_CRONTAB + 1);
    memset(text, 'x', LIMIT_CRONTAB + 1);
    assert_int_equal(crontab_parse(text, LIMIT_CRONTAB + 1, CRONTAB_USER, &arena, &crontab, NULL),
                     RC_TOO_BIG);
    memset(text, '\n', LIMIT_CRONTAB_LINES + 1);
    assert_int_equal(crontab_parse(text, LIMIT_CRONTAB_LINES, CRONTAB_USER, &arena, &crontab, NULL),
                     RC_OK);
    assert_int_equal(
        crontab_parse(text, LIMIT_CRONTAB_LINES + 1, CRONTAB_USER, &arena, &crontab, NULL),
        RC_TOO_BIG);
    memset(text, 'x', LIMIT_CRONTAB);
    memcpy(text, "@daily ", 7);
    text[7 + LIMIT_EXECUTABLE] = '\n';
    assert_int_equal(
        crontab_parse(text, 8 + LIMIT_EXECUTABLE, CRONTAB_USER, &arena, &crontab, NULL), RC_OK);
    assert_int_equal(crontab.entry_count, 1);
    text[7 + LIMIT_EXECUTABLE] = 'x';
    text[8 + LIMIT_EXECUTABLE] = '\n';
    assert_int_equal(
        crontab_parse(text, 9 + LIMIT_EXECUTABLE, CRONTAB_USER, &arena, &crontab, NULL), RC_OK);
    assert_int_equal(crontab.problem_count, 1);
}

static void settings_are_limited(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = {0};
    char *text = arena_alloc(&arena, 64 * 1024);
    size_t length = 0;
    for (int i = 0; i <= LIMIT_ENV; i++)
        length += (size_t)snprintf(text + length, 64 * 1024 - length, "A%d=x\n", i);
    struct crontab crontab = parse(text, CRONTAB_USER, &arena);
    assert_int_equal(crontab.problem_count, 1);
    assert_int_equal(crontab.problems[0].line, LIMIT_ENV + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_as_cron_reads_them),
        cmocka_unit_test(settings_hold_for_the_lines_below_them),
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(a_last_line_without_newline_is_told),
        cmocka_unit_test(a_nul_byte_is_a_bad_line),
        cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(settings_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
