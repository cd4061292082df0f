/* SPDX-License-Identifier: Apache-2.0 */
/* api/run_exact.h: a run that is to be repeated as it was. Private to api/. */
#ifndef CRONJOB_API_RUN_EXACT_H
#define CRONJOB_API_RUN_EXACT_H

#include "ports/changes.h"

#include "api/call.h"
#include "wire/run.h"

/*
 * Makes of a request that names a run (`exact`) what that run was: its arguments and variables in
 * the request, its revision in the change, whose job is known. RC_INVALID: problems. RC_FORBIDDEN:
 * the job ran as another account then.
 */
MUST_USE enum rc run_exact_fill(struct call *call, struct change *change,
                                struct run_request *request, struct problems *problems,
                                struct err *err);

#endif
