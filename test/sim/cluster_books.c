/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold, and what is known to judge it by: every execution as a guardian begins it, and
 * every state of every job as the store shows it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "core/run_hash.h"

#include "cluster.h"

/* A removed or paused job starts nothing later than this after its user was told. */
#define STOP_BOUND (4 * SECOND)
/* Before its time, by the store's clock. */
#define EARLY CLAIM_LEAD

#define RUN_FORMAT "%llu-%lld-%u"
#define RUN_ARGS(key) \
    (unsigned long long)(key).job, (long long)((key).scheduled_at / SECOND), (key).attempt

/* ---- jobs as the store shows them ---------------------------------------------------------- */

static struct cluster_job *job_of(struct cluster *cluster, job_id id)
{
    for (size_t i = 0; i < CLUSTER_JOBS; i++) {
        if (!cluster->jobs[i].id)
            cluster->jobs[i].id = id;
        if (cluster->jobs[i].id == id)
            return &cluster->jobs[i];
    }
    cluster_violated(cluster, "there are more jobs than were asked for");
    return NULL;
}

static const struct job_state *now_of(const struct cluster_job *job)
{
    return &job->states[job->state_count - 1];
}

static bool is_pinned_nowhere(const struct pairs *placement)
{
    return placement->count && !strcmp(placement->items[0].value, "nowhere");
}

static struct job_state state_of(struct cluster *cluster, const struct job_record *record)
{
    struct job_state state = {
        .revision = record->revision,
        .enabled = record->enabled && !record->removed,
        .removed = record->removed,
        .due_since = record->due_since,
        .seen_at = cluster_mono(cluster),
        .starts_at = record->starts_at,
        .ends_at = record->ends_at,
        .anchor = record->starts_at == INSTANT_NONE ? record->created_at : record->starts_at,
        .jitter = record->jitter,
        .concurrency = record->concurrency,
        .catch_up = record->catch_up,
        .on_worker_loss = record->on_worker_loss,
        .pinned = record->placement.count != 0,
        .unfit = is_pinned_nowhere(&record->placement),
        .window = record->catch_up_window,
    };
    struct err err;

    if (schedule_parse(record->schedule, record->id, &state.schedule, &err))
        cluster_violated(cluster, "job %llu: %s", (unsigned long long)record->id, err.message);
    (void)snprintf(state.sha256, sizeof(state.sha256), "%s", record->sha256);
    return state;
}

static void note_worker(struct cluster *cluster, struct cluster_job *job, const char *worker)
{
    if (!strcmp(job->worker, worker))
        return;
    if (!*worker)
        cluster_saw(cluster, SOMETIMES_JOB_FIT_NOBODY);
    if (*job->worker && *worker)
        cluster_saw(cluster, SOMETIMES_JOB_MOVED);
    job->moves += *job->worker != '\0';
    cluster_log(cluster, "job %llu is on '%s' now, was on '%s'", (unsigned long long)job->id,
                worker, job->worker);
    memset(job->worker, 0, sizeof(job->worker));
    memcpy(job->worker, worker, MIN(strlen(worker), sizeof(job->worker) - 1));
}

static bool look_at(void *context, const struct job_record *record)
{
    struct cluster *cluster = context;
    struct cluster_job *job = job_of(cluster, record->id);

    note_worker(cluster, job, record->worker);
    if (job->state_count && now_of(job)->revision == record->revision &&
        now_of(job)->removed == record->removed)
        return true;
    if (job->state_count == CLUSTER_STATES)
        cluster_violated(cluster, "job %llu changed too often for the books",
                         (unsigned long long)record->id);
    job->states[job->state_count++] = state_of(cluster, record);
    cluster_log(cluster, "job %llu is now revision %llu '%s'%s%s", (unsigned long long)record->id,
                (unsigned long long)record->revision, record->schedule,
                record->enabled ? "" : " paused", record->removed ? " removed" : "");
    return true;
}

