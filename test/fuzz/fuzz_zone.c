/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are refused or make a zone whose answers agree with each other, however often and
 * oddly its clock changes, and in which schedules still find the same ticks by all their ways.
 */
#include "base/check.h"

#include "core/schedule.h"
#include "core/zone.h"

#include "fuzz/fuzz.h"

enum { TICKS = 20 };

static void check_local(const struct zone *zone, int64_t local_s)
{
    struct zone_local found = zone_from_local(zone, local_s);
    int64_t reaching = zone_reaching(zone, local_s);

    CHECK(found.first_s <= found.last_s);
    CHECK(zone_reached(zone, reaching) >= local_s);
    CHECK(zone_reached(zone, reaching - 1) < local_s);
    if (!found.count) {
        CHECK(found.first_s == reaching && found.last_s == reaching);
        return;
    }
    CHECK(found.first_s + zone_offset(zone, found.first_s) == local_s);
    CHECK(found.last_s + zone_offset(zone, found.last_s) == local_s);
    CHECK(found.first_s >= reaching);
}

static void check_instant(const struct zone *zone, int64_t instant_s)
{
    struct zone_segment segment = zone_segment(zone, instant_s);
    int64_t next = zone_next_change(zone, instant_s);

    CHECK(segment.start_s <= instant_s);
    CHECK(instant_s < segment.end_s || segment.end_s == INT64_MAX);
    CHECK(segment.offset_s >= ZONE_OFFSET_MIN && segment.offset_s <= ZONE_OFFSET_MAX);
    CHECK(segment.offset_s == zone_offset(zone, instant_s));
    CHECK(next > instant_s || next == INT64_MAX);
    if (next != INT64_MAX)
        CHECK(zone_offset(zone, next) != segment.offset_s &&
              zone_offset(zone, next - 1) == segment.offset_s);
    if (instant_s > -(1LL << 58) && instant_s < 1LL << 58)
        check_local(zone, instant_s + segment.offset_s);
}

static void check_schedule(const struct zone *zone, const char *text, instant_us from)
{
    instant_us after = from, tick, found;
    struct schedule schedule;
    struct err err;

    CHECK(schedule_parse(text, 0, &schedule, &err) == RC_OK);
    for (int64_t count = 1; count <= TICKS; count++) {
        if (schedule_next(&schedule, zone, 0, after, &tick) != RC_OK)
            return;
        CHECK(tick > after && tick <= INSTANT_MAX);
        CHECK(schedule_count(&schedule, zone, 0, from, tick) == count);
        CHECK(schedule_last(&schedule, zone, 0, from, tick, &found) == RC_OK && found == tick);
        after = tick;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t probes[] = {INT64_MIN,  -(1LL << 59), 0,        1774746000,
                                     4102444800, 1LL << 56,    INT64_MAX};
    static const char *const texts[] = {"30 2 * * *", "*/20 * * * *", "0 0 0 29 2 * *"};
    struct zone *zone;
    struct err err;
    int64_t at = -2000000000;

    if (zone_parse("Test/Fuzz", data, size, &zone, &err) != RC_OK)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
        check_instant(zone, probes[i]);
    for (int i = 0; i < 50 && at != INT64_MAX; i++) {
        check_instant(zone, at - 1);
        check_instant(zone, at);
        check_local(zone, at);
        for (size_t k = 0; i % 10 == 0 && k < ARRAY_SIZE(texts); k++)
            check_schedule(zone, texts[k], MIN(at, INSTANT_MAX / SECOND) * SECOND);
        at = zone_next_change(zone, at);
        if (at > 1LL << 58 && at != INT64_MAX)
            break;
    }
    zone_free(zone);
    return 0;
}
