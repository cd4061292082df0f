/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/schedule.h: when a job is due. The language, its semantics and its proof of ending.
 *
 * A `struct schedule` is a compact value without pointers: it may be copied, compared with
 * schedule_equal() and shared between jobs. The time zone is not part of it. doc/schedules.md is
 * the language's description for users; its semantics are those of Debian's cron:
 *
 * - Day fields: when neither begins with `*`, either one matching is enough; else both must match.
 * - A five-field schedule whose minute and hour fields both do not begin with `*` is a *fixed
 *   time*: it is due when the wall clock first shows its time or a later one. So inside a gap of
 *   local time it is due at the first instant after the gap, and inside an overlap the first time
 *   only. All other schedules follow real time: no tick in a gap, both in an overlap.
 * - Equal instants are one tick.
 *
 * Ticks lie between 1970-01-01T00:00:00Z and INSTANT_MAX, in whole seconds for all kinds but @every
 * and @at, which keep the microseconds of their anchor and instant.
 */
#ifndef CRONJOB_CORE_SCHEDULE_H
#define CRONJOB_CORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/zone.h"

enum schedule_kind {
    SCHEDULE_CRON,   /* five, six or seven fields, or one of @yearly ... @hourly */
    SCHEDULE_EVERY,  /* @every SPAN: anchor + n * SPAN for n = 1, 2, ... (whole seconds) */
    SCHEDULE_AT,     /* @at TIME: once */
    SCHEDULE_REBOOT, /* @reboot: no instants of its own */
    SCHEDULE_MANUAL, /* @manual: no instants of its own */
};

enum { SCHEDULE_YEAR_FIRST = 1970, SCHEDULE_YEAR_LAST = 2225, SCHEDULE_TEXT_MAX = 1000 };

/* Which fields begin with `*` (or are `?`), in schedule.stars. */
enum {
    SCHEDULE_STAR_MINUTE = 1,
    SCHEDULE_STAR_HOUR = 2,
    SCHEDULE_STAR_DAY = 4,
    SCHEDULE_STAR_WEEKDAY = 8,
};

/*
 * For reading by core/schedule only. Bit n of a mask stands for the value n. Every byte counts, so
 * that equality and hash are those of the memory: there is no padding, and what a kind does not
 * use is 0. `drawn` comes last because it is no part of when the job is due.
 */
struct schedule {
    uint64_t seconds;
    uint64_t minutes;
    uint64_t years[4]; /* bit 0 is SCHEDULE_YEAR_FIRST; used with seven fields only */
    int64_t value_us;  /* the span of @every, the instant of @at */
    uint32_t hours;
    uint32_t days;           /* 1-31 */
    uint32_t days_from_last; /* bit 0: L, bit n: L-n */
    uint32_t days_nearest;   /* bit 0: LW, bit n: nW */
    enum schedule_kind kind;
    uint16_t months;         /* 1-12 */
    uint8_t weekdays;        /* 0-6, Sunday is 0 */
    uint8_t weekdays_last;   /* nL */
    uint8_t weekdays_nth[5]; /* n#k, in element k - 1 */
    uint8_t fields;          /* 5, 6 or 7; 0 for kinds without fields */
    uint8_t stars;
    uint8_t drawn; /* whether H or ~ was in the text */
};

/*
 * Reads the text of a schedule without a CRON_TZ= prefix. `identity` is the job's id: the values of
 * `H`, `~` and `a~b` are drawn from it and the kind of the field, the same for ever: in the field
 * number f (second 0, minute 1, hour 2, day-of-month 3, month 4, day-of-week 5, year 6), number
 * f + 1 of the sequence of splitmix64 that starts at `identity`, modulo how many values there are.
 * RC_INVALID names the field, the value and what is allowed ("minute 75 is not in 0-59"); a date
 * that never comes ("0 0 30 2 *") is "never due". Ends quickly for any text.
 */
MUST_USE enum rc schedule_parse(const char *text, uint64_t identity, struct schedule *ret_schedule,
                                struct err *err);

/*
 * Splits a leading "CRON_TZ=Zone " or "TZ=Zone " (the value may be quoted) off: *ret_rest points
 * into `text` at the schedule, and the zone's name is written to `zone_name` ("" when there is
 * none). RC_INVALID when it is not the name of a zone by its form (zone_name_is_valid).
 */
MUST_USE enum rc schedule_split_zone(const char *text, char zone_name[ZONE_NAME_MAX],
                                     const char **ret_rest, struct err *err);

/*
 * The first tick > after. `anchor` counts for @every only: `starts_at`, else the job's creation.
 * RC_NEVER: no tick until INSTANT_MAX (always so for @reboot and @manual). The work is bounded by
 * the calendar, for any input.
 */
MUST_USE enum rc schedule_next(const struct schedule *schedule, const struct zone *zone,
                               instant_us anchor, instant_us after, instant_us *ret_tick);

/* The last tick in (after, until]; RC_NEVER when there is none. Fast also when the stretch is years
 * long. */
MUST_USE enum rc schedule_last(const struct schedule *schedule, const struct zone *zone,
                               instant_us anchor, instant_us after, instant_us until,
                               instant_us *ret_tick);

/* How many ticks lie in (after, until]. Exact; years of a job of each second take microseconds. */
int64_t schedule_count(const struct schedule *schedule, const struct zone *zone, instant_us anchor,
                       instant_us after, instant_us until);

/* Whether two schedules are written the same way once H and ~ are drawn. */
bool schedule_equal(const struct schedule *a, const struct schedule *b);
uint64_t schedule_hash(const struct schedule *schedule);

/* Whether two jobs with this text may be due at different times because of H or ~; lost in print.
 */
bool schedule_is_drawn(const struct schedule *schedule);

/* Appends the text in one canonical form: schedule_parse() of it equals the schedule. Drawn values
 * are written as numbers. What Debian's cron can say is said in its language. RC_TOO_BIG. */
enum rc schedule_print(const struct schedule *schedule, struct buf *buf);

/* Appends English words for a person: "At 02:00 on Monday", "Every 10 seconds", "At minute 5 of
 * every 2nd hour". RC_TOO_BIG. */
enum rc schedule_describe(const struct schedule *schedule, struct buf *buf);

#endif
