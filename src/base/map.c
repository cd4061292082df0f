/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/table.h"

enum { FIRST_SLOTS = 16 };

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_release(struct map *map)
{
    free(map->slots);
    map_init(map);
}

/* The slot of the key, or the free one where it would be. The map has a free slot. */
static size_t find(const struct map *map, uint64_t key)
{
    size_t at = hash_mix(key) & (map->slot_count - 1);

    while (map->slots[at].key && map->slots[at].key != key)
        at = (at + 1) & (map->slot_count - 1);
    return at;
}

static void resize(struct map *map, size_t slot_count)
{
    struct map old = *map;

    map->slots = xcalloc(slot_count, sizeof(*map->slots));
    map->slot_count = slot_count;
    for (size_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i].key)
            map->slots[find(map, old.slots[i].key)] = old.slots[i];
    }
    free(old.slots);
}

bool map_get(const struct map *map, uint64_t key, uint64_t *ret_value)
{
    size_t at;

    if (!map->count || !key)
        return false;
    at = find(map, key);
    if (!map->slots[at].key)
        return false;
    *ret_value = map->slots[at].value;
    return true;
}

void map_put(struct map *map, uint64_t key, uint64_t value)
{
    size_t at;

    CHECK(key);
    if (map->count >= map->slot_count - map->slot_count / 4)
        resize(map, map->slot_count ? map->slot_count * 2 : FIRST_SLOTS);
    at = find(map, key);
    map->count += !map->slots[at].key;
    map->slots[at] = (struct map_slot){key, value};
}

/* Every entry after the freed slot whose way from its own place led past it moves into it. */
static void close_gap(struct map *map, size_t gap)
{
    size_t mask = map->slot_count - 1;

    for (size_t at = (gap + 1) & mask; map->slots[at].key; at = (at + 1) & mask) {
        size_t home = hash_mix(map->slots[at].key) & mask;

        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        map->slots[gap] = map->slots[at];
        gap = at;
    }
    map->slots[gap] = (struct map_slot){0};
}

void map_remove(struct map *map, uint64_t key)
{
    size_t at;

    if (!map->count || !key)
        return;
    at = find(map, key);
    if (!map->slots[at].key)
        return;
    close_gap(map, at);
    map->count--;
    if (map->slot_count > FIRST_SLOTS && map->count < map->slot_count / 8)
        resize(map, map->slot_count / 2);
}

bool map_next(const struct map *map, size_t *at, uint64_t *ret_key, uint64_t *ret_value)
{
    while (*at < map->slot_count) {
        const struct map_slot *slot = &map->slots[(*at)++];

        if (!slot->key)
            continue;
        *ret_key = slot->key;
        *ret_value = slot->value;
        return true;
    }
    return false;
}
