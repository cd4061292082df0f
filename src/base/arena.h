/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/arena.h: memory that lives and dies together.
 *
 * One arena serves one request, one batch or one loaded document; everything taken from it is
 * released by arena_release() and nothing in it may outlive that. `struct arena arena = {0};` is a
 * valid, empty arena. Memory is aligned for any type. Not shared between threads.
 */
#ifndef CRONJOB_BASE_ARENA_H
#define CRONJOB_BASE_ARENA_H

#include <stddef.h>

#include "base/compiler.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes used of the newest block */
};

void *arena_alloc(struct arena *arena, size_t size);       /* not initialised */
void *arena_calloc(struct arena *arena, size_t size);      /* zeros */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
void arena_release(struct arena *arena);

#define AUTO_ARENA CLEANUP(arena_release)

#endif
