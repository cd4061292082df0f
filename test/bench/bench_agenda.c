/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker's agenda costs: memory a job, taking jobs in, deciding. Prints "name value unit"
 * lines. An argument sets the number of jobs, 1,000,000 otherwise.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

#include "core/agenda.h"

enum { DECISIONS = 1000, IDLE_CALLS = 1000000 };

#define START ((instant_us)1767571200 * SECOND)

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return (double)(info.uordblks + info.hblkhd);
}

static struct agenda_job job_of(job_id id, const char *schedule)
{
    struct agenda_job job = {
        .id = id,
        .revision = 1,
        .zone = zone_utc(),
        .anchor = START - (instant_us)(id % 3600) * SECOND - (instant_us)id,
        .due_since = START,
        .starts_at = INSTANT_NONE,
        .ends_at = INSTANT_NONE,
        .cursor = INSTANT_NONE,
        .catch_up_window = HOUR,
    };
    struct err err;

    if (schedule_parse(schedule, id, &job.schedule, &err)) {
        (void)fprintf(stderr, "%s: %s\n", schedule, err.message);
        exit(1);
    }
    return job;
}

/* All with one schedule, read anew for each so that H differs. */
static struct agenda *fill(const char *name, const char *schedule, job_id jobs)
{
    struct agenda_config config = {.boot_at = INSTANT_NONE};
    struct agenda *agenda = agenda_new(&config);
    struct agenda_job job = job_of(1, schedule);
    double before = allocated(), spent = 0, start;

    for (job_id id = 1; id <= jobs; id++) {
        job = job_of(id, schedule);
        start = seconds();
        agenda_put(agenda, &job, START);
        spent += seconds() - start;
    }
    printf("agenda_%s_size %.1f bytes/job\n", name, (allocated() - before) / (double)jobs);
    printf("agenda_%s_put %.0f jobs/s\n", name, (double)jobs / spent);
    return agenda;
}

static void empty(const char *name, struct agenda *agenda, job_id jobs)
{
    double start = seconds(), spent, before;

    for (job_id id = 1; id <= jobs; id++)
        agenda_remove(agenda, id);
    spent = seconds() - start;
    before = allocated();
    agenda_free(agenda);
    printf("agenda_%s_remove %.0f jobs/s\n", name, (double)jobs / spent);
    printf("agenda_%s_left %.1f bytes/job\n", name, (before - allocated()) / (double)jobs);
}

/* Every job is due at the same instant: claimed, won, started, ended. */
static void decide(struct agenda *agenda, job_id jobs)
{
    static struct decision decisions[DECISIONS];
    struct run_result result = {.status = RUN_SUCCEEDED, .finished_at = START + HOUR};
    instant_us now = START + HOUR;
    double start = seconds();
    size_t count, total = 0;

    while ((count = agenda_advance(agenda, now, decisions, DECISIONS))) {
        for (size_t i = 0; i < count; i++) {
            if (decisions[i].kind == DECIDE_CLAIM)
                agenda_claimed(agenda, &decisions[i].run, CLAIM_WON, now);
            else if (decisions[i].kind == DECIDE_START)
                (void)agenda_finished(agenda, &decisions[i].run, &result, now);
        }
        total += count;
    }
    printf("agenda_decide %.0f decisions/s\n", (double)total / (seconds() - start));
    if (total != 2 * jobs)
        printf("agenda_decide_unexpected %zu decisions\n", total);
}

static void idle(struct agenda *agenda, instant_us now)
{
    struct decision decision;
    double start = seconds();

    for (int i = 0; i < IDLE_CALLS; i++)
        (void)agenda_advance(agenda, now + i / 1000, &decision, 1);
    printf("agenda_idle %.1f ns/call\n", (seconds() - start) * 1e9 / IDLE_CALLS);
}

/* A job of every second after a year of stop. */
static void year(void)
{
    static struct decision decisions[DECISIONS];
    struct agenda_config config = {.boot_at = INSTANT_NONE};
    struct agenda *agenda = agenda_new(&config);
    struct agenda_job job = job_of(1, "* * * * * *");
    double start;

    agenda_put(agenda, &job, START);
    start = seconds();
    (void)agenda_advance(agenda, START + 365 * DAY, decisions, DECISIONS);
    printf("agenda_year %.3f ms\n", (seconds() - start) * 1e3);
    agenda_free(agenda);
}

int main(int argc, char **argv)
{
    job_id jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct agenda *agenda;

    agenda = fill("equal", "0 * * * *", jobs);
    idle(agenda, START);
    decide(agenda, jobs);
    empty("equal", agenda, jobs);
    agenda = fill("every", "@every 1h", jobs);
    empty("every", agenda, jobs);
    agenda = fill("drawn", "H H H H H *", jobs);
    empty("drawn", agenda, jobs);
    year();
    return 0;
}
