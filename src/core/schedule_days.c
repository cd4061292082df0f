/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which days match. A month is worked out at once, as a mask of its days: a search then is one
 * shift and one count of zeros for each month, and a count one population count.
 */
#include "core/schedule_internal.h"

enum {
    FIELDS_WITH_YEAR = 7,
    WEEK = 7,
    SATURDAY = 6,
    EVERY_WEEKDAY = 0x7f,
    EVERY_MONTH = 0x1ffe,
};
#define EVERY_DAY 0xfffffffeU

struct month {
    int64_t year;
    int number;    /* 1-12 */
    int64_t first; /* its first day, since 1970-01-01 */
    int length;
    int weekday; /* of the first day */
};

static struct month month_of(int64_t year, int number)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t first = days_from_civil(year, number, 1);

    return (struct month){
        .year = year,
        .number = number,
        .first = first,
        .length = lengths[number - 1] + (number == 2 && leap),
        .weekday = (int)(((first + 4) % WEEK + WEEK) % WEEK), /* 1970-01-01 was a Thursday */
    };
}

/* The week day nearest to a day, Monday to Friday, inside the month. */
static int nearest_weekday(const struct month *month, int day)
{
    int weekday = (month->weekday + day - 1) % WEEK;

    if (weekday == SATURDAY)
        return day > 1 ? day - 1 : day + 2;
    if (weekday == 0)
        return day < month->length ? day + 1 : day - 2;
    return day;
}

static uint32_t nearest_days(const struct month *month, uint32_t wanted)
{
    uint32_t days = 0;

    for (; wanted; wanted &= wanted - 1) {
        int day = __builtin_ctz(wanted);

        if (day == 0) { /* LW */
            day = nearest_weekday(month, month->length);
            days |= 1U << day;
        } else if (day <= month->length) {
            days |= 1U << nearest_weekday(month, day);
        }
    }
    return days;
}

static uint32_t days_of_month(const struct schedule *schedule, const struct month *month)
{
    uint32_t days = schedule->days;

    for (uint32_t wanted = schedule->days_from_last; wanted; wanted &= wanted - 1) {
        int day = month->length - __builtin_ctz(wanted);

        if (day >= 1)
            days |= 1U << day;
    }
    return days | nearest_days(month, schedule->days_nearest);
}

/* A mask of week days, turned so that bit 0 is the week day of the month's first day. */
static uint64_t turned(const struct month *month, uint8_t weekdays)
{
    return (weekdays >> month->weekday | weekdays << (WEEK - month->weekday)) & EVERY_WEEKDAY;
}

static uint32_t days_of_week(const struct schedule *schedule, const struct month *month)
{
    uint64_t week = turned(month, schedule->weekdays);
    uint64_t days = week | week << 7 | week << 14 | week << 21 | week << 28;

    for (int i = 0; i < 5; i++)
        days |= turned(month, schedule->weekdays_nth[i]) << (WEEK * i);
    if (schedule->weekdays_last) {
        uint64_t last = turned(month, schedule->weekdays_last);

        days |= (last << 21 | last << 28) & (uint64_t)EVERY_WEEKDAY << (month->length - WEEK);
    }
    return (uint32_t)(days << 1);
}

/* Debian's cron, entry.c: "the dom/dow situation is odd": with a star in either field both must
 * match, else one of them is enough. */
static uint32_t month_days(const struct schedule *schedule, const struct month *month)
{
    uint32_t by_month = days_of_month(schedule, month);
    uint32_t by_week = days_of_week(schedule, month);
    bool both = schedule->stars & (SCHEDULE_STAR_DAY | SCHEDULE_STAR_WEEKDAY);

    return (both ? by_month & by_week : by_month | by_week) & EVERY_DAY >> (31 - month->length);
}

static bool is_every_day(const struct schedule *schedule)
{
    return schedule->days == EVERY_DAY && schedule->weekdays == EVERY_WEEKDAY &&
           schedule->months == EVERY_MONTH && schedule->fields != FIELDS_WITH_YEAR;
}

static bool has_year(const struct schedule *schedule, int64_t year)
{
    int64_t bit = year - SCHEDULE_YEAR_FIRST;

    if (schedule->fields != FIELDS_WITH_YEAR)
        return true;
    return bit >= 0 && year <= SCHEDULE_YEAR_LAST && (schedule->years[bit / 64] >> (bit % 64) & 1);
}

bool schedule_next_day(const struct schedule *schedule, int64_t from, int64_t until,
                       int64_t *ret_day)
{
    int64_t year;
    int number, day;

    if (is_every_day(schedule)) {
        *ret_day = from;
        return from <= until;
    }
    civil_from_days(from, &year, &number, &day);
    for (;; day = 1) {
        uint32_t months = has_year(schedule, year) ? (uint32_t)schedule->months >> number : 0;
        uint32_t days;
        struct month month;

        if (!months) {
            year++;
            number = 1;
            if (days_from_civil(year, 1, 1) > until)
                return false;
            continue;
        }
        if (!(months & 1))
            day = 1;
        number += __builtin_ctz(months);
        month = month_of(year, number++);
        days = month_days(schedule, &month) >> day;
        if (days) {
            *ret_day = month.first + day - 1 + __builtin_ctz(days);
            return *ret_day <= until;
        }
        if (month.first > until)
            return false;
    }
}

bool schedule_prev_day(const struct schedule *schedule, int64_t from, int64_t until,
                       int64_t *ret_day)
{
    int64_t year;
    int number, day;

    if (is_every_day(schedule)) {
        *ret_day = from;
        return from >= until;
    }
    civil_from_days(from, &year, &number, &day);
    for (;; day = 31) {
        uint32_t months =
            has_year(schedule, year) ? (uint32_t)schedule->months << (31 - number) : 0;
        uint32_t days;
        struct month month;

        if (!months) {
            year--;
            number = 12;
            if (days_from_civil(year + 1, 1, 1) <= until)
                return false;
            continue;
        }
        if (!(months >> 31))
            day = 31;
        number -= __builtin_clz(months);
        month = month_of(year, number--);
        days = month_days(schedule, &month) << (31 - day);
        if (days) {
            *ret_day = month.first + day - 1 - __builtin_clz(days);
            return *ret_day >= until;
        }
        if (month.first <= until)
            return false;
    }
}

/* The days of [first, last] that lie in one month. */
static int count_in_month(const struct schedule *schedule, const struct month *month, int64_t first,
                          int64_t last)
{
    uint32_t days = month_days(schedule, month);

    if (first > month->first)
        days &= EVERY_DAY << (first - month->first);
    if (last < month->first + month->length - 1)
        days &= EVERY_DAY >> (30 - (last - month->first));
    return __builtin_popcount(days);
}

int64_t schedule_count_days(const struct schedule *schedule, int64_t first, int64_t last)
{
    int64_t count = 0, year;
    int number, day;

    if (first > last)
        return 0;
    if (is_every_day(schedule))
        return last - first + 1;
    civil_from_days(first, &year, &number, &day);
    for (;; number++) {
        struct month month;

        if (number > 12) {
            year++;
            number = 1;
        }
        month = month_of(year, number);
        if (month.first > last)
            return count;
        if (has_year(schedule, year) && (schedule->months >> number & 1))
            count += count_in_month(schedule, &month, first, last);
    }
}
