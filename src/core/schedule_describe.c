/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sentence is a time part ("At 02:00", "Every 5 minutes from 09:00 to 17:59") and what limits it:
 * days, months and years, each only when it says something.
 */
#include <string.h>

#include "core/schedule_internal.h"

/* At most this many clock times are listed; more are described by hour and minute. */
enum { TIMES_LISTED = 6 };

/* What is said of the values of a field. */
struct shape {
    struct schedule_values values;
    int count;
    int first;
    int last;
    bool full;  /* every value */
    bool range; /* neighbours, two or more */
    int step;   /* every step-th from the field's first to its last; 0 when not so */
};

/* For "a, b and c": what goes in front of item `index` of `count`. */
static const char *joint(int index, int count)
{
    if (index == 0)
        return "";
    return index == count - 1 ? " and " : ", ";
}

static const char *ordinal_suffix(int number)
{
    if (number / 10 % 10 == 1)
        return "th";
    switch (number % 10) {
    case 1:
        return "st";
    case 2:
        return "nd";
    case 3:
        return "rd";
    default:
        return "th";
    }
}

static bool is_evenly_stepped(const struct schedule_values *values, int width, int step)
{
    for (int bit = 0; bit < width; bit++) {
        if (schedule_values_has(values, bit) != (bit % step == 0))
            return false;
    }
    return true;
}

static struct shape shape_of(const struct schedule *schedule, enum schedule_field field)
{
    const struct schedule_field_info *info = &schedule_fields[field];
    struct shape shape = {.values = schedule_values_get(schedule, field), .first = -1};
    int width = info->high - info->low + 1;

    for (int bit = 0; bit < width; bit++) {
        if (!schedule_values_has(&shape.values, bit))
            continue;
        shape.first = shape.first < 0 ? bit : shape.first;
        shape.last = bit;
        shape.count++;
    }
    shape.full = shape.count == width;
    shape.range = shape.count > 1 && shape.last - shape.first + 1 == shape.count;
    for (int step = 2; step < width && !shape.step && !shape.full; step++) {
        if (shape.count > 2 && is_evenly_stepped(&shape.values, width, step))
            shape.step = step;
    }
    return shape;
}

/* "day 3", "days 3, 5 and 9", "days 3 to 9"; names instead of numbers when there are some. */
static void put_values(struct buf *buf, const struct shape *shape, const char *noun, int low,
                       const char *const *names)
{
    bool range = shape->range && shape->count > 2;
    int index = 0;

    if (*noun)
        (void)buf_printf(buf, "%s%s ", noun, shape->count > 1 ? "s" : "");
    for (int bit = shape->first; bit <= shape->last; bit++) {
        if (!schedule_values_has(&shape->values, bit) ||
            (range && bit != shape->first && bit != shape->last))
            continue;
        if (range)
            (void)buf_puts(buf, index ? " to " : "");
        else
            (void)buf_puts(buf, joint(index, shape->count));
        if (names)
            (void)buf_puts(buf, names[bit]);
        else
            (void)buf_printf(buf, "%d", low + bit);
        index++;
    }
}

/* "every 2nd hour", "every hour" */
static void put_every(struct buf *buf, const struct shape *shape, const char *noun)
{
    if (shape->step)
        (void)buf_printf(buf, "every %d%s %s", shape->step, ordinal_suffix(shape->step), noun);
    else
        (void)buf_printf(buf, "every %s", noun);
}

/* All clock times, when they are few: "At 02:00", "At 09:30:15 and 17:30:15". */
static void put_clock_times(struct buf *buf, const struct shape *hours, const struct shape *minutes,
                            int second)
{
    int count = hours->count * minutes->count, index = 0;

    (void)buf_puts(buf, "At ");
    for (int hour = hours->first; hour <= hours->last; hour++) {
        for (int minute = minutes->first; minute <= minutes->last; minute++) {
            if (!schedule_values_has(&hours->values, hour) ||
                !schedule_values_has(&minutes->values, minute))
                continue;
            (void)buf_printf(buf, "%s%02d:%02d", joint(index++, count), hour, minute);
            if (second)
                (void)buf_printf(buf, ":%02d", second);
        }
    }
}

