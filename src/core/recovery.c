/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recovery.h"

#include <stdio.h>

struct recovery recovery_decide(const struct run *run, const struct job_record *job)
{
    struct recovery recovery = {.next = run->key, .job_status = JOB_ERROR};

    if (!job || job->removed)
        return recovery;
    /* Of another revision it is not known whether it was fenced: it may go on where it is. */
    recovery.reruns = job->enabled && job->on_worker_loss == WORKER_LOSS_RERUN &&
                      run->revision == job->revision &&
                      run->key.attempt <= job->retries.limit + AGENDA_RERUNS;
    recovery.next.attempt += recovery.reruns;
    recovery.sets_status = !recovery.reruns;
    return recovery;
}

const char *recovery_reason(const char *worker, char text[LIMIT_REASON + 1])
{
    (void)snprintf(text, LIMIT_REASON + 1, "worker %s vanished", worker); /* a name fits */
    return text;
}

bool recovery_unclaimed(const struct job_record *job, const struct schedule *schedule,
                        const struct zone *zone, instant_us now, struct unclaimed *ret_unclaimed)
{
    instant_us anchor = job->starts_at == INSTANT_NONE ? job->created_at : job->starts_at;
    instant_us after = MAX(job->due_since, job->cursor);
    instant_us until = now - job->jitter - job->catch_up_window - RECOVERY_MARGIN;
    struct unclaimed unclaimed;

    if (job->starts_at != INSTANT_NONE)
        after = MAX(after, job->starts_at - 1);
    if (job->ends_at != INSTANT_NONE)
        until = MIN(until, job->ends_at - 1);
    if (after >= until || schedule_next(schedule, zone, anchor, after, &unclaimed.first) != RC_OK ||
        unclaimed.first > until ||
        schedule_last(schedule, zone, anchor, after, until, &unclaimed.last) != RC_OK)
        return false;
    unclaimed.count = schedule_count(schedule, zone, anchor, after, until);
    *ret_unclaimed = unclaimed;
    return true;
}
