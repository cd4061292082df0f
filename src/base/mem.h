/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/mem.h: allocation that cannot fail.
 *
 * Out of memory ends the process: leases, the store and the guardian make a crash safe, and
 * half-tested recovery paths rot. Whatever a peer can size is limited before it gets here
 * (core/limits.h).
 */
#ifndef CRONJOB_BASE_MEM_H
#define CRONJOB_BASE_MEM_H

#include <stdlib.h>

#include "base/compiler.h"

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *memory, size_t count, size_t size);
/* An array of `count` things of `size` bytes with room for one more: when *capacity is reached it
 * is moved to twice the room. NULL with a capacity of 0 is an empty array. */
void *xgrow(void *array, size_t count, size_t *capacity, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) PRINTF(1, 2);

/* For AUTO_FREE: frees what the pointer at `pointer` points at. */
void mem_free_at(void *pointer);
#define AUTO_FREE CLEANUP(mem_free_at)

#endif
