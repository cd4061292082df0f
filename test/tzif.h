/* SPDX-License-Identifier: Apache-2.0 */
/* test/tzif.h: TZif files made up by tests. */
#ifndef CRONJOB_TEST_TZIF_H
#define CRONJOB_TEST_TZIF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"

#include "core/zone.h"

/* A change of the offset, and the local time type that holds from then on. */
struct tzif_change {
    int64_t at_s;
    uint8_t type;
};

struct tzif {
    char version; /* 0 for version 1, else '2' to '4' */
    const int32_t *offsets;
    uint32_t types;
    const struct tzif_change *changes;
    uint32_t count;
    const char *footer;
    uint32_t leaps;
};

static inline void tzif_number(struct buf *buf, uint64_t number, int size)
{
    while (size--)
        CHECK(buf_putc(buf, (char)(number >> (8 * size))) == RC_OK);
}

/* RFC 8536 section 3: a header and its data block. */
static inline void tzif_block(struct buf *buf, const struct tzif *tzif, int time_size)
{
    CHECK(buf_append(buf, "TZif", 4) == RC_OK);
    tzif_number(buf, (uint64_t)tzif->version, 1);
    tzif_number(buf, 0, 8);
    tzif_number(buf, 0, 7);
    tzif_number(buf, 0, 4);
    tzif_number(buf, 0, 4);
    tzif_number(buf, tzif->leaps, 4);
    tzif_number(buf, tzif->count, 4);
    tzif_number(buf, tzif->types, 4);
    tzif_number(buf, 4, 4);
    for (uint32_t i = 0; i < tzif->count; i++)
        tzif_number(buf, (uint64_t)tzif->changes[i].at_s, time_size);
    for (uint32_t i = 0; i < tzif->count; i++)
        tzif_number(buf, tzif->changes[i].type, 1);
    for (uint32_t i = 0; i < tzif->types; i++) {
        tzif_number(buf, (uint32_t)tzif->offsets[i], 4);
        tzif_number(buf, 0, 2);
    }
    CHECK(buf_append(buf, "TST", 4) == RC_OK);
    for (uint32_t i = 0; i < tzif->leaps; i++) {
        tzif_number(buf, 78796800, time_size);
        tzif_number(buf, 1, 4);
    }
}

static inline void tzif_write(struct buf *buf, const struct tzif *tzif)
{
    tzif_block(buf, tzif, 4);
    if (!tzif->version)
        return;
    tzif_block(buf, tzif, 8);
    CHECK(buf_printf(buf, "\n%s\n", tzif->footer) == RC_OK);
}

/* A zone that follows a rule alone. The caller frees it. */
static inline struct zone *tzif_zone(const char *name, const char *rule)
{
    static const int32_t offsets[] = {0};
    struct tzif tzif = {.version = '3', .offsets = offsets, .types = 1, .footer = rule};
    struct zone *zone = NULL;
    struct err err;
    struct buf buf;

    buf_init(&buf, 4096);
    tzif_write(&buf, &tzif);
    CHECK(zone_parse(name, buf.data, buf.length, &zone, &err) == RC_OK);
    buf_release(&buf);
    return zone;
}

#endif
