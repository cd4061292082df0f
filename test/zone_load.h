/* SPDX-License-Identifier: Apache-2.0 */
/* test/zone_load.h: a zone straight from the machine's tzdata, for tests of the core. */
#ifndef CRONJOB_TEST_ZONE_LOAD_H
#define CRONJOB_TEST_ZONE_LOAD_H

#include <stdio.h>
#include <stdlib.h>

#include "core/zone.h"

/* NULL when there is no such zone. The caller frees it. */
static inline struct zone *zone_load(const char *directory, const char *name)
{
    static char data[1 << 20];
    struct zone *zone = NULL;
    struct err err;
    char path[512];
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name); /* a cut path does not exist */
    file = fopen(path, "re");
    if (!file)
        return NULL;
    length = fread(data, 1, sizeof(data), file);
    (void)fclose(file); /* only read */
    return zone_parse(name, data, length, &zone, &err) == RC_OK ? zone : NULL;
}

#endif
