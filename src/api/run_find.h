/* SPDX-License-Identifier: Apache-2.0 */
/* api/run_find.h: the run that a request is about. Private to api/. */
#ifndef CRONJOB_API_RUN_FIND_H
#define CRONJOB_API_RUN_FIND_H

#include "api/call.h"

/*
 * The run of the path's id. RC_NOT_FOUND: there is none, or it is not for who asks. Writes it as
 * JSON to `buf` unless NULL; `ret_status` may be NULL.
 */
MUST_USE enum rc run_find(struct call *call, struct run_key *ret_key, struct buf *buf,
                          enum run_status *ret_status, struct err *err);

/* The same by its key. */
MUST_USE enum rc run_find_key(struct call *call, const struct run_key *key, struct buf *buf,
                              enum run_status *ret_status, struct err *err);

#endif
