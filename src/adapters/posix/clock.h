/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/posix/clock.h: the machine's clocks: CLOCK_REALTIME and CLOCK_BOOTTIME. */
#ifndef CRONJOB_ADAPTERS_POSIX_CLOCK_H
#define CRONJOB_ADAPTERS_POSIX_CLOCK_H

#include "ports/clock.h"

struct clock *posix_clock_new(void);

/* The wall clock, for who asks by a callback; the context is not used. */
instant_us posix_now(void *context);

#endif