void cluster_look(struct cluster *cluster)
{
    struct job_query query = job_query_all();

    query.parts = JOB_PART_PLACEMENT;
    cluster->looking = true;
    if (store_read_jobs(cluster->store, &query, look_at, cluster, NULL))
        cluster_violated(cluster, "the books cannot be read");
    cluster->looking = false;
}

/* ---- executions ---------------------------------------------------------------------------- */

struct found_run {
    bool found;
    enum run_status status;
    enum run_trigger trigger;
    uint64_t revision;
    char sha256[65];
    char worker[LIMIT_NAME + 1];
};

static bool note_run(void *context, const struct run_record *record)
{
    struct found_run *found = context;

    *found = (struct found_run){.found = true,
                                .status = record->run.result.status,
                                .trigger = record->run.trigger,
                                .revision = record->run.revision};
    (void)snprintf(found->sha256, sizeof(found->sha256), "%s",
                   record->run.sha256 ? record->run.sha256 : "");
    memcpy(found->worker, record->run.worker, MIN(strlen(record->run.worker), (size_t)LIMIT_NAME));
    return false;
}

static struct found_run find_run(struct cluster *cluster, const struct run_key *key)
{
    struct run_query query = run_query_all();
    struct found_run found = {0};

    query.keys = key;
    query.key_count = 1;
    cluster->looking = true;
    if (store_read_runs(cluster->store, &query, note_run, &found, NULL))
        cluster_violated(cluster, "the books cannot be read");
    cluster->looking = false;
    return found;
}

static uint64_t index_of(const struct run_key *key)
{
    return run_key_hash(key) | 1;
}

static const struct start *find_start(struct cluster *cluster, const struct run_key *key)
{
    uint64_t at;

    return map_get(&cluster->start_index, index_of(key), &at) ? &cluster->starts[at] : NULL;
}

static void add_start(struct cluster *cluster, const struct run_key *key, struct cluster_worker *on)
{
    cluster->starts = xgrow(cluster->starts, cluster->start_count, &cluster->start_capacity,
                            sizeof(*cluster->starts));
    map_put(&cluster->start_index, index_of(key), cluster->start_count);
    cluster->starts[cluster->start_count++] =
        (struct start){.key = *key, .on = on, .at = cluster_mono(cluster)};
}

/* As it was when the run was claimed. */
static const struct job_state *state_then(const struct cluster_job *job, uint64_t revision)
{
    for (size_t i = 0; i < job->state_count; i++) {
        if (job->states[i].revision == revision)
            return &job->states[i];
    }
    return now_of(job);
}

static bool forbade(const struct cluster_job *job, uint64_t revision)
{
    return state_then(job, revision)->concurrency == CONCURRENCY_FORBID;
}

/* What goes on of a worker that was given up, by the will of its job, is not counted. */
static bool counts(struct cluster *cluster, const struct start *start, const struct run_key *key)
{
    struct found_run found;

    if (start->key.job != key->job || !memory_guardian_executes(start->on->guardian, &start->key))
        return false;
    found = find_run(cluster, &start->key);
    return found.status != RUN_LOST ||
           state_then(job_of(cluster, key->job), found.revision)->on_worker_loss ==
               WORKER_LOSS_RERUN;
}

static void check_alone(struct cluster *cluster, const struct cluster_job *job,
                        const struct run_key *key, uint64_t revision)
{
    if (!forbade(job, revision) || now_of(job)->concurrency != CONCURRENCY_FORBID)
        return;
    for (size_t i = cluster->start_count; i-- > 0;) {
        if (counts(cluster, &cluster->starts[i], key))
            cluster_violated(cluster, "run " RUN_FORMAT " starts beside " RUN_FORMAT " on %s",
                             RUN_ARGS(*key), RUN_ARGS(cluster->starts[i].key),
                             cluster->starts[i].on->actor.name);
    }
}

