/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/unit/core/agenda_desk.h: an agenda on a desk, spoken to in short words.
 *
 * Time is in seconds since 2026-01-05T00:00:00Z, a Monday; a run is JOB-SECONDS-ATTEMPT. Decisions
 * are compared as text, one a line:
 *     claim 1-60-1 schedule <90          claim; it must not take effect from 90 on
 *     claim! 1-3-1 manual <33            of a queued run
 *     start 1-60-1 schedule at 60
 *     skip 1-60-1 skipped: REASON
 *     kill 1-60-1
 *     record 1-60-1 missed: REASON       and, for a stretch: " x5 until 300"
 *     finished 1
 */
#ifndef CRONJOB_TEST_AGENDA_DESK_H
#define CRONJOB_TEST_AGENDA_DESK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#include "core/agenda.h"

#include "testing.h"

#define DESK_START ((instant_us)1767571200 * SECOND)

enum { DESK_TEXT = 1 << 20, DESK_CAPACITY = 512 };

struct desk {
    struct agenda *agenda;
    instant_us now;
    size_t capacity; /* of the array given to advance */
};

static inline instant_us desk_time(double seconds)
{
    return DESK_START + (instant_us)(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5));
}

static inline struct desk desk_new(void)
{
    struct agenda_config config = {.boot_at = INSTANT_NONE};

    return (struct desk){agenda_new(&config), DESK_START, DESK_CAPACITY};
}

static inline void desk_release(struct desk *desk)
{
    agenda_free(desk->agenda);
}

static inline struct agenda_job desk_job(job_id id, const char *schedule)
{
    struct agenda_job job = {
        .id = id,
        .revision = 1,
        .zone = zone_utc(),
        .anchor = DESK_START,
        .due_since = DESK_START,
        .starts_at = INSTANT_NONE,
        .ends_at = INSTANT_NONE,
        .cursor = INSTANT_NONE,
        .catch_up_window = HOUR,
        .retries = {.delay = 30 * SECOND, .backoff = 2, .max_delay = HOUR},
    };
    struct err err;

    if (schedule_parse(schedule, id, &job.schedule, &err))
        fail_msg("%s: %s", schedule, err.message);
    return job;
}

static inline struct run_key desk_run(const char *text)
{
    struct run_key run = {0};
    char *rest;

    run.job = strtoull(text, &rest, 10);
    run.scheduled_at = desk_time(strtod(rest + 1, &rest));
    run.attempt = (uint32_t)strtoul(rest + 1, NULL, 10);
    return run;
}

static inline const char *desk_seconds(instant_us instant, char text[32])
{
    (void)snprintf(text, 32, "%.10g", (double)(instant - DESK_START) / 1e6);
    return text;
}

static inline void desk_write(struct buf *buf, const struct decision *decision)
{
    char tick[32], other[32], run[80];

    (void)snprintf(run, sizeof(run), "%llu-%s-%u", (unsigned long long)decision->run.job,
                   desk_seconds(decision->run.scheduled_at, tick), decision->run.attempt);
    switch (decision->kind) {
    case DECIDE_CLAIM:
        (void)buf_printf(buf, "claim%s %s %s <%s",
                         decision->elsewhere  ? "?"
                         : decision->existing ? "!"
                                              : "",
                         run, run_trigger_text(decision->trigger),
                         desk_seconds(decision->deadline, other));
        break;
    case DECIDE_START:
        (void)buf_printf(buf, "start %s %s at %s", run, run_trigger_text(decision->trigger),
                         desk_seconds(decision->start_at, other));
        break;
    case DECIDE_SKIP:
        (void)buf_printf(buf, "skip %s %s: %s", run, run_status_text(decision->status),
                         decision->reason);
        break;
    case DECIDE_KILL:
        (void)buf_printf(buf, "kill %s", run);
        break;
    case DECIDE_RECORD:
        (void)buf_printf(buf, "record %s %s: %s", run, run_status_text(decision->status),
                         decision->reason);
        if (decision->count > 1)
            (void)buf_printf(buf, " x%lld until %s", (long long)decision->count,
                             desk_seconds(decision->until, other));
        break;
    case DECIDE_FINISHED:
        (void)buf_printf(buf, "finished %llu", (unsigned long long)decision->run.job);
        break;
    }
    (void)buf_puts(buf, "\n");
}

static inline void desk_decisions(struct desk *desk, double seconds, struct buf *buf)
{
    static struct decision decisions[DESK_CAPACITY];
    size_t count;

    desk->now = desk_time(seconds);
    do {
        count = agenda_advance(desk->agenda, desk->now, decisions, desk->capacity);
        for (size_t i = 0; i < count; i++)
            desk_write(buf, &decisions[i]);
    } while (count == desk->capacity);
}

/* At this time exactly these decisions are made. */
#define desk_at(desk, seconds, expected)                                                     \
    do {                                                                                     \
        struct buf decided_ AUTO_BUF;                                                        \
        buf_init(&decided_, DESK_TEXT);                                                      \
        desk_decisions(desk, seconds, &decided_);                                            \
        if (strcmp(decided_.data ? decided_.data : "", expected) != 0)                       \
            fail_msg("%s:%d at %s\nexpected:\n%sdecided:\n%s", __FILE__, __LINE__, #seconds, \
                     expected, decided_.data ? decided_.data : "");                          \
    } while (0)

static inline void desk_put(struct desk *desk, const struct agenda_job *job)
{
    agenda_put(desk->agenda, job, desk->now);
}

static inline void desk_claimed(struct desk *desk, const char *run, enum claim_outcome outcome)
{
    struct run_key key = desk_run(run);

    agenda_claimed(desk->agenda, &key, outcome, desk->now);
}

static inline enum job_status desk_ended(struct desk *desk, const char *run, enum run_status status)
{
    struct run_key key = desk_run(run);
    struct run_result result = {
        .status = status, .started_at = desk->now, .finished_at = desk->now};

    return agenda_finished(desk->agenda, &key, &result, desk->now);
}

/* A tick that is due now is claimed, won and started. */
#define desk_starts(desk, seconds, run)                                             \
    do {                                                                            \
        char claim_[128], start_[128];                                              \
        (void)snprintf(claim_, sizeof(claim_), "claim %s schedule <%.10g\n", run,   \
                       (double)(seconds) + 30);                                     \
        (void)snprintf(start_, sizeof(start_), "start %s schedule at %.10g\n", run, \
                       (double)(desk_run(run).scheduled_at - DESK_START) / 1e6);    \
        desk_at(desk, seconds, claim_);                                             \
        desk_claimed(desk, run, CLAIM_WON);                                         \
        desk_at(desk, seconds, start_);                                             \
    } while (0)

#define desk_next_is(desk, seconds) \
    assert_int_equal(agenda_next((desk)->agenda), desk_time(seconds))
#define desk_is_idle(desk) assert_int_equal(agenda_next((desk)->agenda), INSTANT_MAX)

#endif
