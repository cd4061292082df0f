/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From local matches to ticks.
 *
 * Fixed times are simple because both directions are monotonic: a local time is due when the wall
 * clock first shows it or more (zone_reaching), and what was due until an instant is what the wall
 * clock had shown by then (zone_reached). Neither gaps nor overlaps need a case of their own; the
 * local times of a gap share one tick.
 *
 * Real time goes through the stretches of constant offset. In each, local time is an instant plus
 * a constant, so a match is a tick when it falls into the stretch.
 */
#include "core/schedule_internal.h"

#define INSTANT_MAX_S (INSTANT_MAX / SECOND)

/* Two instants further apart than this have their local times in the same order. */
#define SPREAD_S ((int64_t)ZONE_OFFSET_MAX - ZONE_OFFSET_MIN)

/* Ticks of fields are whole seconds: a tick is after an instant when it is after its second. None
 * lies before 1970. */
static int64_t second_of(instant_us instant)
{
    instant_us clamped = MAX(MIN(instant, INSTANT_MAX), -SECOND);

    return clamped / SECOND - (clamped % SECOND < 0);
}

/*
 * After a stretch without a tick comes the next one. But when all of what local time may repeat is
 * over, there is nothing before the match that was found (or nothing at all), and the stretches in
 * between need no look: this bounds the work by the number of matches, not of changes.
 */
static bool next_real(const struct schedule *schedule, const struct zone *zone, int64_t after_s,
                      int64_t *ret_tick_s)
{
    int64_t from = after_s + 1;

    while (from <= INSTANT_MAX_S) {
        struct zone_segment segment = zone_segment(zone, from);
        int64_t local;
        bool found = schedule_next_local(schedule, from + segment.offset_s, &local);

        if (found && local - segment.offset_s < segment.end_s) {
            *ret_tick_s = local - segment.offset_s;
            return *ret_tick_s <= INSTANT_MAX_S;
        }
        if (segment.end_s - SPREAD_S >= from) {
            if (!found)
                return false;
            from = MAX(segment.end_s, local - ZONE_OFFSET_MAX);
        } else {
            from = segment.end_s;
        }
    }
    return false;
}

/* The mirror image: the last tick of [first_s, until_s]. */
static bool last_real(const struct schedule *schedule, const struct zone *zone, int64_t first_s,
                      int64_t until_s, int64_t *ret_tick_s)
{
    int64_t to = until_s;

    while (to >= first_s) {
        struct zone_segment segment = zone_segment(zone, to);
        int64_t local;
        bool found = schedule_prev_local(schedule, to + segment.offset_s, &local);

        if (found && local - segment.offset_s >= segment.start_s) {
            *ret_tick_s = local - segment.offset_s;
            return *ret_tick_s >= first_s;
        }
        if (segment.start_s <= to - SPREAD_S) {
            if (!found)
                return false;
            to = MIN(segment.start_s - 1, local - ZONE_OFFSET_MIN);
        } else {
            to = segment.start_s - 1;
        }
    }
    return false;
}

static int64_t count_real(const struct schedule *schedule, const struct zone *zone, int64_t first_s,
                          int64_t until_s)
{
    int64_t count = 0;

    for (int64_t from = first_s; from <= until_s;) {
        struct zone_segment segment = zone_segment(zone, from);
        int64_t to = MIN(segment.end_s - 1, until_s);

        count += schedule_count_local(schedule, from + segment.offset_s, to + segment.offset_s);
        from = to + 1;
    }
    return count;
}

static bool next_fixed(const struct schedule *schedule, const struct zone *zone, int64_t after_s,
                       int64_t *ret_tick_s)
{
    int64_t local;

    if (!schedule_next_local(schedule, zone_reached(zone, after_s) + 1, &local))
        return false;
    *ret_tick_s = zone_reaching(zone, local);
    return *ret_tick_s <= INSTANT_MAX_S;
}

static bool last_fixed(const struct schedule *schedule, const struct zone *zone, int64_t first_s,
                       int64_t until_s, int64_t *ret_tick_s)
{
    int64_t local;

    if (!schedule_prev_local(schedule, zone_reached(zone, until_s), &local))
        return false;
    *ret_tick_s = zone_reaching(zone, local);
    return *ret_tick_s >= first_s;
}

/* How many local times that match share the tick at which a gap ends, beyond the first. */
static int64_t count_sharing(const struct schedule *schedule, const struct zone *zone,
                             int64_t gap_end_s)
{
    int64_t before = zone_reached(zone, gap_end_s - 1);
    int64_t after = zone_reached(zone, gap_end_s);

    return MAX(schedule_count_local(schedule, before + 1, after) - 1, 0);
}

