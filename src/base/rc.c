/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rc.h"

static const struct {
    const char *text;
    int status;
    bool retry;
} table[] = {
#define RC_ROW(code, text, status, retry) [code] = {text, status, retry},
    RC_TABLE(RC_ROW)
#undef RC_ROW
};

const char *rc_text(enum rc rc)
{
    return table[rc].text;
}

int rc_http_status(enum rc rc)
{
    return table[rc].status;
}

bool rc_is_retryable(enum rc rc)
{
    return table[rc].retry;
}
