/* SPDX-License-Identifier: Apache-2.0 */
/* http/date.h: instants as headers write them. Pure. */
#ifndef CRONJOB_HTTP_DATE_H
#define CRONJOB_HTTP_DATE_H

#include "base/instant.h"

/* "Tue, 24 Nov 2026 07:55:00 GMT" (RFC 9110 section 5.6.7). INSTANT_NONE for anything else, and for
 * NULL. */
instant_us http_date_read(const char *text);

#endif
