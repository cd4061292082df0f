/* SPDX-License-Identifier: Apache-2.0 */
#include "api/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *etag_format(uint64_t revision, char text[ETAG_TEXT])
{
    (void)snprintf(text, ETAG_TEXT, "\"%" PRIu64 "\"", revision); /* 20 digits fit */
    return text;
}

bool etag_list_holds(const char *list, uint64_t revision, bool weak)
{
    char own[ETAG_TEXT];
    size_t length = strlen(etag_format(revision, own));

    for (const char *at = list; *at; at += strcspn(at, ",")) {
        at += strspn(at, ", \t");
        if (*at == '*')
            return true;
        if (weak && strncmp(at, "W/", 2) == 0)
            at += 2;
        if (strncmp(at, own, length) == 0 && strchr(" \t,", at[length])) /* or its NUL */
            return true;
    }
    return false;
}
