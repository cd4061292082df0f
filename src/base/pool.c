/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/*
 * A block begins at a multiple of BLOCK, so that an object's address tells its block. It is a
 * little smaller, so that the words which malloc() puts before the next one fit in between.
 */
enum { BLOCK = 16 * 1024, BLOCK_USED = BLOCK - 16 };

struct free_object {
    struct free_object *next;
};

struct block {
    struct list link; /* in pool->open, unless it is full */
    struct free_object *free;
    size_t alive;
    size_t touched; /* objects from here on were never handed out */
    uint64_t objects[];
};

static size_t room(const struct pool *pool)
{
    return (BLOCK_USED - offsetof(struct block, objects)) / pool->object_size;
}

void pool_init(struct pool *pool, size_t object_size)
{
    CHECK(object_size >= sizeof(struct free_object) && object_size <= POOL_OBJECT_MAX);
    CHECK(object_size % sizeof(uint64_t) == 0);
    *pool = (struct pool){.object_size = object_size};
    list_init(&pool->open);
}

void pool_release(struct pool *pool)
{
    CHECK(pool->count == 0);
}

static struct block *block_new(struct pool *pool)
{
    void *memory = NULL;
    struct block *block;

    CHECK(posix_memalign(&memory, BLOCK, BLOCK_USED) == 0);
    block = memory;
    *block = (struct block){0};
    list_append(&pool->open, &block->link);
    return block;
}

void *pool_alloc(struct pool *pool)
{
    struct block *block =
        list_is_empty(&pool->open) ? block_new(pool) : list_first(&pool->open, struct block, link);
    void *object = block->free;

    if (object)
        block->free = block->free->next;
    else
        object = block->objects + block->touched++ * (pool->object_size / sizeof(uint64_t));
    if (++block->alive == room(pool))
        list_remove(&block->link);
    pool->count++;
    return memset(object, 0, pool->object_size);
}

void pool_free(struct pool *pool, void *object)
{
    struct block *block = (void *)((uintptr_t)object & ~((uintptr_t)BLOCK - 1));
    struct free_object *freed = object;

    if (block->alive-- == room(pool))
        list_append(&pool->open, &block->link);
    pool->count--;
    if (block->alive == 0) {
        list_remove(&block->link);
        free(block);
        return;
    }
    freed->next = block->free;
    block->free = freed;
}
