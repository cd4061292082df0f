/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone_rule.h"

#include <string.h>

#include "base/instant.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

/* Beyond this instant (some 2000 million years) the rule is taken to stand still, which keeps the
 * arithmetic inside 64 bits for every argument. */
#define HORIZON_S ((int64_t)1 << 56)

static bool read_char(const char **text, char wanted)
{
    if (**text != wanted)
        return false;
    (*text)++;
    return true;
}

static bool read_number(const char **text, int low, int high, int *ret_value)
{
    const char *at = *text;
    int value = 0;

    for (; *at >= '0' && *at <= '9' && at - *text < 4; at++)
        value = value * 10 + (*at - '0');
    if (at == *text || value < low || value > high)
        return false;
    *text = at;
    *ret_value = value;
    return true;
}

/* RFC 8536 section 3.3: "std" and "dst" are three or more letters, or <...> with letters, digits,
 * plus and minus. Only their form matters here. */
static bool read_designation(const char **text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char quoted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    bool in_brackets = read_char(text, '<');
    size_t length = strspn(*text, in_brackets ? quoted : letters);

    *text += length;
    return length >= 3 && (!in_brackets || read_char(text, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(const char **text, int max_hours, bool is_signed, int32_t *ret_time_s)
{
    bool negative = is_signed && **text == '-';
    int hours, minutes = 0, seconds = 0;

    if (is_signed && (**text == '-' || **text == '+'))
        (*text)++;
    if (!read_number(text, 0, max_hours, &hours))
        return false;
    if (read_char(text, ':')) {
        if (!read_number(text, 0, 59, &minutes))
            return false;
        if (read_char(text, ':') && !read_number(text, 0, 59, &seconds))
            return false;
    }
    *ret_time_s = hours * HOUR_S + minutes * MINUTE_S + seconds;
    if (negative)
        *ret_time_s = -*ret_time_s;
    return true;
}

/* A POSIX offset is what must be added to local time to get UTC: the opposite of ours. */
static bool read_offset(const char **text, int32_t *ret_offset_s)
{
    int32_t west_s;

    if (!read_time(text, 24, true, &west_s))
        return false;
    *ret_offset_s = -west_s;
    return true;
}

static bool read_date(const char **text, bool extended, struct zone_date *ret_date)
{
    struct zone_date date = {.time_s = 2 * HOUR_S};
    bool good;

    if (read_char(text, 'M')) {
        date.form = ZONE_DATE_WEEKDAY;
        good = read_number(text, 1, 12, &date.month) && read_char(text, '.') &&
               read_number(text, 1, 5, &date.week) && read_char(text, '.') &&
               read_number(text, 0, 6, &date.day);
    } else if (read_char(text, 'J')) {
        date.form = ZONE_DATE_JULIAN;
        good = read_number(text, 1, 365, &date.day);
    } else {
        date.form = ZONE_DATE_ORDINAL;
        good = read_number(text, 0, 365, &date.day);
    }
    if (good && read_char(text, '/'))
        good = read_time(text, extended ? 167 : 24, extended, &date.time_s);
    *ret_date = date;
    return good;
}

static bool read_rule(const char *text, bool extended, struct zone_rule *ret_rule)
{
    struct zone_rule rule = {0};

    if (!read_designation(&text) || !read_offset(&text, &rule.standard_s))
        return false;
    if (*text) {
        if (!read_designation(&text))
            return false;
        rule.saving_s = rule.standard_s + HOUR_S;
        if (*text != ',' && !read_offset(&text, &rule.saving_s))
            return false;
        if (!read_char(&text, ',') || !read_date(&text, extended, &rule.start) ||
            !read_char(&text, ',') || !read_date(&text, extended, &rule.end))
            return false;
        rule.changes = rule.saving_s != rule.standard_s;
    }
    *ret_rule = rule;
    return *text == '\0';
}

enum rc zone_rule_parse(const char *text, bool extended, struct zone_rule *ret_rule,
                        struct err *err)
{
    struct zone_rule rule;

    if (!read_rule(text, extended, &rule))
        return err_fail(err, RC_INVALID, "its rule for the future is not a POSIX TZ string");
    if (!rule.changes)
        rule = (struct zone_rule){.standard_s = rule.standard_s};
    *ret_rule = rule;
    return RC_OK;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t weekday_date(const struct zone_date *date, int64_t year)
{
    int64_t first = days_from_civil(year, date->month, 1);
    int64_t next_first = date->month == 12 ? days_from_civil(year + 1, 1, 1)
                                           : days_from_civil(year, date->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (date->day - weekday + 7) % 7 + (date->week - 1) * 7;

    return day < next_first ? day : day - 7;
}

/* The instant at which a date's local time comes in a year, read with the offset that ends there.
 */
static int64_t date_instant(const struct zone_date *date, int64_t year, int32_t offset_s)
{
    int64_t day = 0;

    switch (date->form) {
    case ZONE_DATE_JULIAN:
        day = days_from_civil(year, 1, 1) + date->day - 1 + (date->day >= 60 && is_leap(year));
        break;
    case ZONE_DATE_ORDINAL:
        day = days_from_civil(year, 1, 1) + date->day;
        break;
    case ZONE_DATE_WEEKDAY:
        day = weekday_date(date, year);
        break;
    }
    return day * DAY_S + date->time_s - offset_s;
}

struct change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
    bool saving;
};

/* RFC 8536 section 3.3.1: "EST5EDT,0/0,J365/25" is daylight saving time for ever: when one year's
 * end and the next year's start fall together, the start comes last. */
static bool comes_before(const struct change *a, const struct change *b)
{
    return a->at_s != b->at_s ? a->at_s < b->at_s : !a->saving && b->saving;
}

static void insert(struct change *changes, size_t count, struct change change)
{
    size_t i = count;

    for (; i > 0 && comes_before(&change, &changes[i - 1]); i--)
        changes[i] = changes[i - 1];
    changes[i] = change;
}

/*
 * A date may lie up to a week outside its own year, so both changes of a year can fall into the
 * next or the one before: two years on either side hold the changes around any instant.
 */
struct zone_segment zone_rule_segment(const struct zone_rule *rule, int64_t instant_s)
{
    enum { YEARS_AROUND = 2, COUNT = 2 * (2 * YEARS_AROUND + 1) };
    struct zone_segment segment = {INT64_MIN, INT64_MAX, rule->standard_s};
    int64_t clamped = MAX(MIN(instant_s, HORIZON_S), -HORIZON_S);
    struct change changes[COUNT] = {0};
    size_t count = 0, at = 0;
    int64_t year;
    int month, day;

    if (!rule->changes)
        return segment;
    civil_from_days(clamped / DAY_S - (clamped % DAY_S < 0), &year, &month, &day);
    for (int64_t y = year - YEARS_AROUND; y <= year + YEARS_AROUND; y++) {
        int64_t start = date_instant(&rule->start, y, rule->standard_s);
        int64_t end = date_instant(&rule->end, y, rule->saving_s);

        insert(changes, count++, (struct change){start, rule->saving_s, true});
        insert(changes, count++, (struct change){end, rule->standard_s, false});
    }
    while (at + 2 < count && changes[at + 1].at_s <= clamped)
        at++;
    segment.offset_s = changes[at].offset_s;
    segment.start_s = instant_s <= -HORIZON_S ? INT64_MIN : changes[at].at_s;
    segment.end_s = instant_s >= HORIZON_S ? INT64_MAX : changes[at + 1].at_s;
    return segment;
}