/* All local times that the wall clock came to, less those that share a tick. */
static int64_t count_fixed(const struct schedule *schedule, const struct zone *zone,
                           int64_t first_s, int64_t until_s)
{
    struct zone_segment segment = zone_segment(zone, first_s - 1);
    int64_t count = schedule_count_local(schedule, zone_reached(zone, first_s - 1) + 1,
                                         zone_reached(zone, until_s));

    while (segment.end_s <= until_s) {
        int32_t offset_s = segment.offset_s;

        segment = zone_segment(zone, segment.end_s);
        if (segment.offset_s > offset_s)
            count -= count_sharing(schedule, zone, segment.start_s);
    }
    return count;
}

/* How many ticks of @every lie at or before an instant. */
static int64_t every_until(const struct schedule *schedule, instant_us anchor, instant_us until)
{
    __int128 past = (__int128)MIN(until, INSTANT_MAX) - anchor;

    return past > 0 ? (int64_t)(past / schedule->value_us) : 0;
}

static enum rc every_tick(const struct schedule *schedule, instant_us anchor, int64_t number,
                          instant_us *ret_tick)
{
    __int128 tick = (__int128)anchor + (__int128)number * schedule->value_us;

    if (tick > INSTANT_MAX)
        return RC_NEVER;
    *ret_tick = (instant_us)tick;
    return RC_OK;
}

enum rc schedule_next(const struct schedule *schedule, const struct zone *zone, instant_us anchor,
                      instant_us after, instant_us *ret_tick)
{
    int64_t after_s = second_of(after), tick_s;
    bool found;

    switch (schedule->kind) {
    case SCHEDULE_CRON:
        found = schedule_is_fixed(schedule) ? next_fixed(schedule, zone, after_s, &tick_s)
                                            : next_real(schedule, zone, after_s, &tick_s);
        if (!found)
            return RC_NEVER;
        *ret_tick = tick_s * SECOND;
        return RC_OK;
    case SCHEDULE_EVERY:
        return every_tick(schedule, anchor, every_until(schedule, anchor, after) + 1, ret_tick);
    case SCHEDULE_AT:
        if (schedule->value_us <= after)
            return RC_NEVER;
        *ret_tick = schedule->value_us;
        return RC_OK;
    case SCHEDULE_REBOOT:
    case SCHEDULE_MANUAL:
        break;
    }
    return RC_NEVER;
}

enum rc schedule_last(const struct schedule *schedule, const struct zone *zone, instant_us anchor,
                      instant_us after, instant_us until, instant_us *ret_tick)
{
    int64_t first_s = second_of(after) + 1, until_s = second_of(until), tick_s;
    int64_t number;
    bool found;

    switch (schedule->kind) {
    case SCHEDULE_CRON:
        found = schedule_is_fixed(schedule) ? last_fixed(schedule, zone, first_s, until_s, &tick_s)
                                            : last_real(schedule, zone, first_s, until_s, &tick_s);
        if (!found)
            return RC_NEVER;
        *ret_tick = tick_s * SECOND;
        return RC_OK;
    case SCHEDULE_EVERY:
        number = every_until(schedule, anchor, until);
        if (number <= every_until(schedule, anchor, after))
            return RC_NEVER;
        return every_tick(schedule, anchor, number, ret_tick);
    case SCHEDULE_AT:
        if (schedule->value_us <= after || schedule->value_us > until)
            return RC_NEVER;
        *ret_tick = schedule->value_us;
        return RC_OK;
    case SCHEDULE_REBOOT:
    case SCHEDULE_MANUAL:
        break;
    }
    return RC_NEVER;
}

int64_t schedule_count(const struct schedule *schedule, const struct zone *zone, instant_us anchor,
                       instant_us after, instant_us until)
{
    int64_t first_s = second_of(after) + 1, until_s = second_of(until);

    if (after >= until)
        return 0;
    switch (schedule->kind) {
    case SCHEDULE_CRON:
        return schedule_is_fixed(schedule) ? count_fixed(schedule, zone, first_s, until_s)
                                           : count_real(schedule, zone, first_s, until_s);
    case SCHEDULE_EVERY:
        return every_until(schedule, anchor, until) - every_until(schedule, anchor, after);
    case SCHEDULE_AT:
        return schedule->value_us > after && schedule->value_us <= until;
    case SCHEDULE_REBOOT:
    case SCHEDULE_MANUAL:
        break;
    }
    return 0;
}
