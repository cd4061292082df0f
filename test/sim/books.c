/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold, and what is known to judge it by: every execution as the guardian begins it, and
 * every state of every job as the store shows it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "core/run_hash.h"

#include "adapters/memory/launcher.h"
#include "sim.h"

/* A removed or paused job starts nothing later than this after its user was told. */
#define STOP_BOUND (3 * SECOND)
/* Ticks this young may still be on their way. */
#define YOUNG (40 * SECOND)

/* A change whose answer was lost reaches the worker at most this late. */
#define LEARNT_AFTER MINUTE

#define RUN_FORMAT "%llu-%lld-%u"
#define RUN_ARGS(key) \
    (unsigned long long)(key).job, (long long)((key).scheduled_at / SECOND), (key).attempt

/* ---- jobs as the store shows them ---------------------------------------------------------- */

static struct sim_job *job_of(struct sim *sim, job_id id)
{
    for (size_t i = 0; i < SIM_JOBS; i++) {
        if (!sim->jobs[i].id)
            sim->jobs[i].id = id;
        if (sim->jobs[i].id == id)
            return &sim->jobs[i];
    }
    sim_violated(sim, "there are more jobs than were asked for");
    return NULL;
}

static const struct job_state *now_of(const struct sim_job *job)
{
    return &job->states[job->state_count - 1];
}

static struct job_state state_of(struct sim *sim, const struct job_record *record)
{
    struct job_state state = {
        .revision = record->revision,
        .enabled = record->enabled && !record->removed,
        .removed = record->removed,
        .due_since = record->due_since,
        .seen_at = sim_now(sim),
        .seen_mono = sim_mono(sim),
        .seen_awake = sim->awake,
        .starts_at = record->starts_at,
        .ends_at = record->ends_at,
        .anchor = record->starts_at == INSTANT_NONE ? record->created_at : record->starts_at,
        .jitter = record->jitter,
        .concurrency = record->concurrency,
        .catch_up = record->catch_up,
    };
    struct err err;

    if (schedule_parse(record->schedule, record->id, &state.schedule, &err))
        sim_violated(sim, "job %llu: %s", (unsigned long long)record->id, err.message);
    (void)snprintf(state.sha256, sizeof(state.sha256), "%s", record->sha256);
    return state;
}

/* The worker may still not know of the state, however long it and its machine have slept. */
static void note_learning(struct sim *sim, struct sim_job *job)
{
    struct job_state *state = &job->states[job->state_count - 1];

    if (sim->awake - state->seen_awake <= LEARNT_AFTER)
        state->learnt_at = sim_now(sim);
}

static bool look_at(void *context, const struct job_record *record)
{
    struct sim *sim = context;
    struct sim_job *job = job_of(sim, record->id);

    if (job->state_count && now_of(job)->revision == record->revision &&
        now_of(job)->removed == record->removed)
        return true;
    if (job->state_count == SIM_STATES)
        sim_violated(sim, "job %llu changed too often for the books",
                     (unsigned long long)record->id);
    if (job->state_count)
        note_learning(sim, job);
    job->states[job->state_count++] = state_of(sim, record);
    sim_log(sim, "job %llu is now revision %llu '%s'%s%s", (unsigned long long)record->id,
            (unsigned long long)record->revision, record->schedule,
            record->enabled ? "" : " paused", record->removed ? " removed" : "");
    return true;
}

void books_look(struct sim *sim)
{
    struct job_query query = job_query_all();

    sim->looking = true;
    if (store_read_jobs(sim->store, &query, look_at, sim, NULL))
        sim_violated(sim, "the books cannot be read");
    sim->looking = false;
    for (size_t i = 0; i < SIM_JOBS && sim->jobs[i].id; i++)
        note_learning(sim, &sim->jobs[i]);
}

/* ---- executions ---------------------------------------------------------------------------- */

struct found_run {
    bool found;
    enum run_status status;
    enum run_trigger trigger;
    uint64_t revision;
    char sha256[65];
};