/* Of which hours the minutes are. `each`: the minutes were named, and so the hours must be. */
static void put_hours(struct buf *buf, const struct shape *hours, bool each)
{
    if (hours->full) {
        (void)buf_puts(buf, each ? " of every hour" : "");
    } else if (hours->step) {
        (void)buf_puts(buf, " of ");
        put_every(buf, hours, "hour");
    } else if (hours->range && each) {
        (void)buf_printf(buf, " of every hour from %d to %d", hours->first, hours->last);
    } else if (hours->range) {
        (void)buf_printf(buf, " from %02d:00 to %02d:59", hours->first, hours->last);
    } else {
        (void)buf_puts(buf, each ? " of " : " in ");
        put_values(buf, hours, "hour", 0, NULL);
    }
}

/* A step that fits into 60 goes on evenly from one minute or hour to the next. */
static bool is_even(const struct shape *shape)
{
    return shape->full || (shape->step && 60 % shape->step == 0);
}

/* "Every 10 seconds", "Every 7th second", "At second 5", and the like for minutes. */
static void put_beat(struct buf *buf, const struct shape *shape, const char *noun)
{
    if (shape->full)
        (void)buf_printf(buf, "Every %s", noun);
    else if (is_even(shape))
        (void)buf_printf(buf, "Every %d %ss", shape->step, noun);
    else if (shape->step)
        (void)buf_printf(buf, "Every %d%s %s", shape->step, ordinal_suffix(shape->step), noun);
    else {
        (void)buf_puts(buf, "At ");
        put_values(buf, shape, noun, 0, NULL);
    }
}

static void put_time(struct buf *buf, const struct schedule *schedule)
{
    struct shape seconds = shape_of(schedule, FIELD_SECOND);
    struct shape minutes = shape_of(schedule, FIELD_MINUTE);
    struct shape hours = shape_of(schedule, FIELD_HOUR);

    if (seconds.count == 1 && hours.count * minutes.count <= TIMES_LISTED) {
        put_clock_times(buf, &hours, &minutes, seconds.first);
        return;
    }
    if (seconds.count == 1 && seconds.first == 0) {
        put_beat(buf, &minutes, "minute");
    } else {
        put_beat(buf, &seconds, "second");
        if (!minutes.full || !is_even(&seconds)) {
            (void)buf_puts(buf, " of ");
            if (minutes.full || minutes.step)
                put_every(buf, &minutes, "minute");
            else
                put_values(buf, &minutes, "minute", 0, NULL);
        }
    }
    put_hours(buf, &hours, !is_even(&minutes));
}

static void put_special_days(struct buf *buf, const struct schedule *schedule, int count, int index)
{
    for (uint32_t days = schedule->days_from_last; days; days &= days - 1) {
        int before = __builtin_ctz(days);

        (void)buf_puts(buf, joint(index++, count));
        if (before)
            (void)buf_printf(buf, "%d day%s before the last day of the month", before,
                             before > 1 ? "s" : "");
        else
            (void)buf_puts(buf, "on the last day of the month");
    }
    for (uint32_t days = schedule->days_nearest; days; days &= days - 1) {
        int day = __builtin_ctz(days);

        (void)buf_puts(buf, joint(index++, count));
        if (day)
            (void)buf_printf(buf, "on the weekday nearest to day %d of the month", day);
        else
            (void)buf_puts(buf, "on the last weekday of the month");
    }
}

static void put_days(struct buf *buf, const struct schedule *schedule)
{
    struct shape days = shape_of(schedule, FIELD_DAY);
    int specials =
        __builtin_popcount(schedule->days_from_last) + __builtin_popcount(schedule->days_nearest);

    if (days.step) {
        (void)buf_printf(buf, "on every %d%s day of the month", days.step,
                         ordinal_suffix(days.step));
    } else if (days.count) {
        (void)buf_puts(buf, "on ");
        put_values(buf, &days, "day", 1, NULL);
        (void)buf_puts(buf, " of the month");
    }
    put_special_days(buf, schedule, specials + (days.count > 0), days.count > 0);
}

static int count_special_weekdays(const struct schedule *schedule)
{
    int count = __builtin_popcount(schedule->weekdays_last);

    for (int i = 0; i < 5; i++)
        count += __builtin_popcount(schedule->weekdays_nth[i]);
    return count;
}

