/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/posix/clock.h: the machine's clocks: CLOCK_REALTIME and CLOCK_BOOTTIME. */
#ifndef CRONJOB_ADAPTERS_POSIX_CLOCK_H
#define CRONJOB_ADAPTERS_POSIX_CLOCK_H

#include "ports/clock.h"

struct clock *posix_clock_new(void);

/* The wall clock, for who asks by a callback; the context is not used. */
instant_us posix_now(void *context);
/* And the one that never steps. */
mono_us posix_mono(void);

/* Whether the kernel's clock follows a time server, as adjtimex(2) says; the context is not used.
 */
bool posix_clock_is_synchronised(void *context);

#endif