static bool note_run(void *context, const struct run_record *record)
{
    struct found_run *found = context;

    *found = (struct found_run){true, record->run.result.status, record->run.trigger,
                                record->run.revision, ""};
    (void)snprintf(found->sha256, sizeof(found->sha256), "%s",
                   record->run.sha256 ? record->run.sha256 : "");
    return false;
}

static struct found_run find_run(struct sim *sim, const struct run_key *key)
{
    struct run_query query = run_query_all();
    struct found_run found = {0};

    query.keys = key;
    query.key_count = 1;
    sim->looking = true;
    if (store_read_runs(sim->store, &query, note_run, &found, NULL))
        sim_violated(sim, "the books cannot be read");
    sim->looking = false;
    return found;
}

static uint64_t index_of(const struct run_key *key)
{
    return run_key_hash(key) | 1;
}

static struct start *find_start(struct sim *sim, const struct run_key *key)
{
    uint64_t at;

    return map_get(&sim->start_index, index_of(key), &at) ? &sim->starts[at] : NULL;
}

static void add_start(struct sim *sim, const struct run_key *key, span_us at_most)
{
    if (sim->start_count == sim->start_capacity) {
        sim->start_capacity = MAX(sim->start_capacity * 2, (size_t)256);
        sim->starts = xrealloc(sim->starts, sim->start_capacity, sizeof(*sim->starts));
    }
    map_put(&sim->start_index, index_of(key), sim->start_count);
    sim->starts[sim->start_count++] =
        (struct start){.key = *key, .at = sim_mono(sim), .until = sim_mono(sim) + at_most};
}

static void check_alone(struct sim *sim, const struct sim_job *job, const struct run_key *key,
                        uint64_t revision)
{
    bool forbids = false;

    for (size_t i = 0; i < job->state_count; i++) {
        if (job->states[i].revision == revision)
            forbids = job->states[i].concurrency == CONCURRENCY_FORBID;
    }
    if (!forbids || now_of(job)->concurrency != CONCURRENCY_FORBID)
        return;
    for (size_t i = sim->start_count; i-- > 0;) {
        const struct start *other = &sim->starts[i];

        if (other->key.job == key->job && !other->ended && sim_mono(sim) < other->until)
            sim_violated(sim, "run " RUN_FORMAT " starts beside " RUN_FORMAT, RUN_ARGS(*key),
                         RUN_ARGS(other->key));
    }
}

static span_us longest_jitter(const struct sim_job *job)
{
    span_us longest = 0;

    for (size_t i = 0; i < job->state_count; i++)
        longest = MAX(longest, job->states[i].jitter);
    return longest;
}

static void check_wanted(struct sim *sim, const struct sim_job *job, const struct run_key *key,
                         enum run_trigger trigger)
{
    const struct job_state *state = now_of(job);
    span_us late = sim_now(sim) - key->scheduled_at - longest_jitter(job);

    if (job->stopped_at && (state->removed || (!state->enabled && trigger != TRIGGER_MANUAL)) &&
        sim_mono(sim) - job->stopped_at > STOP_BOUND)
        sim_violated(sim, "run " RUN_FORMAT " starts %lld ms after its job was %s", RUN_ARGS(*key),
                     (long long)((sim_mono(sim) - job->stopped_at) / MILLISECOND),
                     state->removed ? "removed" : "paused");
    if (trigger == TRIGGER_MANUAL || trigger == TRIGGER_RETRY)
        return;
    if (!sim->was_back && sim_now(sim) < key->scheduled_at)
        sim_violated(sim, "run " RUN_FORMAT " starts before its time", RUN_ARGS(*key));
    if (sim->calm && trigger == TRIGGER_SCHEDULE && late > AGENDA_ON_TIME &&
        (state->concurrency == CONCURRENCY_FORBID || state->concurrency == CONCURRENCY_ALLOW))
        sim_violated(sim, "run " RUN_FORMAT " starts %lld ms late", RUN_ARGS(*key),
                     (long long)(late / MILLISECOND));
}

