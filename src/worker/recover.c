/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/*
 * After a start: whose runs are these?
 *
 *     unfinished in the store and ours | the guardian has it | the journal says | then
 *     ---------------------------------+---------------------+------------------+-------------------------
 *     yes                              | going on            | -                | adopted
 *     yes                              | ended               | -                | its result is stored
 *     yes                              | no                  | ended            | its result is stored
 *     yes, running                     | no                  | -                | lost
 *     yes                              | no                  | handed over      | lost
 *     yes                              | no                  | nothing          | never started: decided anew
 *     no                               | going on            | -                | killed
 *     no                               | ended               | -                | forgotten
 *
 * A worker of the same name that lives elsewhere (its row has another URL and a lease that is valid)
 * has runs that look like ours: then nothing is taken up until that lease has passed.
 */
/* clang-format on */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "core/run_hash.h"

#include "worker/internal.h"

static struct known *find_known(const struct worker *worker, const struct run_key *key)
{
    struct table_node *node = table_first(&worker->known, run_key_hash(key));

    while (node && run_key_compare(&container_of(node, struct known, node)->key, key))
        node = table_next(node);
    return node ? container_of(node, struct known, node) : NULL;
}

void worker_note_known(struct worker *worker, const struct launch_event *event)
{
    struct known *known = find_known(worker, &event->run);

    if (!known) {
        known = xcalloc(1, sizeof(*known));
        known->key = event->run;
        table_insert(&worker->known, &known->node, run_key_hash(&known->key));
    }
    known->result = event->result;
    memcpy(known->reason, event->reason, MIN(strlen(event->reason), (size_t)LIMIT_REASON));
}

static void drop_known(struct worker *worker, struct known *known)
{
    table_remove(&worker->known, &known->node);
    free(known);
}

void worker_free_known(struct worker *worker)
{
    struct table_node *node;

    while ((node = table_after(&worker->known, NULL)))
        drop_known(worker, container_of(node, struct known, node));
    table_release(&worker->known);
}

/* ---- on the store thread ---- */

static bool note_unfinished(void *context, const struct run_record *record)
{
    static const struct claim_token none;
    struct work *work = context;
    const struct ledger_entry *entry = ledger_find(&work->worker->ledger, &record->run.key);
    struct recovered *recovered;
    size_t count = work->recovered_count;

    if (!memcmp(&record->token, &none, sizeof(none)))
        return true; /* nobody's yet: it comes as a task */
    work->recovered =
        xgrow(work->recovered, count, &work->recovered_capacity, sizeof(*work->recovered));
    recovered = &work->recovered[work->recovered_count++];
    *recovered = (struct recovered){.active = active_new(&record->run.key, &record->token)};
    recovered->active->trigger = record->run.trigger;
    recovered->active->revision = record->run.revision;
    recovered->active->started_at = record->run.result.started_at;
    recovered->active->request = arena_strdup(&recovered->active->arena, record->run.request);
    recovered->journaled_start = entry || record->run.result.status == RUN_RUNNING;
    if (entry) {
        recovered->ended = entry->ended;
        recovered->result = entry->result;
        memcpy(recovered->reason, entry->reason, sizeof(recovered->reason));
    }
    return true;
}

static bool build_launches(void *context, const struct job_record *job)
{
    struct work *work = context;

    for (size_t i = 0; i < work->recovered_count; i++) {
        struct recovered *recovered = &work->recovered[i];

        if (recovered->active->key.job == job->id && !recovered->journaled_start)
            launch_build(recovered->active, &work->worker->config, job);
    }
    return true;
}

static enum rc build_other_revisions(struct work *work)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < work->recovered_count && rc == RC_OK; i++)
        if (work->recovered[i].active->other_revision)
            rc =
                launch_build_revision(work->recovered[i].active, &work->worker->config, &work->err);
    return rc;
}

/* What may be started now must not look as if it never was when we die again. */
static enum rc journal_unstarted(struct work *work)
{
    struct ledger *ledger = &work->worker->ledger;
    bool any = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < work->recovered_count; i++) {
        const struct recovered *recovered = &work->recovered[i];

        if (recovered->journaled_start)
            continue;
        rc = ledger_start(ledger, &recovered->active->key, &recovered->active->token, &work->err);
        any = true;
    }
    return rc == RC_OK && any ? ledger_sync(ledger, &work->err) : rc;
}

/* Of the same name, elsewhere: its runs are not ours. */
static bool note_conflict(void *context, const struct worker_record *record)
{
    struct work *work = context;
    const struct worker_config *config = &work->worker->config;

    if (strcmp(record->name, config->name) != 0)
        return true;
    work->conflict = strcmp(record->url, config->url) != 0 &&
                     record->lease_until > clock_now(config->clock) - work->clock.offset;
    return false;
}

static enum rc look_for_conflict(struct work *work)
{
    enum rc rc;

    work->conflict = false;
    if (work->worker->config.alone)
        return RC_OK;
    rc = work_check_clock(work);
    if (rc == RC_OK)
        rc = store_read_workers(work->worker->config.store, note_conflict, work, &work->err);
    return rc;
}

static enum rc read_unfinished(struct work *work)
{
    struct run_query query = run_query_all();

