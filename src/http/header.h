/* SPDX-License-Identifier: Apache-2.0 */
/* http/header.h: one header field. */
#ifndef CRONJOB_HTTP_HEADER_H
#define CRONJOB_HTTP_HEADER_H

struct http_header {
    const char *name;
    const char *value;
};

/* What every answer says to browsers: it is what it says it is, no page may frame it, it loads
 * nothing, and what it links to does not learn where from. A list for an array of headers. */
/* clang-format off */
#define HTTP_SECURITY_HEADERS                                                             \
    {"X-Content-Type-Options", "nosniff"},                                                \
    {"Content-Security-Policy",                                                           \
     "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},  \
    {"Referrer-Policy", "no-referrer"}
/* clang-format on */

#endif
