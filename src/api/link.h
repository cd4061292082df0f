/* SPDX-License-Identifier: Apache-2.0 */
/* api/link.h: the address of the next page (RFC 8288). Private to api/. */
#ifndef CRONJOB_API_LINK_H
#define CRONJOB_API_LINK_H

#include "api/call.h"

/* `</runs?status=failed&before=12-1-1>; rel="next"`: this request with the parameter `name` as
 * `value`. It belongs to the request's arena. */
const char *link_next(struct call *call, const char *name, const char *value);

#endif
