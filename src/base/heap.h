/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap.h: what is due first, among many.
 *
 * A heap of nodes that live in the objects themselves, each with a number to sort by: an instant or
 * a deadline. A node knows its place, so it can be moved or removed at any time. The heap owns
 * nothing but the array of pointers, which grows and shrinks. `struct heap heap = {0};` is a valid,
 * empty heap; a zeroed node is in none.
 */
#ifndef CRONJOB_BASE_HEAP_H
#define CRONJOB_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t due;
    size_t place; /* from 1; 0: in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count;
    size_t capacity;
};

void heap_release(struct heap *heap);

/* Inserts the node, or moves it when it is in this heap already. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t due);
/* Takes it out; harmless when it is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* How many nodes are due at or before `due`; looks at no more than four times as many. */
size_t heap_count_until(const struct heap *heap, int64_t due);

/* The node with the lowest `due`, NULL when the heap is empty. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

#endif