static struct memory_plan random_plan(struct sim *sim)
{
    struct memory_plan plan = {.duration = (span_us)sim_roll(sim, 900) * MILLISECOND};
    uint64_t luck = sim_roll(sim, 100);

    if (luck < 20)
        plan.duration = (span_us)sim_roll(sim, 8000) * MILLISECOND;
    else if (luck < 25)
        plan.duration = (span_us)sim_roll(sim, 40) * SECOND;
    plan.exit_code = sim_roll(sim, 5) == 0;
    plan.signal = sim_roll(sim, 30) == 0 ? 11 : 0;
    plan.ignores_term = sim_roll(sim, 10) == 0;
    if (sim_roll(sim, 50) == 0)
        plan.failure = "exec: No such file or directory";
    return plan;
}

/* The bytes are those of the revision that was claimed, and the store says so. */
static void check_file(struct sim *sim, const struct sim_job *job, const struct launch *launch,
                       const struct found_run *found)
{
    const char *expected = found->sha256;

    for (size_t i = 0; i < job->state_count; i++)
        if (job->states[i].revision == found->revision)
            expected = job->states[i].sha256;
    if (strcmp(expected, found->sha256) != 0 || !sim_file_is(launch, expected))
        sim_violated(sim, "run " RUN_FORMAT " executes other bytes", RUN_ARGS(launch->run));
    if (!launch->command)
        sim_saw(sim, SOMETIMES_FILE_EXECUTED);
    if (!launch->command && sim_now(sim) > launch->start_at + AGENDA_ON_TIME)
        sim_saw(sim, SOMETIMES_FILE_AWAITED);
}

struct memory_plan books_execute(void *context, const struct launch *launch)
{
    struct sim *sim = context;
    const struct run_key *key = &launch->run;
    struct found_run found = find_run(sim, key);
    const struct sim_job *job = job_of(sim, key->job);
    struct memory_plan plan = random_plan(sim);
    span_us at_most = plan.duration;

    sim_log(sim, "run " RUN_FORMAT " is executed (%s)", RUN_ARGS(*key),
            run_trigger_text(found.trigger));
    if (find_start(sim, key))
        sim_violated(sim, "run " RUN_FORMAT " starts twice", RUN_ARGS(*key));
    if (!found.found || run_status_is_final(found.status))
        sim_violated(sim, "run " RUN_FORMAT " starts and the store has it as %s", RUN_ARGS(*key),
                     found.found ? run_status_text(found.status) : "nothing");
    check_file(sim, job, launch, &found);
    check_alone(sim, job, key, found.revision);
    check_wanted(sim, job, key, found.trigger);
    if (launch->timeout)
        at_most = MIN(at_most, launch->timeout + launch->kill_grace);
    add_start(sim, key, plan.failure ? 0 : at_most);
    return plan;
}

void books_note_end(struct sim *sim, const struct run_key *run)
{
    struct start *start = find_start(sim, run);

    if (start)
        start->ended = true;
}

void books_note_guardian_death(struct sim *sim)
{
    for (size_t i = 0; i < sim->start_count; i++)
        sim->starts[i].ended = true;
}

/* ---- ticks --------------------------------------------------------------------------------- */

/* What the store has of a job's ticks: rows of attempt 1 that its schedule asked for, newest first.
 */
struct tick_row {
    instant_us tick;
    instant_us until;
    int64_t count;
};

struct tick_rows {
    struct tick_row *rows;
    size_t count;
};

static bool note_tick(void *context, const struct run_record *record)
{
    struct tick_rows *rows = context;
    const struct run *run = &record->run;

    if (run->key.attempt != 1 || run->trigger == TRIGGER_MANUAL)
        return true;
    if (!(rows->count & (rows->count + 1))) /* grow at 0, 1, 3, 7, ... */
        rows->rows = xrealloc(rows->rows, 2 * (rows->count + 1), sizeof(*rows->rows));
    rows->rows[rows->count++] = (struct tick_row){run->key.scheduled_at, run->until, run->count};
    return true;
}

