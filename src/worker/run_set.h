/* SPDX-License-Identifier: Apache-2.0 */
/* worker/run_set.h: a set of run keys. `struct run_set set = {0};` is a valid, empty one. */
#ifndef CRONJOB_WORKER_RUN_SET_H
#define CRONJOB_WORKER_RUN_SET_H

#include <stdbool.h>

#include "base/table.h"

#include "core/run.h"

struct run_set {
    struct table table;
};

void run_set_release(struct run_set *set);

bool run_set_has(const struct run_set *set, const struct run_key *run);
void run_set_add(struct run_set *set, const struct run_key *run);    /* harmless when it is there */
bool run_set_remove(struct run_set *set, const struct run_key *run); /* whether it was there */

/* At most `limit` of them, in no order; the caller frees the array. */
struct run_key *run_set_copy(const struct run_set *set, size_t limit, size_t *ret_count);

#endif
