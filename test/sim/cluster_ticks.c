/* SPDX-License-Identifier: Apache-2.0 */
/* Every tick is accounted for, once; and once all is well, it is executed. */
#include <stdlib.h>

#include "base/mem.h"

#include "core/recovery.h"

#include "cluster.h"

/* Ticks this young may still be on their way; those that fit nobody are recorded later. */
#define YOUNG       (60 * SECOND)
#define YOUNG_UNFIT (60 * SECOND + 2 * RECOVERY_MARGIN)
/* A change reaches its worker at most this late. Until then ticks of the old schedule are recorded,
 * and the newest of them may hide a new one. */
#define LEARNT_AFTER (3 * MINUTE)
/* From then on after all is well every tick is executed. */
#define RECOVERED (60 * SECOND)

static const struct job_state *now_of(const struct cluster_job *job)
{
    return &job->states[job->state_count - 1];
}

/* What the store has of a job's ticks: rows of attempt 1 that its schedule asked for, newest first.
 */
struct tick_row {
    instant_us tick, until;
    int64_t count;
    enum run_status status;
};

struct tick_rows {
    struct tick_row *rows;
    size_t count, capacity;
};

static bool note_tick(void *context, const struct run_record *record)
{
    struct tick_rows *rows = context;
    const struct run *run = &record->run;

    if (run->key.attempt != 1 || run->trigger == TRIGGER_MANUAL)
        return true;
    rows->rows = xgrow(rows->rows, rows->count, &rows->capacity, sizeof(*rows->rows));
    rows->rows[rows->count++] = (struct tick_row){.tick = run->key.scheduled_at,
                                                  .until = run->until,
                                                  .count = run->count,
                                                  .status = run->result.status};
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

static bool may_wait(const struct job_state *state)
{
    return state->catch_up == CATCH_UP_ALL || state->concurrency == CONCURRENCY_QUEUE ||
           state->concurrency == CONCURRENCY_REPLACE;
}

static instant_us newest_accounted(const struct tick_rows *rows, instant_us until)
{
    const struct tick_row *row = row_before(rows, until);

    return row ? MAX(row->tick, MIN(row->until, until)) : INSTANT_NONE;
}

/* Until when the ticks of the job as it is now are accounted for. */
static instant_us accounted_until(const struct cluster *cluster, const struct cluster_job *job,
                                  const struct tick_rows *rows)
{
    const struct job_state *state = now_of(job);
    instant_us until = cluster_now(cluster) - state->jitter - YOUNG;
    bool waits = false;

    if (state->pinned) /* its worker may drain, or be another's */
        until = cluster_now(cluster) - state->jitter - YOUNG_UNFIT - state->window;
    for (size_t i = 0; i < job->state_count; i++)
        waits |= may_wait(&job->states[i]);
    if (waits)
        until = MIN(until, newest_accounted(rows, until));
    if (state->ends_at != INSTANT_NONE)
        until = MIN(until, state->ends_at - 1);
    return until;
}

static void check_now(struct cluster *cluster, const struct cluster_job *job,
                      const struct tick_rows *rows)
{
    const struct job_state *state = now_of(job);
    instant_us after = state->due_since, tick, until = accounted_until(cluster, job, rows);

    if (!state->enabled)
        return;
    if (state->starts_at != INSTANT_NONE)
        after = MAX(after, state->starts_at - 1);
    if (job->state_count > 1)
        after = MAX(after,
                    cluster_now(cluster) - (cluster_mono(cluster) - state->seen_at) + LEARNT_AFTER);
    while (!schedule_next(&state->schedule, zone_utc(), state->anchor, after, &tick) &&
           tick <= until) {
        if (!is_accounted(rows, tick))
            cluster_violated(cluster, "tick %lld of job %llu revision %llu vanished",
                             (long long)(tick / SECOND), (unsigned long long)job->id,
                             (unsigned long long)state->revision);
        after = tick;
    }
}

static void check_stretches(struct cluster *cluster, job_id id, const struct tick_rows *rows)
{
    for (size_t i = 0; i + 1 < rows->count; i++) {
        const struct tick_row *newer = &rows->rows[i], *older = newer + 1;

        if (older->count > 1 && newer->tick <= older->until)
            cluster_violated(cluster, "tick %lld of job %llu is accounted for twice",
                             (long long)(newer->tick / SECOND), (unsigned long long)id);
    }
}

/* Once all is well, what can be executed is. */
static void check_liveness(struct cluster *cluster, const struct cluster_job *job,
                           const struct tick_rows *rows)
{
    const struct job_state *state = now_of(job);
    instant_us since =
        cluster_now(cluster) - (cluster_mono(cluster) - cluster->healed_at) + RECOVERED;

    if (!state->enabled || state->unfit || state->concurrency != CONCURRENCY_ALLOW)
        return;
    for (size_t i = 0; i < rows->count && rows->rows[i].tick > since; i++) {
        if (rows->rows[i].status == RUN_MISSED || rows->rows[i].status == RUN_SKIPPED)
            cluster_violated(cluster, "tick %lld of job %llu was not executed",
                             (long long)(rows->rows[i].tick / SECOND), (unsigned long long)job->id);
    }
}

static void check_job(struct cluster *cluster, const struct cluster_job *job)
{
    struct run_query query = run_query_all();
    struct tick_rows rows = {0};

    query.job = job->id;
    cluster->looking = true;
    if (store_read_runs(cluster->store, &query, note_tick, &rows, NULL))
        cluster_violated(cluster, "the books cannot be read");
    cluster->looking = false;
    check_now(cluster, job, &rows);
    check_liveness(cluster, job, &rows);
    if (job->state_count == 1 && !job->moves) /* of two that follow a job at once, one may record a
                                                 stretch and the other claim within it */
        check_stretches(cluster, job->id, &rows);
    free(rows.rows);
}

void cluster_check_ticks(struct cluster *cluster)
{
    for (size_t i = 0; i < CLUSTER_JOBS && cluster->jobs[i].id; i++)
        check_job(cluster, &cluster->jobs[i]);
}
