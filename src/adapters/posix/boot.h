/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/boot.h: when this machine was booted, as one instant for the whole boot.
 *
 * The kernel tells how long ago it was, which gives another instant whenever the clock is set. So
 * the first answer of a boot is kept in DIRECTORY/boot beside the kernel's boot id, and is the
 * answer until the next boot.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_BOOT_H
#define CRONJOB_ADAPTERS_POSIX_BOOT_H

#include "base/err.h"
#include "base/instant.h"

#include "ports/clock.h"

/* RC_IO, RC_FULL: the file cannot be written. */
MUST_USE enum rc posix_boot_instant(const char *directory, struct clock *clock,
                                    instant_us *ret_boot_at, struct err *err);

#endif
