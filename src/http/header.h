/* SPDX-License-Identifier: Apache-2.0 */
/* http/header.h: one header field. */
#ifndef CRONJOB_HTTP_HEADER_H
#define CRONJOB_HTTP_HEADER_H

struct http_header {
    const char *name;
    const char *value;
};

#endif