/* The newest row at or before the instant. */
static const struct tick_row *row_before(const struct tick_rows *rows, instant_us instant)
{
    size_t low = 0, high = rows->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rows->rows[middle].tick > instant)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows->count ? &rows->rows[low] : NULL;
}

/* Of a clock that was set back, a stretch may lie over rows that are older than it. */
static bool is_accounted(const struct tick_rows *rows, instant_us tick)
{
    const struct tick_row *row = row_before(rows, tick);

    if (row && row->tick == tick)
        return true;
    for (; row && row < rows->rows + rows->count; row++) {
        if (row->count > 1 && tick <= row->until)
            return true;
    }
    return false;
}

/* The newest tick accounted for in (after, until]; ticks of a job are accounted for in order. */
static instant_us newest_accounted(const struct tick_rows *rows, instant_us after, instant_us until)
{
    const struct tick_row *row = row_before(rows, until);

    if (!row || MAX(row->tick, row->until) <= after)
        return after;
    return row->count > 1 ? MIN(row->until, until) : row->tick;
}

/* A stretch of time in which one state of the job said what is due. */
struct segment {
    const struct job_state *state;
    instant_us since;
    instant_us until;
    bool ended;
    bool has_backlog; /* its ticks may wait for their turn; but none is passed over */
};

static void check_segment(struct sim *sim, job_id id, const struct segment *segment,
                          const struct tick_rows *rows)
{
    const struct job_state *state = segment->state;
    instant_us until = segment->until, after = segment->since, tick;

    if (state->starts_at != INSTANT_NONE)
        after = MAX(after, state->starts_at - 1);
    if (state->ends_at != INSTANT_NONE)
        until = MIN(until, state->ends_at - 1);
    if (segment->ended || segment->has_backlog)
        until = newest_accounted(rows, after, until);
    while (!schedule_next(&state->schedule, zone_utc(), state->anchor, after, &tick) &&
           tick <= until) {
        if (!is_accounted(rows, tick))
            sim_violated(sim, "tick %lld of job %llu revision %llu vanished",
                         (long long)(tick / SECOND), (unsigned long long)id,
                         (unsigned long long)state->revision);
        after = tick;
    }
}

static bool may_wait(const struct job_state *state)
{
    return state->catch_up == CATCH_UP_ALL || state->concurrency == CONCURRENCY_QUEUE ||
           state->concurrency == CONCURRENCY_REPLACE;
}

static struct segment segment_of(const struct sim *sim, const struct sim_job *job, size_t i,
                                 instant_us before)
{
    const struct job_state *state = &job->states[i], *next = state + 1;
    struct segment segment = {.state = state, .since = MAX(state->due_since, before)};

    /* Until the worker knows of a change it records ticks of the old schedule, and the newest of
     * them may hide a new one if it dies just then. */
    if (i && !sim->calm)
        segment.since = MAX(segment.since, state->learnt_at);
    for (size_t j = 0; j <= i; j++)
        segment.has_backlog |= may_wait(&job->states[j]);
    segment.ended = i + 1 < job->state_count;
    if (!segment.ended)
        segment.until = sim_now(sim) - YOUNG - state->jitter;
    else
        segment.until = next->due_since != state->due_since ? next->due_since : next->seen_at;
    return segment;
}

static void check_stretches(struct sim *sim, job_id id, const struct tick_rows *rows)
{
    for (size_t i = 0; i + 1 < rows->count; i++) {
        const struct tick_row *newer = &rows->rows[i], *older = newer + 1;

        if (older->count > 1 && newer->tick <= older->until)
            sim_violated(sim, "tick %lld of job %llu is accounted for twice",
                         (long long)(newer->tick / SECOND), (unsigned long long)id);
    }
}

