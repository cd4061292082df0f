/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/check.h"
#include "base/mem.h"

enum { FIRST_SLOTS = 64 };

static struct table_node **slot_of(const struct table *table, uint64_t hash)
{
    return &table->slots[hash & (table->slot_count - 1)];
}

static void push(struct table *table, struct table_node *node)
{
    struct table_node **slot = slot_of(table, node->hash);

    node->next = *slot;
    *slot = node;
}

static void grow(struct table *table)
{
    struct table old = *table;

    table->slot_count = old.slot_count ? old.slot_count * 2 : FIRST_SLOTS;
    table->slots = xcalloc(table->slot_count, sizeof(struct table_node *));
    for (size_t i = 0; i < old.slot_count; i++) {
        struct table_node *node = old.slots[i];

        while (node) {
            struct table_node *next = node->next;

            push(table, node);
            node = next;
        }
    }
    free(old.slots);
}

void table_release(struct table *table)
{
    free(table->slots);
    *table = (struct table){0};
}

void table_insert(struct table *table, struct table_node *node, uint64_t hash)
{
    if (table->count >= table->slot_count)
        grow(table);
    node->hash = hash;
    push(table, node);
    table->count++;
}

void table_remove(struct table *table, struct table_node *node)
{
    struct table_node **link = slot_of(table, node->hash);

    while (*link && *link != node)
        link = &(*link)->next;
    CHECK(*link);
    *link = node->next;
    table->count--;
}

static struct table_node *match(struct table_node *node, uint64_t hash)
{
    while (node && node->hash != hash)
        node = node->next;
    return node;
}

struct table_node *table_first(const struct table *table, uint64_t hash)
{
    return table->slot_count ? match(*slot_of(table, hash), hash) : NULL;
}

struct table_node *table_next(const struct table_node *node)
{
    return match(node->next, node->hash);
}

struct table_node *table_after(const struct table *table, const struct table_node *node)
{
    size_t slot = 0;

    if (node && node->next)
        return node->next;
    if (node)
        slot = (size_t)(node->hash & (table->slot_count - 1)) + 1;
    while (slot < table->slot_count && !table->slots[slot])
        slot++;
    return slot < table->slot_count ? table->slots[slot] : NULL;
}
