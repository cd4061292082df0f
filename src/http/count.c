/* SPDX-License-Identifier: Apache-2.0 */
#include "http/count.h"

#include <stdio.h>

#include "base/metrics.h"

void http_count_request(struct http_request *request, unsigned status, span_us duration)
{
    const struct http_route *route = http_request_route(request);
    char code[8];

    (void)snprintf(code, sizeof(code), "%u", status % 1000); /* three digits */
    metric_add(metric_series(METRIC_HTTP_REQUESTS, route ? route->method : "other",
                             route ? route->path : "none", code),
               1);
    metric_observe(metric_series(METRIC_HTTP_DURATION), duration);
}
