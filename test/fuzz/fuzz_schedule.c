/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text is refused or obeys: printing it and reading it again gives the same schedule, and
 * schedule_next(), schedule_last() and schedule_count() agree, in a zone that changes twice a year.
 * Input: eight bytes that choose the instant and the identity, then the text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "core/schedule.h"

#include "fuzz/fuzz.h"
#include "tzif.h"

enum { TICKS = 8, HEAD = 8 };

static void check_print(const struct schedule *schedule)
{
    struct schedule again;
    struct buf text;
    struct err err;

    buf_init(&text, SCHEDULE_TEXT_MAX);
    CHECK(schedule_print(schedule, &text) == RC_OK);
    CHECK(schedule_parse(text.data, 0, &again, &err) == RC_OK);
    CHECK(schedule_equal(schedule, &again));
    CHECK(schedule_hash(schedule) == schedule_hash(&again));
    CHECK(!schedule_is_drawn(&again));
    buf_release(&text);
}

static void check_words(const struct schedule *schedule)
{
    struct buf text;

    buf_init(&text, 16384);
    CHECK(schedule_describe(schedule, &text) == RC_OK);
    CHECK(text.length > 0 && !strstr(text.data, "  "));
    buf_release(&text);
}

static void check_ticks(const struct schedule *schedule, const struct zone *zone, instant_us from)
{
    instant_us after = from, tick = 0, found;
    int64_t count = 0;

    while (count < TICKS && schedule_next(schedule, zone, from, after, &tick) == RC_OK) {
        CHECK(tick > after && tick <= INSTANT_MAX);
        CHECK(schedule_last(schedule, zone, from, after, tick, &found) == RC_OK && found == tick);
        CHECK(schedule_last(schedule, zone, from, after, tick - 1, &found) == RC_NEVER);
        CHECK(schedule_count(schedule, zone, from, from, tick) == ++count);
        CHECK(schedule_count(schedule, zone, from, from, tick - 1) == count - 1);
        after = tick;
    }
    if (count < TICKS)
        CHECK(schedule_count(schedule, zone, from, after, INT64_MAX) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone *zone;
    struct schedule schedule;
    char name[ZONE_NAME_MAX];
    const char *rest;
    uint64_t head = 0;
    struct err err;
    char *text;

    if (size < HEAD)
        return 0;
    if (!zone)
        zone = tzif_zone("Test/Rule", "CET-1CEST,M3.5.0,M10.5.0/3");
    memcpy(&head, data, HEAD);
    text = xstrndup((const char *)data + HEAD, size - HEAD);
    if (schedule_split_zone(text, name, &rest, &err) == RC_OK &&
        schedule_parse(rest, head, &schedule, &err) == RC_OK) {
        check_print(&schedule);
        check_words(&schedule);
        check_ticks(&schedule, zone, (instant_us)(head % (uint64_t)INSTANT_MAX));
    }
    free(text);
    return 0;
}
