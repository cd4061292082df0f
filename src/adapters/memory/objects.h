/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/memory/objects.h: objects in memory, for tests and simulation.
 *
 * Its hook plays the faults that a real place for objects shows to its callers. It is called with
 * the objects locked: it must not call them.
 */
#ifndef CRONJOB_ADAPTERS_MEMORY_OBJECTS_H
#define CRONJOB_ADAPTERS_MEMORY_OBJECTS_H

#include "ports/clock.h"
#include "ports/objects.h"

enum memory_objects_call {
    MEMORY_OBJECTS_PUT,
    MEMORY_OBJECTS_GET,
    MEMORY_OBJECTS_STAT,
    MEMORY_OBJECTS_LIST,
    MEMORY_OBJECTS_REMOVE,
};

enum memory_objects_fault {
    MEMORY_OBJECTS_FAULT_NONE,
    MEMORY_OBJECTS_FAULT_FAIL,         /* RC_UNAVAILABLE, nothing happens */
    MEMORY_OBJECTS_FAULT_REFUSE,       /* RC_FORBIDDEN, nothing happens */
    MEMORY_OBJECTS_FAULT_FULL,         /* RC_FULL, nothing happens */
    MEMORY_OBJECTS_FAULT_UNKNOWN_DONE, /* RC_UNKNOWN, it has happened. Put and remove */
    MEMORY_OBJECTS_FAULT_CUT,          /* get: half of the bytes, then RC_UNAVAILABLE */
    MEMORY_OBJECTS_FAULT_CORRUPT,      /* get: RC_OK, but a bit of the first byte is wrong */
};

struct memory_objects_config {
    struct clock *clock; /* borrowed; of stored_at */
    /* May be NULL. Asked once for each call; the key of a list is its prefix. */
    enum memory_objects_fault (*fault)(void *context, enum memory_objects_call call,
                                       const char *key);
    void *context;
};

struct objects *memory_objects_new(const struct memory_objects_config *config);

#endif
