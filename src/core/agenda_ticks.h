/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/agenda_ticks.h: the ticks of one job: its schedule, cut off by starts_at and ends_at.
 *
 * For the agenda only. Functions answer TICK_NEVER when there is no such tick.
 */
#ifndef CRONJOB_CORE_AGENDA_TICKS_H
#define CRONJOB_CORE_AGENDA_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/schedule.h"

#define TICK_NEVER INT64_MAX

struct ticks {
    const struct schedule *schedule;
    const struct zone *zone;
    instant_us anchor;
    instant_us starts_at; /* or INSTANT_NONE */
    instant_us ends_at;   /* or INSTANT_NONE */
    instant_us boot_at;   /* the one tick of @reboot */
};

/* The first tick > after. */
instant_us ticks_next(const struct ticks *ticks, instant_us after);

/* The last one in (after, until]. */
instant_us ticks_last(const struct ticks *ticks, instant_us after, instant_us until);

/* The n-th newest one in (after, until], n from 1; the oldest when there are fewer. */
instant_us ticks_nth_last(const struct ticks *ticks, instant_us after, instant_us until, int n);

int64_t ticks_count(const struct ticks *ticks, instant_us after, instant_us until);

static inline bool ticks_include(const struct ticks *ticks, instant_us tick)
{
    return ticks_next(ticks, tick - 1) == tick;
}

/* Whether more ticks may come that nobody can foretell: on demand, or with the next boot. */
bool ticks_are_open(const struct ticks *ticks);

#endif
