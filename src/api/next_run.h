/* SPDX-License-Identifier: Apache-2.0 */
/* api/next_run.h: when a job is due next, for those who look at it. Private to api/. */
#ifndef CRONJOB_API_NEXT_RUN_H
#define CRONJOB_API_NEXT_RUN_H

#include "api/call.h"

/* The first tick past `now` and within starts_at and ends_at; INSTANT_NONE when there is none or
 * the job is disabled or finished. */
instant_us next_run_of(struct api *api, const struct job_record *job, instant_us now);

#endif
