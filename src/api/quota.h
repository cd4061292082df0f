/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/quota.h: how many jobs and waiting runs an owner may have. Private to api/.
 *
 * It is compared with what the store has when the request comes, so requests at the same moment can
 * pass it by a few. Administrators are not held to it.
 */
#ifndef CRONJOB_API_QUOTA_H
#define CRONJOB_API_QUOTA_H

#include "api/call.h"

/* Whether who asks may have one more job. RC_FORBIDDEN. */
MUST_USE enum rc quota_of_jobs(const struct call *call, struct err *err);

/* Whether one more run of this owner's jobs may wait. RC_FORBIDDEN. */
MUST_USE enum rc quota_of_runs(const struct call *call, const char *owner, struct err *err);

#endif
