/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/run_set.h"

#include "base/compiler.h"
#include "base/mem.h"

#include "core/run_hash.h"

struct kept {
    struct table_node node;
    struct run_key run;
};

static struct kept *find(const struct run_set *set, const struct run_key *run)
{
    struct table_node *node = table_first(&set->table, run_key_hash(run));

    while (node && run_key_compare(&container_of(node, struct kept, node)->run, run))
        node = table_next(node);
    return node ? container_of(node, struct kept, node) : NULL;
}

static void drop(struct run_set *set, struct kept *kept)
{
    table_remove(&set->table, &kept->node);
    free(kept);
}

void run_set_release(struct run_set *set)
{
    struct table_node *node;

    while ((node = table_after(&set->table, NULL)))
        drop(set, container_of(node, struct kept, node));
    table_release(&set->table);
}

bool run_set_has(const struct run_set *set, const struct run_key *run)
{
    return find(set, run);
}

void run_set_add(struct run_set *set, const struct run_key *run)
{
    struct kept *kept;

    if (find(set, run))
        return;
    kept = xcalloc(1, sizeof(*kept));
    kept->run = *run;
    table_insert(&set->table, &kept->node, run_key_hash(run));
}

bool run_set_remove(struct run_set *set, const struct run_key *run)
{
    struct kept *kept = find(set, run);

    if (kept)
        drop(set, kept);
    return kept;
}

struct run_key *run_set_copy(const struct run_set *set, size_t limit, size_t *ret_count)
{
    struct run_key *runs = xcalloc(MIN(set->table.count, limit), sizeof(*runs));
    struct table_node *node = table_after(&set->table, NULL);
    size_t count = 0;

    for (; node && count < limit; node = table_after(&set->table, node))
        runs[count++] = container_of(node, struct kept, node)->run;
    *ret_count = count;
    return runs;
}
