/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include "base/compiler.h"
#include "base/mem.h"

/*
 * Four children to a node: half the levels of a binary heap, and the four are read side by side, so
 * that their cache misses overlap.
 */
enum { CHILDREN = 4, FIRST_CAPACITY = 64 };

void heap_release(struct heap *heap)
{
    free(heap->nodes);
    *heap = (struct heap){0};
}

static void put(struct heap *heap, size_t index, struct heap_node *node)
{
    heap->nodes[index] = node;
    node->place = index + 1;
}

static size_t sift_up(struct heap *heap, size_t index, const struct heap_node *node)
{
    while (index > 0 && heap->nodes[(index - 1) / CHILDREN]->due > node->due) {
        put(heap, index, heap->nodes[(index - 1) / CHILDREN]);
        index = (index - 1) / CHILDREN;
    }
    return index;
}

/* The child of `index` with the lowest `due`; heap->count when it has none. */
static size_t lowest_child(const struct heap *heap, size_t index)
{
    size_t first = index * CHILDREN + 1, lowest = MIN(first, heap->count);

    for (size_t child = first + 1; child < first + CHILDREN && child < heap->count; child++) {
        if (heap->nodes[child]->due < heap->nodes[lowest]->due)
            lowest = child;
    }
    return lowest;
}

static size_t sift_down(struct heap *heap, size_t index, const struct heap_node *node)
{
    for (;;) {
        size_t child = lowest_child(heap, index);

        if (child >= heap->count || heap->nodes[child]->due >= node->due)
            return index;
        put(heap, index, heap->nodes[child]);
        index = child;
    }
}

/* `index` is a hole; the node finds its place from there. */
static void settle(struct heap *heap, size_t index, struct heap_node *node)
{
    index = sift_up(heap, index, node);
    put(heap, sift_down(heap, index, node), node);
}

static void resize(struct heap *heap, size_t capacity)
{
    heap->capacity = capacity;
    heap->nodes = xrealloc(heap->nodes, capacity, sizeof(struct heap_node *));
}

void heap_set(struct heap *heap, struct heap_node *node, int64_t due)
{
    size_t index = node->place ? node->place - 1 : heap->count;

    if (!node->place) {
        if (heap->count == heap->capacity)
            resize(heap, heap->capacity ? heap->capacity * 2 : FIRST_CAPACITY);
        heap->count++;
    }
    node->due = due;
    settle(heap, index, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t index = node->place - 1;
    struct heap_node *last;

    if (!node->place)
        return;
    last = heap->nodes[--heap->count];
    if (last != node)
        settle(heap, index, last);
    node->place = 0;
    if (heap->capacity > FIRST_CAPACITY && heap->count < heap->capacity / 4)
        resize(heap, heap->capacity / 2);
}

static size_t count_below(const struct heap *heap, size_t index, int64_t due)
{
    size_t count = 1;

    if (index >= heap->count || heap->nodes[index]->due > due)
        return 0;
    for (size_t child = index * CHILDREN + 1; child <= index * CHILDREN + CHILDREN; child++)
        count += count_below(heap, child, due); /* as deep as the heap: eleven for a million */
    return count;
}

size_t heap_count_until(const struct heap *heap, int64_t due)
{
    return count_below(heap, 0, due);
}
