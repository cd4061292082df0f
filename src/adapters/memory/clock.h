/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/memory/clock.h: a clock that stands still until it is told otherwise. */
#ifndef CRONJOB_ADAPTERS_MEMORY_CLOCK_H
#define CRONJOB_ADAPTERS_MEMORY_CLOCK_H

#include "ports/clock.h"

/* mono() begins at one hour. */
struct clock *memory_clock_new(instant_us now);

/* Steps the wall clock, as somebody who sets it does; mono() goes on. */
void memory_clock_set(struct clock *clock, instant_us now);
/* Time passes: both go on. */
void memory_clock_advance(struct clock *clock, span_us span);

#endif
