/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/clock.h: what time it is. The only way to learn it, so that a test may decide.
 *
 * Contract: now() is the wall clock and may step in both directions; mono() never goes back, and
 * goes on while the machine sleeps. Both are safe from any thread.
 */
#ifndef CRONJOB_PORTS_CLOCK_H
#define CRONJOB_PORTS_CLOCK_H

#include "base/instant.h"

struct clock;

struct clock_ops {
    const char *name;
    instant_us (*now)(struct clock *clock);
    mono_us (*mono)(struct clock *clock);
    void (*free)(struct clock *clock);
};

struct clock {
    const struct clock_ops *ops;
};

static inline instant_us clock_now(struct clock *clock)
{
    return clock->ops->now(clock);
}

static inline mono_us clock_mono(struct clock *clock)
{
    return clock->ops->mono(clock);
}

static inline void clock_free(struct clock *clock)
{
    if (clock)
        clock->ops->free(clock);
}

#endif
