/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reconciliation: all active jobs of the store against all tasks in coordination. Each job becomes
 * a task of the worker that should keep it and of no other, in its newest revision; then those who
 * came get their share; then what nobody should have is taken away. It goes page by page, so that
 * changes are committed in between. Only what differs is written.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "manager/internal.h"

#define PASS_EVERY (60 * SECOND) /* whatever was overlooked is found by then */

struct page {
    struct manager *manager;
    struct store_write *moves; /* the leader's, then WRITE_JOB_ASSIGN */
    size_t move_count;
    job_id *unfit;
    size_t unfit_count;
    size_t seen;
    job_id last;
};

void manager_reconcile(struct manager *manager, bool balances)
{
    struct reconciliation *reconciliation = &manager->reconciliation;

    if (!manager->leads)
        return;
    reconciliation->balances |= balances;
    reconciliation->again = true;
    manager_look_at_runs(manager);
}

static void begin(struct reconciliation *reconciliation)
{
    map_release(&reconciliation->seen);
    *reconciliation =
        (struct reconciliation){.pass = PASS_JOBS, .balances = reconciliation->balances};
}

static void end(struct manager *manager, mono_us now)
{
    struct reconciliation *reconciliation = &manager->reconciliation;

    if (reconciliation->moved)
        log_info("jobs were moved", LOG_I64("jobs", reconciliation->moved));
    if (reconciliation->unassigned)
        log_warn("jobs fit no worker", LOG_I64("jobs", reconciliation->unassigned));
    map_release(&reconciliation->seen);
    *reconciliation = (struct reconciliation){.pass = PASS_NONE, .next = now + PASS_EVERY};
}

/* ---- a page -------------------------------------------------------------------------------- */

static void note_worker(struct page *page, const struct job_record *job, const char *worker)
{
    struct store_write *move = &page->moves[page->move_count];

    if (!strcmp(job->worker, worker))
        return;
    *move = (struct store_write){.kind = WRITE_JOB_ASSIGN};
    move->job.id = job->id;
    move->job.worker = worker;
    page->move_count++;
}

/* Where the job is: as coordination has it, or else as the store says. */
static int find_current(const struct manager *manager, const struct job_record *job)
{
    int holder = manager_find_holder(manager, job->id);

    return holder >= 0 ? holder : manager_find_worker(manager, job->worker);
}

static bool place_job(void *context, const struct job_record *job)
{
    struct page *page = context;
    struct manager *manager = page->manager;
    struct reconciliation *reconciliation = &manager->reconciliation;
    int worker = manager_pick(manager, find_current(manager, job), &job->placement);

    page->seen++;
    page->last = job->id;
    manager_put_job(manager, worker, job->id, job->revision);
    map_put(&reconciliation->seen, job->id, 1);
    note_worker(page, job, worker < 0 ? "" : manager->places[worker].name);
    reconciliation->unassigned += worker < 0;
    if (worker < 0 && !manager_is_kept(manager, job->id))
        page->unfit[page->unfit_count++] = job->id;
    return true;
}

static bool balance_job(void *context, const struct job_record *job)
{
    struct page *page = context;
    struct manager *manager = page->manager;
    int holder = manager_find_holder(manager, job->id), worker;

    page->seen++;
    page->last = job->id;
    worker = placement_move(manager->places, manager->worker_count, holder, &job->placement);
    if (worker < 0)
        return true;
    manager_put_job(manager, worker, job->id, job->revision);
    note_worker(page, job, manager->places[worker].name);
    return true;
}

/* The tasks first: they are what the workers wait for. */
static enum rc carry_out(struct page *page, struct err *err)
{
    struct manager *manager = page->manager;
    enum rc rc = RC_OK;

    manager_flush_tasks(manager);
    if (page->move_count > 1)
        rc = manager_apply(manager, page->moves, page->move_count, err);
    for (size_t i = 1; rc == RC_OK && i < page->move_count; i++)
        manager_publish_job(manager, page->moves[i].job.id);
    if (rc == RC_OK && page->unfit_count)
        rc = manager_account(manager, page->unfit, page->unfit_count, err);
    return rc;
}

static enum rc do_page(struct manager *manager, job_visit visit, bool *ret_more, struct err *err)
{
    struct reconciliation *reconciliation = &manager->reconciliation;
    struct store_write *moves AUTO_FREE = xcalloc(LIMIT_BATCH + 1, sizeof(*moves));
    job_id *unfit AUTO_FREE = xcalloc(LIMIT_BATCH, sizeof(*unfit));
    struct page page = {.manager = manager, .moves = moves, .move_count = 1, .unfit = unfit};
    struct job_query query = job_query_all();
    enum rc rc;

    query.active_only = true;
    query.after = reconciliation->after;
    query.limit = LIMIT_BATCH;
    query.parts = JOB_PART_PLACEMENT;
    rc = store_read_jobs(manager->config.store, &query, visit, &page, err);
    if (rc == RC_OK)
        rc = carry_out(&page, err);
    if (rc != RC_OK)
        return rc;
    reconciliation->after = page.last;
    reconciliation->moved += (int64_t)page.move_count - 1;
    *ret_more = page.seen == LIMIT_BATCH;
    return RC_OK;
}

/* ---- the passes ---------------------------------------------------------------------------- */

static enum pass after_jobs(struct manager *manager)
{
    bool balances = manager->reconciliation.balances;

    manager->reconciliation.balances = false;
    manager->reconciliation.after = 0;
    manager_count_loads(manager);
    if (balances && placement_balance(manager->places, manager->worker_count))
        return PASS_BALANCE;
    return PASS_TIDY;
}

static enum rc go_on(struct manager *manager, mono_us now, struct err *err)
{
    struct reconciliation *reconciliation = &manager->reconciliation;
    bool more = false;
    enum rc rc = RC_OK;

    switch (reconciliation->pass) {
    case PASS_NONE:
        break;
    case PASS_JOBS:
        rc = do_page(manager, place_job, &more, err);
        if (rc == RC_OK && !more)
            reconciliation->pass = after_jobs(manager);
        break;
    case PASS_BALANCE:
        rc = do_page(manager, balance_job, &more, err);
        if (rc == RC_OK && !more)
            reconciliation->pass = PASS_TIDY;
        break;
    case PASS_TIDY:
        if (!manager_tidy_jobs(manager))
            end(manager, now);
        break;
    }
    return rc;
}

bool manager_reconcile_page(struct manager *manager, mono_us now)
{
    struct reconciliation *reconciliation = &manager->reconciliation;
    struct err err = {0};
    enum rc rc;

    if (reconciliation->pass == PASS_NONE && now >= reconciliation->next)
        manager_reconcile(manager, false);
    if (reconciliation->again)
        begin(reconciliation);
    if (reconciliation->pass == PASS_NONE || !manager_may_move(manager, now))
        return false;
    if (!manager_has_crew(manager)) { /* whoever comes begins it again */
        end(manager, now);
        return false;
    }
    rc = go_on(manager, now, &err);
    if (rc != RC_OK) {
        manager_try_later(manager, "reconciliation was interrupted, trying again", &err, rc);
        return false;
    }
    return reconciliation->pass != PASS_NONE;
}
