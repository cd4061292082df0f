/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/measured/store.h: a store in front of another, that measures it: how long each operation
 * takes (cronjob_store_operation_duration_seconds) and how it fails (cronjob_store_failures_total).
 * A write that is refused is no failure.
 */
#ifndef CRONJOB_ADAPTERS_MEASURED_STORE_H
#define CRONJOB_ADAPTERS_MEASURED_STORE_H

#include "ports/clock.h"
#include "ports/store.h"

/* Takes `inner` over; the clock is not owned. */
struct store *measured_store_new(struct store *inner, struct clock *clock);

#endif
