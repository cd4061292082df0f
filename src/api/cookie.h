/* SPDX-License-Identifier: Apache-2.0 */
/* api/cookie.h: the cookie of a session (RFC 6265). Pure, private to api/. */
#ifndef CRONJOB_API_COOKIE_H
#define CRONJOB_API_COOKIE_H

#include "base/arena.h"
#include "base/instant.h"

#define SESSION_COOKIE "cronjob_session"

/* The value of the first cookie of this name in a Cookie field (NULL: none came). NULL: it is not
 * there, or empty. */
const char *cookie_find(const char *field, const char *name, struct arena *arena);

/* A Set-Cookie field that holds for `age`; 0: forget it. No script may read it, no page of another
 * site has it sent, and with `secure` it never goes in clear. */
const char *cookie_text(const char *name, const char *value, span_us age, bool secure,
                        struct arena *arena);

#endif
