/* SPDX-License-Identifier: Apache-2.0 */
#include "core/placement.h"

#include <string.h>

static bool is_better(const struct placement_worker *candidate, const struct placement_worker *best)
{
    if (!best)
        return true;
    if (candidate->draining != best->draining)
        return !candidate->draining;
    return candidate->tasks < best->tasks;
}

int placement_pick(const struct placement_worker *workers, size_t count, const char *current)
{
    const struct placement_worker *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!workers[i].present)
            continue;
        if (!workers[i].draining && !strcmp(workers[i].name, current))
            return (int)i;
        if (is_better(&workers[i], best))
            best = &workers[i];
    }
    return best ? (int)(best - workers) : -1;
}
