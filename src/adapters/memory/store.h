/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/memory/store.h: the store in memory, for simulation and as the contract's plainest form.
 *
 * It keeps the same contract as every store and nothing after store_free(). Its hooks play the
 * faults that a real store shows to its callers. They are called with the store locked: they must
 * not call it.
 */
#ifndef CRONJOB_ADAPTERS_MEMORY_STORE_H
#define CRONJOB_ADAPTERS_MEMORY_STORE_H

#include <stdbool.h>

#include "ports/clock.h"
#include "ports/store.h"

enum memory_store_fault {
    MEMORY_STORE_FAULT_NONE,
    MEMORY_STORE_FAULT_FAIL,            /* RC_UNAVAILABLE, nothing is written */
    MEMORY_STORE_FAULT_UNKNOWN_WRITTEN, /* RC_UNKNOWN, written */
    MEMORY_STORE_FAULT_UNKNOWN_LOST,    /* RC_UNKNOWN, nothing is written */
    MEMORY_STORE_FAULT_LATE, /* RC_UNKNOWN, written by memory_store_release_late(): as a store that
                                is slow, so that what depends on the clock is decided then */
};

struct memory_store_config {
    struct clock *clock; /* borrowed */
    /* May be NULL. Asked once for each apply(). */
    enum memory_store_fault (*fault)(void *context, const struct store_write *writes, size_t count);
    /* May be NULL. While it answers true every call answers RC_UNAVAILABLE and does nothing. */
    bool (*unreachable)(void *context);
    void *context;
};

struct store *memory_store_new(const struct memory_store_config *config);

/* Executes the applies that are late, in their order; their outcomes are lost. Answers how many. */
size_t memory_store_release_late(struct store *store);

#endif
