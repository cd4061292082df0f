/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_set(struct err *err, const char *format, ...)
{
    va_list args;

    if (!err)
        return;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args); /* cut is fine */
    va_end(args);
}

void err_set_errno(struct err *err, int error, const char *format, ...)
{
    char text[128];
    va_list args;
    size_t used;

    if (!err)
        return;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args); /* cut is fine */
    va_end(args);
    used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s",
                   strerror_r(error, text, sizeof(text)));
}

void err_put_before(struct err *err, enum rc rc, const char *format, ...)
{
    struct err old;
    va_list args;
    size_t used;

    if (!err)
        return;
    old = *err;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof(err->message), format, args); /* cut is fine */
    va_end(args);
    used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof(err->message) - used, ": %s", err_message(&old, rc));
}

const char *err_message(const struct err *err, enum rc rc)
{
    return err && err->message[0] ? err->message : rc_text(rc);
}
