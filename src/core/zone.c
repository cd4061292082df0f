/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone.h"

#include <string.h>

#include "base/mem.h"

#include "core/zone_file.h"

/* Two instants further apart than this have their local times in the same order. */
#define SPREAD_S ((int64_t)ZONE_OFFSET_MAX - ZONE_OFFSET_MIN)

/* Local times beyond these are read as these, which keeps the arithmetic inside 64 bits. */
#define LOCAL_LIMIT_S ((int64_t)1 << 60)

bool zone_name_is_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-";
    const char *at = name;

    if (strlen(name) >= ZONE_NAME_MAX)
        return false;
    for (;; at++) {
        size_t length = strspn(at, allowed);

        if (!length || (length == 1 && at[0] == '.') ||
            (length == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += length;
        if (*at != '/')
            return *at == '\0';
    }
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->changes);
    free(zone->offsets);
    free(zone);
}

const struct zone *zone_utc(void)
{
    static const struct zone utc = {.name = "UTC", .rule_from_s = INT64_MAX};

    return &utc;
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* How many of the listed changes are at or before an instant. */
static size_t changes_until(const struct zone *zone, int64_t instant_s)
{
    size_t low = 0, high = zone->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (zone->changes[middle] <= instant_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct zone_segment zone_segment(const struct zone *zone, int64_t instant_s)
{
    struct zone_segment segment;
    size_t index;

    if (zone->has_rule && instant_s >= zone->rule_from_s) {
        segment = zone_rule_segment(&zone->rule, instant_s);
        segment.start_s = MAX(segment.start_s, zone->rule_from_s);
        return segment;
    }
    index = changes_until(zone, instant_s);
    segment.start_s = index ? zone->changes[index - 1] : INT64_MIN;
    segment.end_s = index < zone->count ? zone->changes[index] : zone->rule_from_s;
    segment.offset_s = index ? zone->offsets[index - 1] : zone->offset_s;
    return segment;
}

int32_t zone_offset(const struct zone *zone, int64_t instant_s)
{
    return zone_segment(zone, instant_s).offset_s;
}

/* A rule of which every change is undone at the same instant is found out after its longest cycle,
 * the 400 years of the calendar with two changes each. */
int64_t zone_next_change(const struct zone *zone, int64_t after_s)
{
    struct zone_segment segment = zone_segment(zone, after_s);
    int32_t offset_s = segment.offset_s;
    int in_rule = 0;

    while (segment.end_s != INT64_MAX && in_rule < 2 * 400) {
        segment = zone_segment(zone, segment.end_s);
        if (segment.offset_s != offset_s)
            return segment.start_s;
        in_rule += segment.start_s >= zone->rule_from_s;
    }
    return INT64_MAX;
}

int64_t zone_reaching(const struct zone *zone, int64_t local_s)
{
    int64_t local = MAX(MIN(local_s, LOCAL_LIMIT_S), -LOCAL_LIMIT_S);
    struct zone_segment segment = zone_segment(zone, local - ZONE_OFFSET_MAX);

    while (segment.end_s != INT64_MAX && segment.end_s + segment.offset_s <= local)
        segment = zone_segment(zone, segment.end_s);
    return MAX(segment.start_s, local - segment.offset_s);
}

int64_t zone_reached(const struct zone *zone, int64_t instant_s)
{
    int64_t instant = MAX(MIN(instant_s, LOCAL_LIMIT_S), -LOCAL_LIMIT_S);
    struct zone_segment segment = zone_segment(zone, instant);
    int64_t reached = instant + segment.offset_s;

    while (segment.start_s > instant - SPREAD_S) {
        int64_t start = segment.start_s;

        segment = zone_segment(zone, start - 1);
        reached = MAX(reached, start - 1 + segment.offset_s);
    }
    return reached;
}

struct zone_local zone_from_local(const struct zone *zone, int64_t local_s)
{
    int64_t local = MAX(MIN(local_s, LOCAL_LIMIT_S), -LOCAL_LIMIT_S);
    struct zone_segment segment = zone_segment(zone, local - ZONE_OFFSET_MAX);
    struct zone_local found = {0};

    for (;;) {
        int64_t instant = local - segment.offset_s;

        if (instant >= segment.start_s && instant < segment.end_s) {
            found.last_s = instant;
            found.first_s = found.count++ ? found.first_s : instant;
        }
        if (segment.end_s > local - ZONE_OFFSET_MIN)
            break;
        segment = zone_segment(zone, segment.end_s);
    }
    if (!found.count)
        found.first_s = found.last_s = zone_reaching(zone, local);
    return found;
}
