/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/schedule_internal.h: what the files of core/schedule share. Private to core/schedule.
 *
 * Three layers: fields (text to masks and back), local time (which days and seconds of a wall clock
 * match, without any zone), and instants (schedule_next.c, which puts zones in).
 */
#ifndef CRONJOB_CORE_SCHEDULE_INTERNAL_H
#define CRONJOB_CORE_SCHEDULE_INTERNAL_H

#include "core/schedule.h"

enum schedule_field {
    FIELD_SECOND,
    FIELD_MINUTE,
    FIELD_HOUR,
    FIELD_DAY,
    FIELD_MONTH,
    FIELD_WEEKDAY,
    FIELD_YEAR,
    FIELD_COUNT,
};

struct schedule_field_info {
    const char *name;
    int low;
    int high;
    int star;                 /* its bit in schedule.stars, 0 when that is never of importance */
    const char *const *names; /* three capital letters each, the first for `low`; or NULL */
    const char *names_text;   /* "JAN-DEC" */
};
extern const struct schedule_field_info schedule_fields[FIELD_COUNT];

extern const char *const schedule_month_names[12];  /* January first */
extern const char *const schedule_weekday_names[7]; /* Sunday first */

/* The values of any field, as bits counted from the field's `low`. */
struct schedule_values {
    uint64_t bits[4];
};
struct schedule_values schedule_values_get(const struct schedule *schedule,
                                           enum schedule_field field);
void schedule_values_set(struct schedule *schedule, enum schedule_field field,
                         const struct schedule_values *values);
bool schedule_values_has(const struct schedule_values *values, int bit);
void schedule_values_add(struct schedule_values *values, int bit);
int schedule_values_count(const struct schedule_values *values);

/* All values of a field that has `high` - `low` + 1 of them. */
bool schedule_is_full(const struct schedule *schedule, enum schedule_field field);

/* Reads one field into `schedule`, whose masks of that field are still empty. */
MUST_USE enum rc schedule_field_parse(struct schedule *schedule, enum schedule_field field,
                                      const char *text, size_t length, uint64_t identity,
                                      struct err *err);

/* Copies text for a message: what is not printable ASCII becomes '?', a long text is cut. */
enum { SCHEDULE_QUOTE = 44 };
const char *schedule_quote(const char *text, size_t length, char quote[SCHEDULE_QUOTE]);

/* The first matching day >= from, the last one <= from, and how many lie in [first, last]. Days are
 * counted since 1970-01-01. A search goes no further than `until`, which makes it end. */
bool schedule_next_day(const struct schedule *schedule, int64_t from, int64_t until,
                       int64_t *ret_day);
bool schedule_prev_day(const struct schedule *schedule, int64_t from, int64_t until,
                       int64_t *ret_day);
int64_t schedule_count_days(const struct schedule *schedule, int64_t first, int64_t last);

/* The first match >= local_s, the last match <= local_s, and how many matches lie in [first, last].
 * Matches lie within what is local time of 1970-01-01T00:00:00Z to INSTANT_MAX in any zone. */
bool schedule_next_local(const struct schedule *schedule, int64_t local_s, int64_t *ret_local_s);
bool schedule_prev_local(const struct schedule *schedule, int64_t local_s, int64_t *ret_local_s);
int64_t schedule_count_local(const struct schedule *schedule, int64_t first_s, int64_t last_s);

/* Whether it is of the kind that gaps delay and overlaps do not repeat. */
bool schedule_is_fixed(const struct schedule *schedule);

#endif
