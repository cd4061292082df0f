/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/map.h: numbers by number, in 16 bytes a slot.
 *
 * Open addressing with linear probing; a removal moves what follows back, so there are no
 * tombstones and a map that shrinks gives its memory back. Keys are not 0. `struct map map = {0};`
 * is a valid, empty map.
 */
#ifndef CRONJOB_BASE_MAP_H
#define CRONJOB_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key; /* 0: free */
    uint64_t value;
};

struct map {
    struct map_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

void map_init(struct map *map);
void map_release(struct map *map);

bool map_get(const struct map *map, uint64_t key, uint64_t *ret_value);
void map_put(struct map *map, uint64_t key, uint64_t value);
void map_remove(struct map *map, uint64_t key); /* harmless when it is not there */

/* Visits all, in no order: *at begins at 0; false at the end. The map must not change meanwhile. */
bool map_next(const struct map *map, size_t *at, uint64_t *ret_key, uint64_t *ret_value);

#endif
