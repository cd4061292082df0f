/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/pool.h: many objects of one size, without a word more for each.
 *
 * malloc() spends 8 to 16 bytes on every object; where there are a million of them that matters.
 * Objects live in blocks of 16 KiB, and a block goes back to malloc() when its last object is gone.
 * `object_size` is a multiple of 8 and at most POOL_OBJECT_MAX. Not shared between threads.
 */
#ifndef CRONJOB_BASE_POOL_H
#define CRONJOB_BASE_POOL_H

#include <stddef.h>

#include "base/list.h"

enum { POOL_OBJECT_MAX = 1024 };

struct pool {
    size_t object_size;
    struct list open; /* blocks with room */
    size_t count;     /* objects alive */
};

void pool_init(struct pool *pool, size_t object_size);
void pool_release(struct pool *pool); /* every object is freed by now */

void *pool_alloc(struct pool *pool); /* zeros */
void pool_free(struct pool *pool, void *object);

#endif
