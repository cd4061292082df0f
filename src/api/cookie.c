/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cookie.h"

#include <string.h>

const char *cookie_find(const char *field, const char *name, struct arena *arena)
{
    size_t length = strlen(name);

    /* RFC 6265, section 4.2.1: cookie-string = cookie-pair *( ";" SP cookie-pair ) */
    for (const char *at = field; at && *at;) {
        size_t pair;

        at += strspn(at, "; \t");
        pair = strcspn(at, ";");
        if (pair > length + 1 && strncmp(at, name, length) == 0 && at[length] == '=')
            return arena_strndup(arena, at + length + 1, pair - length - 1);
        at += pair;
    }
    return NULL;
}

const char *cookie_text(const char *name, const char *value, span_us age, bool secure,
                        struct arena *arena)
{
    return arena_printf(arena, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name,
                        value, (long long)(age / SECOND), secure ? "; Secure" : "");
}
