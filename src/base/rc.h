/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/rc.h: how every fallible function of the project answers.
 *
 * One table gives each code its text, the HTTP status that tells a client of it, and whether the
 * same call may succeed later without anything being mended. A function's header names the codes
 * that its caller must handle; every other code is passed on unchanged.
 */
#ifndef CRONJOB_BASE_RC_H
#define CRONJOB_BASE_RC_H

#include <stdbool.h>

/* clang-format off */
#define RC_TABLE(X)                                                                            \
    /* code            text                                             status  retry */        \
    X(RC_OK,           "done",                                             200,  false)         \
    X(RC_MALFORMED,    "the request cannot be read",                       400,  false)         \
    X(RC_UNAUTHORIZED, "who asks is not known",                            401,  false)         \
    X(RC_FORBIDDEN,    "not allowed",                                      403,  false)         \
    X(RC_NOT_FOUND,    "no such thing",                                    404,  false)         \
    X(RC_CONFLICT,     "in conflict with what exists",                     409,  false)         \
    X(RC_STALE,        "it has changed since it was read",                 412,  false)         \
    X(RC_TOO_BIG,      "larger than allowed",                              413,  false)         \
    X(RC_INVALID,      "a value is not acceptable",                        422,  false)         \
    X(RC_NEVER,        "the schedule has no further tick",                 422,  false)         \
    X(RC_LIMITED,      "too many requests",                                429,  true)          \
    X(RC_INTERNAL,     "an internal error",                                500,  false)         \
    X(RC_IO,           "input or output failed",                           500,  false)         \
    X(RC_BUSY,         "busy, try again",                                  503,  true)          \
    X(RC_UNAVAILABLE,  "a needed service does not answer",                 503,  true)          \
    X(RC_UNKNOWN,      "the outcome is not known",                         503,  true)          \
    X(RC_CLOSED,       "closed",                                           503,  false)         \
    X(RC_TIMEOUT,      "the deadline has passed",                          504,  true)          \
    X(RC_FULL,         "no space is left",                                 507,  true)
/* clang-format on */

enum rc {
#define RC_ENUM(code, text, status, retry) code,
    RC_TABLE(RC_ENUM)
#undef RC_ENUM
};

const char *rc_text(enum rc rc);
int rc_http_status(enum rc rc);
bool rc_is_retryable(enum rc rc);

#endif
