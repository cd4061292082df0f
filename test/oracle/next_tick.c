/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/oracle/next_tick.c: the schedule's C implementation for scripts, line by line.
 *
 * Each line of stdin is "ZONE FROM UNTIL IDENTITY ANCHOR EXPRESSION" with instants in seconds. Its
 * answer is one line: the ticks of [FROM, UNTIL), found by schedule_next() from tick to tick, or
 * "!" and why the expression was refused. schedule_last() and schedule_count() must agree with
 * them, else the line says so after a "?".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/instant.h"
#include "base/mem.h"

#include "core/schedule.h"
#include "core/zone.h"

#include "zone_load.h"

struct question {
    const struct zone *zone;
    instant_us from;
    instant_us until;
    instant_us anchor;
    struct schedule schedule;
};

static void answer(const struct question *q)
{
    instant_us after = q->from - 1, last = INSTANT_NONE, found;
    int64_t count = 0;
    const char *space = "";

    for (instant_us tick;
         schedule_next(&q->schedule, q->zone, q->anchor, after, &tick) == RC_OK && tick < q->until;
         after = last = tick, count++) {
        printf("%s%lld", space, (long long)(tick / SECOND));
        space = " ";
    }
    if (schedule_count(&q->schedule, q->zone, q->anchor, q->from - 1, q->until - 1) != count)
        printf("? schedule_count differs");
    if (schedule_last(&q->schedule, q->zone, q->anchor, q->from - 1, q->until - 1, &found) != RC_OK)
        found = INSTANT_NONE;
    if (found != last)
        printf("? schedule_last differs");
    putchar('\n');
}

static void handle(const char *directory, char *line)
{
    struct question q = {0};
    char name[64];
    long long from, until, anchor;
    unsigned long long identity;
    int used = 0;
    struct zone *zone;
    struct err err = {0};

    if (sscanf(line, "%63s %lld %lld %llu %lld %n", name, &from, &until, &identity, &anchor,
               &used) < 5 ||
        !used) {
        puts("! a line is ZONE FROM UNTIL IDENTITY ANCHOR EXPRESSION");
        return;
    }
    if (schedule_parse(line + used, identity, &q.schedule, &err) != RC_OK) {
        printf("! %s\n", err.message);
        return;
    }
    zone = zone_load(directory, name);
    if (!zone) {
        printf("! no zone %s\n", name);
        return;
    }
    q.zone = zone;
    q.from = from * SECOND;
    q.until = until * SECOND;
    q.anchor = anchor * SECOND;
    answer(&q);
    zone_free(zone);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while ((length = getline(&line, &size, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        handle(argc > 1 ? argv[1] : "/usr/share/zoneinfo", line);
    }
    free(line);
    return 0;
}
