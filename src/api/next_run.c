/* SPDX-License-Identifier: Apache-2.0 */
#include "api/next_run.h"

#include "core/schedule.h"

instant_us next_run_of(struct api *api, const struct job_record *job, instant_us now)
{
    bool starts = job->starts_at != INSTANT_NONE;
    instant_us after = starts && job->starts_at > now ? job->starts_at - 1 : now;
    struct schedule schedule;
    const struct zone *zone;
    instant_us tick;

    if (!job->enabled || job->removed || job->status == JOB_FINISHED)
        return INSTANT_NONE;
    if (schedule_parse(job->schedule, job->id, &schedule, NULL) != RC_OK ||
        zones_get(api->config.zones, job->time_zone, &zone, NULL) != RC_OK)
        return INSTANT_NONE;
    if (schedule_next(&schedule, zone, starts ? job->starts_at : job->created_at, after, &tick) !=
        RC_OK)
        return INSTANT_NONE;
    return job->ends_at != INSTANT_NONE && tick >= job->ends_at ? INSTANT_NONE : tick;
}
