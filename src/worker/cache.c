/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The hash is as good as random, whoever chose the bytes. */
static uint64_t hash_of(const char *text)
{
    uint64_t value = 0;

    for (int i = 0; i < 16; i++)
        value = value << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
    return hash_mix(value);
}

void cache_init(struct cache *cache, int64_t limit)
{
    *cache = (struct cache){.limit = limit};
    list_init(&cache->by_use);
}

void cache_release(struct cache *cache)
{
    struct table_node *node;

    while ((node = table_after(&cache->by_hash, NULL))) {
        struct cached *file = container_of(node, struct cached, node);

        table_remove(&cache->by_hash, node);
        list_remove(&file->by_use);
        list_remove(&file->link);
        free(file);
    }
    table_release(&cache->by_hash);
}

struct cached *cache_find(const struct cache *cache, const char *hash)
{
    struct table_node *node = table_first(&cache->by_hash, hash_of(hash));

    while (node && strcmp(container_of(node, struct cached, node)->hash, hash) != 0)
        node = table_next(node);
    return node ? container_of(node, struct cached, node) : NULL;
}

struct cached *cache_get(struct cache *cache, const char *hash)
{
    struct cached *file = cache_find(cache, hash);

    if (file)
        return file;
    file = xcalloc(1, sizeof(*file));
    memcpy(file->hash, hash, CACHE_HASH - 1);
    list_init(&file->by_use);
    list_init(&file->link);
    table_insert(&cache->by_hash, &file->node, hash_of(hash));
    return file;
}

void cache_use(struct cache *cache, struct cached *file)
{
    if (!file->stored)
        return;
    list_remove(&file->by_use);
    list_append(&cache->by_use, &file->by_use);
}

void cache_store(struct cache *cache, struct cached *file, int64_t size)
{
    cache->bytes += size - (file->stored ? file->size : 0);
    file->stored = true;
    file->size = size;
    cache_use(cache, file);
}

void cache_lose(struct cache *cache, struct cached *file)
{
    if (file->stored)
        cache->bytes -= file->size;
    file->stored = file->verified = false;
    file->size = 0;
    list_remove(&file->by_use);
}

void cache_forget(struct cache *cache, struct cached *file)
{
    if (file->stored || file->users || file->busy || !list_is_empty(&file->link))
        return;
    table_remove(&cache->by_hash, &file->node);
    free(file);
}

bool cache_is_over(const struct cache *cache)
{
    return cache->bytes > cache->limit;
}

struct cached *cache_victim(const struct cache *cache)
{
    struct cached *file;

    list_for_each (file, &cache->by_use, by_use)
        if (!file->users && !file->busy)
            return file;
    return NULL;
}