/* An attempt that makes up for a lost one starts when that has ended. */
static void check_predecessor(struct cluster *cluster, const struct run_key *key)
{
    struct run_key before = *key;
    const struct start *start;

    before.attempt--;
    start = find_start(cluster, &before);
    if (start && counts(cluster, start, key))
        cluster_violated(cluster, "run " RUN_FORMAT " starts and the attempt before it goes on",
                         RUN_ARGS(*key));
}

static void check_wanted(struct cluster *cluster, const struct cluster_job *job,
                         const struct run_key *key, enum run_trigger trigger)
{
    const struct job_state *state = now_of(job);

    if (job->stopped_at && (state->removed || (!state->enabled && trigger != TRIGGER_MANUAL)) &&
        cluster_mono(cluster) - job->stopped_at > STOP_BOUND)
        cluster_violated(cluster, "run " RUN_FORMAT " starts %lld ms after its job was %s",
                         RUN_ARGS(*key),
                         (long long)((cluster_mono(cluster) - job->stopped_at) / MILLISECOND),
                         state->removed ? "removed" : "paused");
    if (cluster_now(cluster) < key->scheduled_at - EARLY)
        cluster_violated(cluster, "run " RUN_FORMAT " starts before its time", RUN_ARGS(*key));
}

static struct memory_plan random_plan(struct cluster *cluster)
{
    struct memory_plan plan = {.duration = (span_us)cluster_roll(cluster, 900) * MILLISECOND};
    uint64_t luck = cluster_roll(cluster, 100);

    if (luck < 20)
        plan.duration = (span_us)cluster_roll(cluster, 8000) * MILLISECOND;
    else if (luck < 28)
        plan.duration = (span_us)cluster_roll(cluster, 60) * SECOND;
    plan.exit_code = cluster_roll(cluster, 5) == 0;
    plan.signal = cluster_roll(cluster, 30) == 0 ? 11 : 0;
    plan.ignores_term = cluster_roll(cluster, 10) == 0;
    if (cluster_roll(cluster, 50) == 0)
        plan.failure = "exec: No such file or directory";
    return plan;
}

/* The bytes are those of the revision that was claimed, and the store says so. */
static void check_file(struct cluster *cluster, const struct cluster_job *job,
                       const struct launch *launch, const struct found_run *found)
{
    const char *expected = found->sha256;

    for (size_t i = 0; i < job->state_count; i++)
        if (job->states[i].revision == found->revision)
            expected = job->states[i].sha256;
    if (strcmp(expected, found->sha256) != 0 || !sim_file_is(launch, expected))
        cluster_violated(cluster, "run " RUN_FORMAT " executes other bytes", RUN_ARGS(launch->run));
    if (!launch->command)
        cluster_saw(cluster, SOMETIMES_FILE_EXECUTED);
    if (!launch->command && cluster_now(cluster) > launch->start_at + AGENDA_ON_TIME)
        cluster_saw(cluster, SOMETIMES_FILE_AWAITED);
}

struct memory_plan cluster_execute(void *context, const struct launch *launch)
{
    struct cluster_worker *worker = context;
    struct cluster *cluster = worker->cluster;
    const struct run_key *key = &launch->run;
    struct found_run found = find_run(cluster, key);
    const struct cluster_job *job = job_of(cluster, key->job);