    query.worker = work->worker->config.alone ? NULL : work->worker->config.name;
    query.unfinished_only = true;
    return store_read_runs(work->worker->config.store, &query, note_unfinished, work, &work->err);
}

static enum rc read_first_requests(struct work *work)
{
    struct active **retries AUTO_FREE = xcalloc(work->recovered_count, sizeof(struct active *));
    size_t count = 0;

    for (size_t i = 0; i < work->recovered_count; i++) {
        if (!work->recovered[i].journaled_start)
            retries[count++] = work->recovered[i].active;
    }
    return work_read_requests(work, retries, count);
}

static enum rc read_jobs(struct work *work)
{
    job_id *ids AUTO_FREE = xcalloc(work->recovered_count, sizeof(*ids));
    struct job_query query = job_query_all();

    for (size_t i = 0; i < work->recovered_count; i++)
        ids[i] = work->recovered[i].active->key.job;
    query.ids = ids;
    query.id_count = work->recovered_count;
    query.parts = JOB_PART_DOCUMENT;
    return work->recovered_count ? store_read_jobs(work->worker->config.store, &query,
                                                   build_launches, work, &work->err)
                                 : RC_OK;
}

static enum rc recover_all(struct work *work)
{
    static enum rc (*const steps[])(struct work *) = {
        read_unfinished, read_first_requests, read_jobs, build_other_revisions, journal_unstarted};
    enum rc rc = RC_OK;

    for (size_t i = 0; i < ARRAY_SIZE(steps) && rc == RC_OK; i++)
        rc = steps[i](work);
    return rc;
}

enum rc work_recover(struct work *work)
{
    enum rc rc = look_for_conflict(work);

    return rc == RC_OK && !work->conflict ? recover_all(work) : rc;
}

/* ---- on the loop thread ---- */

static void wait_for_job(struct worker *worker, const struct recovered *recovered,
                         enum wait_kind kind, const struct run_result *result, const char *reason)
{
    struct waiting *waiting = worker_add_waiting(worker, &recovered->active->key, kind);

    if (result)
        waiting->result = *result;
    memcpy(waiting->reason, reason, MIN(strlen(reason), (size_t)LIMIT_REASON));
    worker_want_job(worker, recovered->active->key.job, LOAD_RUN);
}

static void recover_known(struct worker *worker, const struct recovered *recovered,
                          struct known *known)
{
    struct active *active = recovered->active;

    active->state = known->result.status == RUN_RUNNING ? ACTIVE_RUNNING : ACTIVE_HANDED_OVER;
    if (run_status_is_final(known->result.status)) {
        wait_for_job(worker, recovered, WAIT_ENDED, &known->result, known->reason);
    } else {
        if (active->state == ACTIVE_RUNNING) {
            active->started_at = known->result.started_at;
            list_append(&worker->unwritten, &active->link);
            metric_add(metric_series(METRIC_RUNS_RUNNING), 1);
        } else { /* its instant may be far away, if the clock was set back */
            list_append(&worker->handed_over, &active->link);
        }
        wait_for_job(worker, recovered, WAIT_GOES_ON, NULL, "");
    }
    drop_known(worker, known);
}

static void recover_run(struct worker *worker, const struct recovered *recovered)
{
    struct known *known = find_known(worker, &recovered->active->key);
    struct run_result lost = result_without_start(RUN_LOST, clock_now(worker->config.clock));

    worker_add_active(worker, recovered->active);
    recovered->active->start_at = recovered->active->key.scheduled_at;
    if (known) {
        recover_known(worker, recovered, known);
    } else if (recovered->ended) {
        wait_for_job(worker, recovered, WAIT_ENDED, &recovered->result, recovered->reason);
    } else if (recovered->journaled_start) {
        lost.started_at = recovered->active->started_at;
        wait_for_job(worker, recovered, WAIT_ENDED, &lost,
                     "worker and guardian died while it was executed");
    } else {
        wait_for_job(worker, recovered, WAIT_UNSTARTED, NULL, "");
    }
}

/* What the guardian has and the store does not want any more. */
static void forget_known(struct worker *worker)
{
    for (struct table_node *node = table_after(&worker->known, NULL); node;
         node = table_after(&worker->known, node)) {
        const struct known *known = container_of(node, struct known, node);

        if (run_status_is_final(known->result.status))
            launcher_acknowledge(worker->launcher, &known->key);
        else
            launcher_kill(worker->launcher, &known->key);
    }
    worker_free_known(worker);
}

/* Until its lease has run out. */
static void wait_for_other(struct worker *worker)
{
    if (!worker->conflict)
        log_error("another worker lives under this name, waiting",
                  LOG_TEXT("worker", worker->config.name));
    worker->conflict = true;
    worker->join_at = clock_mono(worker->config.clock) + SECOND;
}

void worker_recover(struct worker *worker, struct work *work)
{
    if (work->conflict) {
        wait_for_other(worker);
        return;
    }
    worker->conflict = false;
    log_info("worker is ready", LOG_TEXT("worker", worker->config.name),
             LOG_U64("recovered", work->recovered_count));
    for (size_t i = 0; i < work->recovered_count; i++)
        recover_run(worker, &work->recovered[i]);
    work->recovered_count = 0; /* they are the worker's now */
    forget_known(worker);
    worker->phase = PHASE_READY;
    worker_watch_tasks(worker);
}