static void put_special_weekdays(struct buf *buf, const struct schedule *schedule, int count,
                                 int index)
{
    static const char *const which[] = {"first", "second", "third", "fourth", "fifth"};

    for (int day = 0; day < 7; day++) {
        for (int i = 0; i < 5; i++) {
            if (schedule->weekdays_nth[i] >> day & 1)
                (void)buf_printf(buf, "%son the %s %s of the month", joint(index++, count),
                                 which[i], schedule_weekday_names[day]);
        }
        if (schedule->weekdays_last >> day & 1)
            (void)buf_printf(buf, "%son the last %s of the month", joint(index++, count),
                             schedule_weekday_names[day]);
    }
}

static void put_weekdays(struct buf *buf, const struct schedule *schedule)
{
    struct shape days = shape_of(schedule, FIELD_WEEKDAY);
    int specials = count_special_weekdays(schedule);

    if (days.count) {
        (void)buf_puts(buf, days.range && days.count > 2 ? "from " : "on ");
        put_values(buf, &days, "", 0, schedule_weekday_names);
    }
    put_special_weekdays(buf, schedule, specials + (days.count > 0), days.count > 0);
}

static void put_dates(struct buf *buf, const struct schedule *schedule)
{
    bool any_day = schedule_is_full(schedule, FIELD_DAY);
    bool any_weekday = schedule_is_full(schedule, FIELD_WEEKDAY);
    bool both = schedule->stars & (SCHEDULE_STAR_DAY | SCHEDULE_STAR_WEEKDAY);

    if ((any_day && any_weekday) || (!both && (any_day || any_weekday)))
        return; /* every day */
    (void)buf_putc(buf, ' ');
    if (!any_day)
        put_days(buf, schedule);
    if (!any_day && !any_weekday)
        (void)buf_puts(buf, both ? ", when that is " : " or ");
    if (!any_weekday)
        put_weekdays(buf, schedule);
}

static void put_fields(struct buf *buf, const struct schedule *schedule)
{
    struct shape months = shape_of(schedule, FIELD_MONTH);
    struct shape years = shape_of(schedule, FIELD_YEAR);

    put_time(buf, schedule);
    put_dates(buf, schedule);
    if (!months.full) {
        (void)buf_puts(buf, months.range && months.count > 2 ? " from " : " in ");
        put_values(buf, &months, "", 0, schedule_month_names);
    }
    if (years.count) {
        (void)buf_puts(buf, years.range && years.count > 2 ? " from " : " in ");
        put_values(buf, &years, "", SCHEDULE_YEAR_FIRST, NULL);
    }
}

/* "Every 1 hour and 30 minutes"; a lone 1 is left out: "Every minute". */
static void put_span(struct buf *buf, span_us span)
{
    static const struct {
        const char *name;
        span_us length;
    } units[] = {{"day", DAY}, {"hour", HOUR}, {"minute", MINUTE}, {"second", SECOND}};
    int count = 0, index = 0;

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        count += (i ? span % units[i - 1].length : span) >= units[i].length;
    (void)buf_puts(buf, "Every ");
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        long long number = span / units[i].length;

        span %= units[i].length;
        if (number == 1 && count == 1)
            (void)buf_puts(buf, units[i].name);
        else if (number)
            (void)buf_printf(buf, "%s%lld %s%s", joint(index++, count), number, units[i].name,
                             number > 1 ? "s" : "");
    }
}

static void put_instant(struct buf *buf, instant_us instant)
{
    int64_t year;
    int month, day, seconds = (int)(instant % DAY / SECOND);

    civil_from_days(instant / DAY, &year, &month, &day);
    (void)buf_printf(buf, "Once, on %d %s %d at %02d:%02d:%02d UTC", day,
                     schedule_month_names[month - 1], (int)year, seconds / 3600, seconds / 60 % 60,
                     seconds % 60);
}

enum rc schedule_describe(const struct schedule *schedule, struct buf *buf)
{
    switch (schedule->kind) {
    case SCHEDULE_CRON:
        put_fields(buf, schedule);
        break;
    case SCHEDULE_EVERY:
        put_span(buf, schedule->value_us);
        break;
    case SCHEDULE_AT:
        put_instant(buf, schedule->value_us);
        break;
    case SCHEDULE_REBOOT:
        (void)buf_puts(buf, "At each boot of its worker's node");
        break;
    case SCHEDULE_MANUAL:
        (void)buf_puts(buf, "Only on demand");
        break;
    }
    return buf->failed ? RC_TOO_BIG : RC_OK;
}
