/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/job_body.h: a job as a client sends it, with the defaults that only the server knows, checked
 * against what the job itself cannot know. Private to api/.
 *
 * - run_as: the account of who asks; of a job that exists, its owner. A server that is not root can
 *   start processes as its own account only, so that one is the default of its administrators.
 *   Who asks must have the right to it (RC_FORBIDDEN). A user without an account of their own name
 *   has the first of those they may use.
 * - An operator may change `enabled` and nothing else (RC_FORBIDDEN).
 * - time_zone: the server's. It must exist, as the account must.
 * - A schedule that is new must have a tick to come.
 */
#ifndef CRONJOB_API_JOB_BODY_H
#define CRONJOB_API_JOB_BODY_H

#include "api/call.h"
#include "api/job_find.h"
#include "wire/job.h"

/*
 * Reads the request's body. `current` is the job as it is, NULL for a new one. Memory comes from
 * problems->arena. RC_MALFORMED, RC_FORBIDDEN; RC_INVALID: see problems.
 * What executable_read() answers.
 */
MUST_USE enum rc job_body_read(struct call *call, enum wire_job_mode mode,
                               const struct job_found *current, struct problems *problems,
                               struct job *ret_job, struct err *err);

#endif
