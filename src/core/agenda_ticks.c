/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agenda_ticks.h"

/* A tick at starts_at counts, one at ends_at does not. */
static instant_us from(const struct ticks *ticks, instant_us after)
{
    return ticks->starts_at != INSTANT_NONE && ticks->starts_at > after ? ticks->starts_at - 1
                                                                        : after;
}

static instant_us to(const struct ticks *ticks, instant_us until)
{
    return ticks->ends_at != INSTANT_NONE && ticks->ends_at <= until ? ticks->ends_at - 1 : until;
}

static instant_us boot(const struct ticks *ticks, instant_us after, instant_us until)
{
    return ticks->boot_at > after && ticks->boot_at <= until ? ticks->boot_at : TICK_NEVER;
}

instant_us ticks_next(const struct ticks *ticks, instant_us after)
{
    instant_us tick;

    after = from(ticks, after);
    if (ticks->schedule->kind == SCHEDULE_REBOOT)
        return boot(ticks, after, to(ticks, INSTANT_MAX));
    if (schedule_next(ticks->schedule, ticks->zone, ticks->anchor, after, &tick))
        return TICK_NEVER;
    return tick <= to(ticks, INSTANT_MAX) ? tick : TICK_NEVER;
}

instant_us ticks_last(const struct ticks *ticks, instant_us after, instant_us until)
{
    instant_us tick;

    after = from(ticks, after);
    until = to(ticks, until);
    if (until <= after)
        return TICK_NEVER;
    if (ticks->schedule->kind == SCHEDULE_REBOOT)
        return boot(ticks, after, until);
    if (schedule_last(ticks->schedule, ticks->zone, ticks->anchor, after, until, &tick))
        return TICK_NEVER;
    return tick;
}

instant_us ticks_nth_last(const struct ticks *ticks, instant_us after, instant_us until, int n)
{
    instant_us found = ticks_last(ticks, after, until);

    while (found != TICK_NEVER && --n > 0) {
        instant_us older = ticks_last(ticks, after, found - 1);

        if (older == TICK_NEVER)
            break;
        found = older;
    }
    return found;
}

int64_t ticks_count(const struct ticks *ticks, instant_us after, instant_us until)
{
    after = from(ticks, after);
    until = to(ticks, until);
    if (until <= after)
        return 0;
    if (ticks->schedule->kind == SCHEDULE_REBOOT)
        return boot(ticks, after, until) != TICK_NEVER;
    return schedule_count(ticks->schedule, ticks->zone, ticks->anchor, after, until);
}

bool ticks_are_open(const struct ticks *ticks)
{
    return ticks->schedule->kind == SCHEDULE_REBOOT || ticks->schedule->kind == SCHEDULE_MANUAL;
}
