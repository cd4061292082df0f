/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/table.h: a hash table whose nodes live in the objects themselves.
 *
 * The table owns nothing but its slots, which grow and never shrink. The caller hashes (hash_mix()
 * spreads a number well) and compares: table_first() and table_next() walk the nodes that have this
 * hash. `struct table table = {0};` is a valid, empty table.
 */
#ifndef CRONJOB_BASE_TABLE_H
#define CRONJOB_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_node {
    struct table_node *next;
    uint64_t hash;
};

struct table {
    struct table_node **slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

void table_release(struct table *table);
void table_insert(struct table *table, struct table_node *node, uint64_t hash);
void table_remove(struct table *table, struct table_node *node); /* which is in it */

/* Nodes with exactly this hash; NULL at the end. */
struct table_node *table_first(const struct table *table, uint64_t hash);
struct table_node *table_next(const struct table_node *node);

/* Every node, in no order: begin with NULL. To remove one, ask for the one after it first. */
struct table_node *table_after(const struct table *table, const struct table_node *node);

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t hash_mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

#endif
