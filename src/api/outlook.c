/* SPDX-License-Identifier: Apache-2.0 */
#include "api/outlook.h"

#include "core/schedule.h"

#include "api/backends.h"

/* The first tick past `now` and within starts_at and ends_at. */
static instant_us next_run(const struct job_record *job, const struct schedule *schedule,
                           const struct zone *zone, instant_us now)
{
    bool starts = job->starts_at != INSTANT_NONE;
    instant_us after = starts && job->starts_at > now ? job->starts_at - 1 : now;
    instant_us tick;

    if (schedule_next(schedule, zone, starts ? job->starts_at : job->created_at, after, &tick) !=
        RC_OK)
        return INSTANT_NONE;
    return job->ends_at != INSTANT_NONE && tick >= job->ends_at ? INSTANT_NONE : tick;
}

struct job_outlook outlook_of(struct api *api, const struct job_record *job, instant_us now)
{
    struct job_outlook outlook = {.next_run = INSTANT_NONE};
    struct crontab_timing timing = {
        .starts_at = job->starts_at, .ends_at = job->ends_at, .jitter = job->jitter};
    struct schedule schedule;

    if (!job->enabled || job->removed || job->status == JOB_FINISHED)
        return outlook;
    if (schedule_parse(job->schedule, job->id, &schedule, NULL) != RC_OK ||
        zones_get(api->config.zones, job->time_zone, &timing.zone, NULL) != RC_OK)
        return outlook;
    timing.schedule = &schedule;
    outlook.next_run = next_run(job, &schedule, timing.zone, now);
    if (*job->worker)
        outlook.scheduler = backends_scheduler(api->backends, job->worker, &timing);
    return outlook;
}
