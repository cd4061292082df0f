/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include "core/schedule_internal.h"

static const char *const short_months[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                           "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const short_weekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

const char *const schedule_month_names[12] = {"January",   "February", "March",    "April",
                                              "May",       "June",     "July",     "August",
                                              "September", "October",  "November", "December"};
const char *const schedule_weekday_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};

/* clang-format off */
const struct schedule_field_info schedule_fields[FIELD_COUNT] = {
    [FIELD_SECOND]  = {"second",       0,    59,   0,                     NULL,           NULL},
    [FIELD_MINUTE]  = {"minute",       0,    59,   SCHEDULE_STAR_MINUTE,  NULL,           NULL},
    [FIELD_HOUR]    = {"hour",         0,    23,   SCHEDULE_STAR_HOUR,    NULL,           NULL},
    [FIELD_DAY]     = {"day-of-month", 1,    31,   SCHEDULE_STAR_DAY,     NULL,           NULL},
    [FIELD_MONTH]   = {"month",        1,    12,   0,                     short_months,   "JAN-DEC"},
    [FIELD_WEEKDAY] = {"day-of-week",  0,    6,    SCHEDULE_STAR_WEEKDAY, short_weekdays, "SUN-SAT"},
    [FIELD_YEAR]    = {"year",         SCHEDULE_YEAR_FIRST, SCHEDULE_YEAR_LAST, 0, NULL,  NULL},
};
/* clang-format on */

struct schedule_values schedule_values_get(const struct schedule *schedule,
                                           enum schedule_field field)
{
    struct schedule_values values = {0};

    switch (field) {
    case FIELD_SECOND:
        values.bits[0] = schedule->seconds;
        break;
    case FIELD_MINUTE:
        values.bits[0] = schedule->minutes;
        break;
    case FIELD_HOUR:
        values.bits[0] = schedule->hours;
        break;
    case FIELD_DAY:
        values.bits[0] = schedule->days >> 1;
        break;
    case FIELD_MONTH:
        values.bits[0] = schedule->months >> 1;
        break;
    case FIELD_WEEKDAY:
        values.bits[0] = schedule->weekdays;
        break;
    case FIELD_YEAR:
        for (int i = 0; i < 4; i++)
            values.bits[i] = schedule->years[i];
        break;
    case FIELD_COUNT:
        CHECK(field != FIELD_COUNT);
    }
    return values;
}

void schedule_values_set(struct schedule *schedule, enum schedule_field field,
                         const struct schedule_values *values)
{
    switch (field) {
    case FIELD_SECOND:
        schedule->seconds = values->bits[0];
        break;
    case FIELD_MINUTE:
        schedule->minutes = values->bits[0];
        break;
    case FIELD_HOUR:
        schedule->hours = (uint32_t)values->bits[0];
        break;
    case FIELD_DAY:
        schedule->days = (uint32_t)(values->bits[0] << 1);
        break;
    case FIELD_MONTH:
        schedule->months = (uint16_t)(values->bits[0] << 1);
        break;
    case FIELD_WEEKDAY:
        schedule->weekdays = (uint8_t)values->bits[0];
        break;
    case FIELD_YEAR:
        for (int i = 0; i < 4; i++)
            schedule->years[i] = values->bits[i];
        break;
    case FIELD_COUNT:
        CHECK(field != FIELD_COUNT);
    }
}

bool schedule_values_has(const struct schedule_values *values, int bit)
{
    return values->bits[bit / 64] >> (bit % 64) & 1;
}

void schedule_values_add(struct schedule_values *values, int bit)
{
    values->bits[bit / 64] |= (uint64_t)1 << (bit % 64);
}

int schedule_values_count(const struct schedule_values *values)
{
    int count = 0;

    for (int i = 0; i < 4; i++)
        count += __builtin_popcountll(values->bits[i]);
    return count;
}

bool schedule_is_full(const struct schedule *schedule, enum schedule_field field)
{
    struct schedule_values values = schedule_values_get(schedule, field);

    return schedule_values_count(&values) ==
           schedule_fields[field].high - schedule_fields[field].low + 1;
}
