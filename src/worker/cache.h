/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/cache.h: which copies of scripts and binaries this node has, and which it gives up first.
 *
 * Pure: it knows of copies what it is told. When they are larger than the limit together, the one
 * goes that was used least recently and that no run needs and nothing is being done with. Runs that
 * need a copy count as its users from their claim to their end. Owned by the worker's loop.
 */
#ifndef CRONJOB_WORKER_CACHE_H
#define CRONJOB_WORKER_CACHE_H

#include "base/list.h"
#include "base/table.h"

#include "core/limits.h"

#include "ports/files.h"

enum { CACHE_HASH = 65 }; /* 64 digits and a NUL */

struct cached {
    struct table_node node;
    struct list by_use; /* of those that are stored */
    char hash[CACHE_HASH];
    bool stored; /* there is a copy */
    int64_t size;
    bool verified; /* with this stamp, its bytes are right */
    struct file_stamp stamp;
    size_t users;
    bool busy; /* something is being done with it */
    /* For file.c: */
    struct list link;  /* in the queue for a download */
    unsigned failures; /* in a row */
    enum rc rc;        /* of the last, with the reason */
    char reason[LIMIT_REASON + 1];
    int64_t retry_at; /* mono_us */
};

struct cache {
    struct table by_hash;
    struct list by_use; /* stored, the least recently used first */
    int64_t limit;      /* bytes */
    int64_t bytes;
};

void cache_init(struct cache *cache, int64_t limit);
void cache_release(struct cache *cache);

/* Answers one that it did not know, too. */
struct cached *cache_get(struct cache *cache, const char *hash);
struct cached *cache_find(const struct cache *cache, const char *hash);
/* There is a copy of this size, used just now. */
void cache_store(struct cache *cache, struct cached *file, int64_t size);
/* There is none any more. */
void cache_lose(struct cache *cache, struct cached *file);
void cache_use(struct cache *cache, struct cached *file);
/* Forgets it, unless there is something to remember. */
void cache_forget(struct cache *cache, struct cached *file);

bool cache_is_over(const struct cache *cache);
/* The next to be given up, whatever the limit; NULL: all that is stored is needed. */
struct cached *cache_victim(const struct cache *cache);

#endif
