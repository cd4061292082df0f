/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/dispatch.h: what happens to every request before its handler. Private to api/.
 *
 * Before the body is read: where it comes from (guard), who asks (identity), whether they may.
 * After: the body's type and the query's parameters. Only then the route's handler.
 */
#ifndef CRONJOB_API_DISPATCH_H
#define CRONJOB_API_DISPATCH_H

#include "http/server.h"

/* False: it was refused, and answered. */
bool dispatch_admit(struct http_request *request);

void dispatch_call(struct http_request *request);

#endif
