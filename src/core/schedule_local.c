/* SPDX-License-Identifier: Apache-2.0 */
/* Which seconds of a wall clock match, as if no zone ever changed. */
#include "core/schedule_internal.h"

enum { DAY_S = 86400, HOUR_S = 3600, MINUTE_S = 60 };

/* Local time is at most 26 hours away from UTC: two days on either side hold it. */
#define FIRST_DAY ((int64_t)-2)
#define LAST_DAY  (INSTANT_MAX / DAY + 2)

static int64_t day_of(int64_t local_s)
{
    return local_s / DAY_S - (local_s % DAY_S < 0);
}

/* The first time of day at or after a second of the day; -1 when none is left. */
static int next_time(const struct schedule *schedule, int second_of_day)
{
    int hour = second_of_day / HOUR_S;
    int minute = second_of_day / MINUTE_S % 60;
    uint32_t hours = schedule->hours >> hour;

    if (hours & 1) {
        uint64_t minutes = schedule->minutes >> minute;
        uint64_t seconds = schedule->seconds >> second_of_day % 60;

        if ((minutes & 1) && seconds)
            return second_of_day + __builtin_ctzll(seconds);
        minutes &= ~(uint64_t)1;
        if (minutes)
            return hour * HOUR_S + (minute + __builtin_ctzll(minutes)) * MINUTE_S +
                   __builtin_ctzll(schedule->seconds);
    }
    hours &= ~1U;
    if (!hours)
        return -1;
    return (hour + __builtin_ctz(hours)) * HOUR_S + __builtin_ctzll(schedule->minutes) * MINUTE_S +
           __builtin_ctzll(schedule->seconds);
}

static int first_time(const struct schedule *schedule)
{
    return __builtin_ctz(schedule->hours) * HOUR_S + __builtin_ctzll(schedule->minutes) * MINUTE_S +
           __builtin_ctzll(schedule->seconds);
}

static int highest(uint64_t mask)
{
    return 63 - __builtin_clzll(mask);
}

/* The bits 0 to `bit`. */
static uint64_t up_to(int bit)
{
    return ((uint64_t)2 << bit) - 1;
}

/* The last time of day at or before a second of the day; -1 when there is none. */
static int prev_time(const struct schedule *schedule, int second_of_day)
{
    int hour = second_of_day / HOUR_S;
    int minute = second_of_day / MINUTE_S % 60;
    uint64_t hours = schedule->hours & up_to(hour);

    if (hours >> hour & 1) {
        uint64_t minutes = schedule->minutes & up_to(minute);
        uint64_t seconds = schedule->seconds & up_to(second_of_day % 60);

        if ((minutes >> minute & 1) && seconds)
            return hour * HOUR_S + minute * MINUTE_S + highest(seconds);
        minutes &= ~((uint64_t)1 << minute);
        if (minutes)
            return hour * HOUR_S + highest(minutes) * MINUTE_S + highest(schedule->seconds);
    }
    hours &= ~((uint64_t)1 << hour);
    if (!hours)
        return -1;
    return highest(hours) * HOUR_S + highest(schedule->minutes) * MINUTE_S +
           highest(schedule->seconds);
}

static int last_time(const struct schedule *schedule)
{
    return prev_time(schedule, DAY_S - 1);
}

/* How many times of day lie before a second of the day. */
static int64_t count_times(const struct schedule *schedule, int second_of_day)
{
    int hour = second_of_day / HOUR_S;
    int minute = second_of_day / MINUTE_S % 60;
    uint64_t hours = schedule->hours, minutes = schedule->minutes, seconds = schedule->seconds;
    int64_t per_minute = __builtin_popcountll(seconds);
    int64_t per_hour = per_minute * __builtin_popcountll(minutes);
    int64_t count = per_hour * __builtin_popcountll(hours & (up_to(hour) >> 1));

    if (!(hours >> hour & 1))
        return count;
    count += per_minute * __builtin_popcountll(minutes & (up_to(minute) >> 1));
    if (minutes >> minute & 1)
        count += __builtin_popcountll(seconds & (up_to(second_of_day % 60) >> 1));
    return count;
}

static bool is_day(const struct schedule *schedule, int64_t day)
{
    int64_t found;

    return schedule_next_day(schedule, day, day, &found);
}

bool schedule_next_local(const struct schedule *schedule, int64_t local_s, int64_t *ret_local_s)
{
    int64_t from = MAX(local_s, FIRST_DAY * DAY_S);
    int64_t day = day_of(from), found;
    int time = next_time(schedule, (int)(from - day * DAY_S));

    if (time < 0) {
        day++;
        time = first_time(schedule);
    }
    if (!schedule_next_day(schedule, day, LAST_DAY, &found))
        return false;
    *ret_local_s = found * DAY_S + (found == day ? time : first_time(schedule));
    return true;
}

bool schedule_prev_local(const struct schedule *schedule, int64_t local_s, int64_t *ret_local_s)
{
    int64_t from = MIN(local_s, (LAST_DAY + 1) * DAY_S - 1);
    int64_t day = day_of(from), found;
    int time = prev_time(schedule, (int)(from - day * DAY_S));

    if (time < 0) {
        day--;
        time = last_time(schedule);
    }
    if (!schedule_prev_day(schedule, day, FIRST_DAY, &found))
        return false;
    *ret_local_s = found * DAY_S + (found == day ? time : last_time(schedule));
    return true;
}

int64_t schedule_count_local(const struct schedule *schedule, int64_t first_s, int64_t last_s)
{
    int64_t first = MAX(first_s, FIRST_DAY * DAY_S);
    int64_t end = MIN(last_s, (LAST_DAY + 1) * DAY_S - 1) + 1;
    int64_t first_day = day_of(first), end_day = day_of(end);
    int64_t count;

    if (first >= end)
        return 0;
    count = schedule_count_days(schedule, first_day, end_day - 1) *
            (count_times(schedule, DAY_S - 1) + (last_time(schedule) == DAY_S - 1));
    if (is_day(schedule, first_day))
        count -= count_times(schedule, (int)(first - first_day * DAY_S));
    if (is_day(schedule, end_day))
        count += count_times(schedule, (int)(end - end_day * DAY_S));
    return count;
}
