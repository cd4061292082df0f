/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/placement.h: which worker keeps a job.
 *
 * A job stays where it is as long as its worker may keep it: as few as possible move. Otherwise it
 * goes to the least loaded of the workers that may. A draining worker may keep a job only when no
 * other can take it, so that no tick is without an owner.
 */
#ifndef CRONJOB_CORE_PLACEMENT_H
#define CRONJOB_CORE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"

struct placement_worker {
    char name[LIMIT_NAME + 1];
    bool present;  /* it is a member */
    bool draining; /* it should get nothing new */
    int64_t tasks; /* jobs it keeps */
};

/* The index of the worker for a job that is now on `current` ("" for none); -1 when there is no
 * worker at all. */
int placement_pick(const struct placement_worker *workers, size_t count, const char *current);

#endif