static void check_job(struct sim *sim, const struct sim_job *job)
{
    struct run_query query = run_query_all();
    struct tick_rows rows = {0};
    instant_us before = INSTANT_NONE;

    query.job = job->id;
    sim->looking = true;
    if (store_read_runs(sim->store, &query, note_tick, &rows, NULL))
        sim_violated(sim, "the books cannot be read");
    sim->looking = false;
    for (size_t i = 0; i < job->state_count; i++) {
        struct segment segment = segment_of(sim, job, i, before);

        before = segment.until;
        if (sim->was_back && (segment.ended || segment.state->due_since > sim_now(sim)))
            continue;
        if (sim->was_back)
            segment.since = MAX(segment.since, sim->true_since);
        if (job->states[i].enabled)
            check_segment(sim, job->id, &segment, &rows);
    }
    if (!sim->was_back && job->state_count == 1)
        check_stretches(sim, job->id, &rows);
    free(rows.rows);
}

void books_check_ticks(struct sim *sim)
{
    for (size_t i = 0; i < SIM_JOBS && sim->jobs[i].id; i++)
        check_job(sim, &sim->jobs[i]);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void count_status(struct sim *sim, const struct run *run)
{
    static const int statuses[RUN_STATUS_COUNT] = {
        [RUN_SUCCEEDED] = SOMETIMES_RUN_SUCCEEDED_ONCE, [RUN_FAILED] = SOMETIMES_RUN_FAILED_ONCE,
        [RUN_TIMED_OUT] = SOMETIMES_RUN_TIMED_OUT_ONCE, [RUN_KILLED] = SOMETIMES_RUN_KILLED_ONCE,
        [RUN_LOST] = SOMETIMES_RUN_LOST_ONCE,           [RUN_SKIPPED] = SOMETIMES_RUN_SKIPPED_ONCE,
        [RUN_MISSED] = SOMETIMES_RUN_MISSED_ONCE,
    };

    sim_saw(sim, (enum sometimes)statuses[run->result.status]);
    if (run->count > 1)
        sim_saw(sim, SOMETIMES_RUN_STRETCH);
    if (run->trigger == TRIGGER_RETRY)
        sim_saw(sim, SOMETIMES_RUN_RETRY);
    if (run->trigger == TRIGGER_CATCH_UP)
        sim_saw(sim, SOMETIMES_RUN_CATCH_UP);
    if (strstr(run->reason, "its file was not there"))
        sim_saw(sim, SOMETIMES_FILE_MISSED);
}

static bool check_run(void *context, const struct run_record *record)
{
    struct sim *sim = context;
    const struct run *run = &record->run;
    const struct start *start = find_start(sim, &run->key);

    if (!run_status_is_final(run->result.status))
        sim_violated(sim, "run " RUN_FORMAT " is still %s", RUN_ARGS(run->key),
                     run_status_text(run->result.status));
    if (run->result.status == RUN_SUCCEEDED && !start)
        sim_violated(sim, "run " RUN_FORMAT " succeeded and never started", RUN_ARGS(run->key));
    if ((run->result.status == RUN_SKIPPED || run->result.status == RUN_MISSED) &&
        (start || !*run->reason))
        sim_violated(sim, "run " RUN_FORMAT " is %s and %s", RUN_ARGS(run->key),
                     run_status_text(run->result.status), start ? "started" : "has no reason");
    count_status(sim, run);
    return true;
}

void books_check_runs(struct sim *sim)
{
    struct run_query query = run_query_all();

    sim->looking = true;
    if (store_read_runs(sim->store, &query, check_run, sim, NULL))
        sim_violated(sim, "the books cannot be read");
    sim->looking = false;
    if (memory_guardian_running(sim->guardian))
        sim_violated(sim, "something is still executed");
    for (size_t i = 0; i < sim->accepted_count; i++) {
        size_t at = 0;

        while (at < SIM_JOBS && sim->jobs[at].id != sim->accepted[i])
            at++;
        if (at == SIM_JOBS)
            sim_violated(sim, "job %llu was accepted and is lost",
                         (unsigned long long)sim->accepted[i]);
    }
}
