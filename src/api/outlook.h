/* SPDX-License-Identifier: Apache-2.0 */
/* api/outlook.h: when a job is due next and who calls for it, for those who look at it. Private to
 * api/. */
#ifndef CRONJOB_API_OUTLOOK_H
#define CRONJOB_API_OUTLOOK_H

#include "api/call.h"
#include "wire/job.h"

/* A job that is disabled or finished has neither a next run nor a scheduler. */
struct job_outlook outlook_of(struct api *api, const struct job_record *job, instant_us now);

#endif
