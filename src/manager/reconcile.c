/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reconciliation: all jobs of the store against all tasks. Every active job becomes a task of the
 * worker that should keep it, and every queued run that nobody claimed becomes a task too. It goes
 * page by page, so that changes are committed in between; a change that overtakes a page is fine,
 * since a task names the job's revision and an older one changes nothing at the worker.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "manager/internal.h"

struct page {
    struct manager *manager;
    struct store_write *moves; /* WRITE_JOB_ASSIGN */
    size_t move_count;
    size_t seen;
    job_id last;
};

void manager_reconcile(struct manager *manager)
{
    struct reconciliation *reconciliation = &manager->reconciliation;

    if (reconciliation->running)
        reconciliation->again = true;
    else
        *reconciliation = (struct reconciliation){.running = true};
}

static bool note_draining(void *context, const struct worker_record *worker)
{
    struct manager *manager = context;
    int index = manager_find_worker(manager, worker->name);

    if (index >= 0)
        manager->workers[index].draining = worker->draining;
    return true;
}

static bool place_job(void *context, const struct job_record *job)
{
    struct page *page = context;
    struct manager *manager = page->manager;
    int worker = manager_pick(manager, job->worker);
    int before = manager_find_worker(manager, job->worker);

    page->seen++;
    page->last = job->id;
    if (worker < 0)
        return true;
    if (before >= 0 && before != worker)
        manager_add_task(
            manager, before,
            &(struct task){
                .kind = TASK_JOB, .job = job->id, .revision = job->revision, .removed = true});
    manager_add_task(manager, worker,
                     &(struct task){.kind = TASK_JOB, .job = job->id, .revision = job->revision});
    manager->workers[worker].tasks++;
    if (strcmp(job->worker, manager->workers[worker].name)) {
        struct store_write *move = &page->moves[page->move_count++];

        *move = (struct store_write){.kind = WRITE_JOB_ASSIGN};
        move->job.id = job->id;
        move->job.worker = manager->workers[worker].name;
    }
    return true;
}

static enum rc place_page(struct manager *manager, struct err *err)
{
    struct reconciliation *reconciliation = &manager->reconciliation;
    struct store_write *moves AUTO_FREE = xcalloc(LIMIT_BATCH, sizeof(*moves));
    struct page page = {.manager = manager, .moves = moves};
    struct job_query query = job_query_all();
    enum rc rc = RC_OK;

    if (!reconciliation->after)
        rc = store_read_workers(manager->config.store, note_draining, manager, err);
    query.active_only = true;
    query.after = reconciliation->after;
    query.limit = LIMIT_BATCH;
    if (rc == RC_OK)
        rc = store_read_jobs(manager->config.store, &query, place_job, &page, err);
    if (rc == RC_OK && page.move_count)
        rc = manager_apply(manager, moves, page.move_count, err);
    if (rc != RC_OK)
        return rc;
    manager_flush_tasks(manager);
    reconciliation->after = page.last;
    reconciliation->jobs_done = page.seen < LIMIT_BATCH;
    return RC_OK;
}

struct run_page {
    struct manager *manager;
    size_t seen;
    struct run_key last;
};

static bool place_run(void *context, const struct run_record *run)
{
    static const struct claim_token none;
    struct run_page *page = context;
    struct manager *manager = page->manager;

    page->seen++;
    page->last = run->run.key;
    if (memcmp(&run->token, &none, sizeof(none)))
        return true;
    manager_add_task(
        manager, manager_pick(manager, run->run.worker),
        &(struct task){.kind = TASK_RUN, .job = run->run.key.job, .run = run->run.key});
    return true;
}

static enum rc place_runs(struct manager *manager, struct err *err)
{
    struct reconciliation *reconciliation = &manager->reconciliation;
    struct run_page page = {.manager = manager};
    struct run_query query = run_query_all();
    enum rc rc;

    query.unfinished_only = true;
    query.status = RUN_QUEUED;
    query.before = reconciliation->runs_begun ? &reconciliation->runs : NULL;
    query.limit = LIMIT_BATCH;
    rc = store_read_runs(manager->config.store, &query, place_run, &page, err);
    if (rc != RC_OK)
        return rc;
    manager_flush_tasks(manager);
    reconciliation->runs = page.last;
    reconciliation->runs_begun = true;
    if (page.seen < LIMIT_BATCH)
        reconciliation->running = false;
    return RC_OK;
}

static void begin_again(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++)
        manager->workers[i].tasks = 0;
    manager->reconciliation = (struct reconciliation){.running = true};
}

bool manager_reconcile_page(struct manager *manager)
{
    struct reconciliation *reconciliation = &manager->reconciliation;
    struct err err = {0};
    enum rc rc;

    if (reconciliation->again)
        begin_again(manager);
    if (!reconciliation->running || !manager->worker_count)
        return false;
    rc = reconciliation->jobs_done ? place_runs(manager, &err) : place_page(manager, &err);
    if (rc != RC_OK) {
        log_warn("reconciliation was interrupted, trying again", LOG_ERR(&err, rc));
        manager->retry_at = clock_mono(manager->config.clock) + RETRY_AFTER;
        return false;
    }
    if (!reconciliation->running)
        log_info("jobs and tasks agree", LOG_U64("epoch", manager->lease.epoch));
    return reconciliation->running;
}
