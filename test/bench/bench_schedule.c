/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/bench/bench_schedule.c: ticks a second on one core, one line a figure: name, value, unit.
 *
 * Each tick is found from the one before. glibc's timegm() and gmtime_r() on the same machine are
 * the yardstick, so that figures of different machines can be compared as ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/schedule.h"
#include "core/zone.h"

#include "zone_load.h"

enum { ROUND = 200000 };

#define LEAST_NS ((int64_t)500000000)
#define START    ((instant_us)1767225600 * SECOND) /* 2026-01-01 */

static int64_t now_ns(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double per_second(int64_t count, int64_t elapsed_ns)
{
    return (double)count * 1e9 / (double)elapsed_ns;
}

static double bench_ticks(const char *text, const struct zone *zone)
{
    int64_t start = now_ns(), count = 0, elapsed;
    struct schedule schedule;
    instant_us tick = START;

    if (schedule_parse(text, 1, &schedule, NULL) != RC_OK)
        abort();
    do {
        for (int i = 0; i < ROUND; i++) {
            if (schedule_next(&schedule, zone, START, tick, &tick) != RC_OK)
                tick = START;
        }
        count += ROUND;
        elapsed = now_ns() - start;
    } while (elapsed < LEAST_NS);
    return per_second(count, elapsed);
}

static double bench_parse(const char *text)
{
    int64_t start = now_ns(), count = 0, elapsed;
    struct schedule schedule;

    do {
        for (int i = 0; i < ROUND; i++) {
            if (schedule_parse(text, (uint64_t)i, &schedule, NULL) != RC_OK)
                abort();
        }
        count += ROUND;
        elapsed = now_ns() - start;
    } while (elapsed < LEAST_NS);
    return per_second(count, elapsed);
}

static double bench_yardstick(void)
{
    int64_t start = now_ns(), count = 0, elapsed;
    time_t at = START / SECOND;
    struct tm broken_down;

    do {
        for (int i = 0; i < ROUND; i++) {
            if (!gmtime_r(&at, &broken_down)) /* ban: the yardstick is libc itself */
                abort();
            at = timegm(&broken_down) + 300;
        }
        count += ROUND;
        elapsed = now_ns() - start;
    } while (elapsed < LEAST_NS);
    return per_second(count, elapsed);
}

int main(void)
{
    struct zone *berlin = zone_load("/usr/share/zoneinfo", "Europe/Berlin");
    struct zone *new_york = zone_load("/usr/share/zoneinfo", "America/New_York");

    if (!berlin || !new_york)
        abort();
    printf("schedule.next.utc %.0f ticks/s\n", bench_ticks("*/5 * * * *", zone_utc()));
    printf("schedule.next.berlin %.0f ticks/s\n", bench_ticks("*/5 * * * *", berlin));
    printf("schedule.next.berlin_fixed %.0f ticks/s\n", bench_ticks("30 2 * * 1-5", berlin));
    printf("schedule.next.new_york_last_friday %.0f ticks/s\n",
           bench_ticks("0 18 * * 5L", new_york));
    printf("schedule.next.utc_leap_day %.0f ticks/s\n", bench_ticks("0 0 29 2 *", zone_utc()));
    printf("schedule.parse %.0f texts/s\n", bench_parse("*/5 9-17 * * MON-FRI"));
    printf("yardstick.timegm_gmtime %.0f calls/s\n", bench_yardstick());
    zone_free(berlin);
    zone_free(new_york);
    return 0;
}
