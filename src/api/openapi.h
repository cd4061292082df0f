/* SPDX-License-Identifier: Apache-2.0 */
/* api/openapi.h: the description of the API, made from its routes and schemas. Private to api/. */
#ifndef CRONJOB_API_OPENAPI_H
#define CRONJOB_API_OPENAPI_H

#include "base/buf.h"

void openapi_write(struct buf *buf, const char *version);

#endif
