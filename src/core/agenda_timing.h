/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/agenda_timing.h: schedules and policies, each kept once however many jobs have it.
 *
 * For the agenda only. A schedule is handed out as a pointer, a policy as a number that
 * timings_policy() looks up; both are counted and go with their last user.
 */
#ifndef CRONJOB_CORE_AGENDA_TIMING_H
#define CRONJOB_CORE_AGENDA_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/pool.h"

#include "core/job.h"
#include "core/schedule.h"

/* Everything about a job's timing that is neither its schedule nor its own. Compared as memory:
 * made zero first, then member by member. */
struct policy {
    const struct zone *zone;
    instant_us starts_at; /* INSTANT_NONE: none, or the same as the job's anchor */
    instant_us ends_at;
    span_us jitter;
    span_us catch_up_window;
    struct retries retries;
    enum concurrency concurrency;
    enum catch_up catch_up;
    enum worker_loss on_worker_loss;
};

struct kept_policy;

struct timings {
    struct pool schedules;
    struct map schedules_by_hash;
    struct map policies_by_hash;
    struct kept_policy **policies;
    uint32_t policy_capacity;
    uint32_t policy_count;
    uint32_t policy_free; /* index + 1 of a free place, 0: none */
};

void timings_init(struct timings *timings);
void timings_release(struct timings *timings); /* nobody has any by now */

const struct schedule *timings_keep_schedule(struct timings *timings,
                                             const struct schedule *schedule);
void timings_drop_schedule(struct timings *timings, const struct schedule *schedule);

uint32_t timings_keep_policy(struct timings *timings, const struct policy *policy);
void timings_drop_policy(struct timings *timings, uint32_t policy);
/* Valid until the next timings_keep_policy() or timings_drop_policy() of it. */
const struct policy *timings_policy(const struct timings *timings, uint32_t policy);

#endif
