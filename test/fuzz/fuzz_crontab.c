/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a crontab; what is read of it obeys the limits of a job. */
#include <string.h>

#include "base/check.h"

#include "core/crontab.h"

#include "fuzz/fuzz.h"

static void check_entry(const struct crontab_entry *entry)
{
    CHECK(entry->line >= 1 && *entry->schedule != '\0' && *entry->command != '\0');
    CHECK(strlen(entry->command) <= LIMIT_EXECUTABLE);
    CHECK(!entry->stdin_text || strlen(entry->stdin_text) <= LIMIT_STDIN);
    CHECK(entry->env.count <= LIMIT_ENV);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int form = CRONTAB_USER; form <= CRONTAB_SYSTEM; form++) {
        AUTO_ARENA struct arena arena = {0};
        struct crontab crontab;
        if (crontab_parse((const char *)data, size, (enum crontab_form)form, &arena, &crontab,
                          NULL) != RC_OK)
            continue;
        for (size_t i = 0; i < crontab.entry_count; i++)
            check_entry(&crontab.entries[i]);
        for (size_t i = 1; i < crontab.problem_count; i++)
            CHECK(crontab.problems[i - 1].line < crontab.problems[i].line);
    }
    return 0;
}
