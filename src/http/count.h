/* SPDX-License-Identifier: Apache-2.0 */
/* http/count.h: the metrics of a server's requests, by method, pattern of the route and status. */
#ifndef CRONJOB_HTTP_COUNT_H
#define CRONJOB_HTTP_COUNT_H

#include "http/server.h"

/* To be a server's `finished`. */
void http_count_request(struct http_request *request, unsigned status, span_us duration);

#endif