    cluster_log(cluster, "run " RUN_FORMAT " is executed on %s (%s)", RUN_ARGS(*key),
                worker->actor.name, run_trigger_text(found.trigger));
    if (find_start(cluster, key))
        cluster_violated(cluster, "run " RUN_FORMAT " starts twice", RUN_ARGS(*key));
    if (!found.found || strcmp(found.worker, worker->actor.name) != 0)
        cluster_violated(cluster, "run " RUN_FORMAT " starts and the store has it on '%s'",
                         RUN_ARGS(*key), found.found ? found.worker : "nobody");
    check_file(cluster, job, launch, &found);
    check_alone(cluster, job, key, found.revision);
    check_predecessor(cluster, key);
    check_wanted(cluster, job, key, found.trigger);
    add_start(cluster, key, worker);
    return random_plan(cluster);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void count_run(struct cluster *cluster, const struct run *run)
{
    static const int statuses[RUN_STATUS_COUNT] = {
        [RUN_SUCCEEDED] = SOMETIMES_RUN_SUCCEEDED_ONCE, [RUN_FAILED] = SOMETIMES_RUN_FAILED_ONCE,
        [RUN_TIMED_OUT] = SOMETIMES_RUN_TIMED_OUT_ONCE, [RUN_KILLED] = SOMETIMES_RUN_KILLED_ONCE,
        [RUN_LOST] = SOMETIMES_RUN_LOST_ONCE,           [RUN_SKIPPED] = SOMETIMES_RUN_SKIPPED_ONCE,
        [RUN_MISSED] = SOMETIMES_RUN_MISSED_ONCE,
    };

    cluster_saw(cluster, (enum sometimes)statuses[run->result.status]);
    if (run->count > 1)
        cluster_saw(cluster, SOMETIMES_RUN_STRETCH);
    if (run->trigger == TRIGGER_RETRY)
        cluster_saw(cluster, SOMETIMES_RUN_RETRY);
    if (run->trigger == TRIGGER_CATCH_UP)
        cluster_saw(cluster, SOMETIMES_RUN_CATCH_UP);
    if (strstr(run->reason, "its file was not there"))
        cluster_saw(cluster, SOMETIMES_FILE_MISSED);
    if (strstr(run->reason, "vanished"))
        cluster_saw(cluster, SOMETIMES_RUN_VANISHED);
}

static bool check_run(void *context, const struct run_record *record)
{
    struct cluster *cluster = context;
    const struct run *run = &record->run;
    const struct start *start = find_start(cluster, &run->key);

    if (!run_status_is_final(run->result.status))
        cluster_violated(cluster, "run " RUN_FORMAT " is still %s on '%s'", RUN_ARGS(run->key),
                         run_status_text(run->result.status), run->worker);
    if (run->result.status == RUN_SUCCEEDED && !start)
        cluster_violated(cluster, "run " RUN_FORMAT " succeeded and never started",
                         RUN_ARGS(run->key));
    if ((run->result.status == RUN_SKIPPED || run->result.status == RUN_MISSED) &&
        (start || !*run->reason))
        cluster_violated(cluster, "run " RUN_FORMAT " is %s and %s", RUN_ARGS(run->key),
                         run_status_text(run->result.status), start ? "started" : "has no reason");
    count_run(cluster, run);
    return true;
}

static void check_accepted(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->accepted_count; i++) {
        size_t at = 0;

        while (at < CLUSTER_JOBS && cluster->jobs[at].id != cluster->accepted[i])
            at++;
        if (at == CLUSTER_JOBS)
            cluster_violated(cluster, "job %llu was accepted and is lost",
                             (unsigned long long)cluster->accepted[i]);
    }
}

/* An attempt that made up for one of a worker that vanished. */
static void count_made_up_for(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->start_count; i++) {
        struct run_key before = cluster->starts[i].key;

        before.attempt--;
        if (before.attempt && find_run(cluster, &before).status == RUN_LOST)
            cluster_saw(cluster, SOMETIMES_RUN_MADE_UP_FOR);
    }
}

void cluster_check_runs(struct cluster *cluster)
{
    struct run_query query = run_query_all();

    cluster->looking = true;
    if (store_read_runs(cluster->store, &query, check_run, cluster, NULL))
        cluster_violated(cluster, "the books cannot be read");
    cluster->looking = false;
    for (size_t i = 0; i < CLUSTER_WORKERS; i++) {
        if (memory_guardian_running(cluster->workers[i].guardian))
            cluster_violated(cluster, "something is still executed on %s",
                             cluster->workers[i].actor.name);
    }
    check_accepted(cluster);
    count_made_up_for(cluster);
}
