/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

static const char *const states[] = {
    [CRON_WAITING] = "waiting",
    [CRON_CALLS] = "calls",
    [CRON_SILENT] = "silent",
    [CRON_UNWRITTEN] = "unwritten",
};

const char *cron_state_text(enum cron_state state)
{
    return states[state];
}

const char *backend_print(const struct backend *backend, char text[BACKEND_TEXT])
{
    if (backend->crontab)
        (void)snprintf(text, BACKEND_TEXT, "crontab %s %s", cron_state_text(backend->cron),
                       backend->time_zone); /* fits by the sizes */
    else
        (void)snprintf(text, BACKEND_TEXT, "timer");
    return text;
}

struct backend backend_parse(const char *text)
{
    static const char crontab[] = "crontab ";
    struct backend backend = {0};

    if (strncmp(text, crontab, sizeof(crontab) - 1) != 0)
        return backend;
    text += sizeof(crontab) - 1;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        size_t length = strlen(states[i]);

        if (strncmp(text, states[i], length) != 0 || text[length] != ' ' ||
            !zone_name_is_valid(text + length + 1))
            continue;
        backend.crontab = true;
        backend.cron = (enum cron_state)i;
        (void)snprintf(backend.time_zone, sizeof(backend.time_zone), "%s", text + length + 1);
    }
    return backend;
}
