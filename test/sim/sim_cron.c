/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_cron.h"

#include <stdlib.h>
#include <string.h>

#include "adapters/memory/cron_table.h"
#include "adapters/memory/fires.h"
#include "sim.h"

#define CRON_LATE  (2500 * MILLISECOND)
#define AGAIN_LATE (100 * SECOND)

enum { FIELDS = 5, LINE = 512 };

void sim_cron_new(struct sim *sim)
{
    static const struct crontab_frame frame = {"root", "/c", "/d"};
    struct sim_cron *cron = &sim->cron;

    if (sim->seed % 3)
        return;
    cron->table = memory_cron_table_new();
    cron->table->frame = frame;
    cron->fires = memory_fires_new();
    cron->minute = sim_now(sim) / MINUTE;
}

void sim_cron_free(struct sim *sim)
{
    cron_table_free(sim->cron.table);
    fires_free(sim->cron.fires);
}

/* ---- its minute -------------------------------------------------------------------------------
 */

static void add_call(struct sim *sim, job_id job, span_us at_most)
{
    struct sim_cron *cron = &sim->cron;

    if (cron->call_count < SIM_CALLS)
        cron->calls[cron->call_count++] = (struct sim_call){
            .at = sim_mono(sim) + (span_us)sim_roll(sim, (uint64_t)at_most), .job = job};
}

static bool is_due(struct sim *sim, const char *fields)
{
    instant_us at = sim->cron.minute * MINUTE, tick;
    struct schedule schedule;

    if (schedule_parse(fields, 0, &schedule, NULL) != RC_OK)
        sim_violated(sim, "cron cannot read the fields '%s'", fields);
    return schedule_next(&schedule, zone_utc(), 0, at - 1, &tick) == RC_OK && tick == at;
}

/* "* * * * * root /c fire 12 --data /d" */
static void read_line(struct sim *sim, const char *text, size_t length)
{
    static const char words[] = " root /c fire ";
    char line[LINE];
    char *rest;
    job_id job;

    if (length >= sizeof(line) || text[0] == '#' || text[0] == 'M')
        return;
    memcpy(line, text, length);
    line[length] = '\0';
    rest = strstr(line, words);
    if (!rest)
        return; /* somebody else's */
    job = strtoull(rest + strlen(words), NULL, 10);
    *rest = '\0';
    if (!is_due(sim, line))
        return;
    add_call(sim, job, CRON_LATE);
    if (!sim->calm && sim_roll(sim, 8) == 0) {
        sim_saw(sim, SOMETIMES_CRON_CALLED_AGAIN);
        add_call(sim, job, AGAIN_LATE);
    }
}

static void read_table(struct sim *sim)
{
    const char *text = memory_cron_table_text(sim->cron.table);

    while (*text) {
        size_t length = strcspn(text, "\n");

        if (!text[length])
            sim_violated(sim, "the crontab's last line has no end");
        read_line(sim, text, length);
        text += length + 1;
    }
}

static void spoil(struct sim *sim)
{
    enum rc rc = sim_roll(sim, 10) == 0 ? RC_IO : RC_OK;

    memory_cron_table_fail(sim->cron.table, rc);
    if (rc != RC_OK)
        sim_saw(sim, SOMETIMES_CRONTAB_UNWRITTEN);
    if (sim_roll(sim, 10) == 0) {
        sim_saw(sim, SOMETIMES_CRONTAB_SPOILT);
        memory_cron_table_set(sim->cron.table, sim_roll(sim, 2) ? "somebody's\n" : NULL);
    }
}

static void begin_minute(struct sim *sim)
{
    bool breaks = !sim->calm && !sim->healing;

    memory_cron_table_fail(sim->cron.table, RC_OK);
    if (breaks)
        spoil(sim);
    if (breaks && sim_roll(sim, 5) == 0) {
        sim_saw(sim, SOMETIMES_CRON_AWAY);
        sim_log(sim, "cron does not run");
        return;
    }
    read_table(sim);
}

/* ---- its calls --------------------------------------------------------------------------------
 */

/* Who is paused hears of it later, who is dead never. */
static void deliver(struct sim *sim, job_id job)
{
    enum fire_answer answer;

    if (!sim->worker)
        return;
    answer = memory_fires_call(sim->cron.fires, job);
    sim_log(sim, "cron calls for job %llu: %s", (unsigned long long)job, fire_answer_text(answer));
    if (answer == FIRE_TAKEN)
        sim_saw(sim, SOMETIMES_CRON_CALLED);
}

void sim_cron_move(struct sim *sim)
{
    struct sim_cron *cron = &sim->cron;
    int64_t minute = sim_now(sim) / MINUTE;

    if (!cron->table)
        return;
    if (minute != cron->minute) {
        cron->minute = minute;
        begin_minute(sim);
    }
    for (size_t i = 0; i < cron->call_count;) {
        struct sim_call call = cron->calls[i];

        if (sim_mono(sim) < call.at || sim_mono(sim) < sim->paused_until) {
            i++;
            continue;
        }
        cron->calls[i] = cron->calls[--cron->call_count];
        deliver(sim, call.job);
    }
}

mono_us sim_cron_next(const struct sim *sim)
{
    const struct sim_cron *cron = &sim->cron;
    mono_us next = INT64_MAX;

    if (!cron->table)
        return next;
    next = sim_mono(sim) + (cron->minute + 1) * MINUTE - sim_now(sim);
    for (size_t i = 0; i < cron->call_count; i++)
        next = MIN(next, MAX(cron->calls[i].at, sim->paused_until));
    return next;
}
