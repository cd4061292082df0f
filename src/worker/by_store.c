/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that the store says are ours, where no task does: a worker that starts while coordination is
 * away would have nothing to do. What a task says counts more. As long as there are such jobs, the
 * store is asked again whether they are still ours.
 */
#include "base/mem.h"

#include "worker/internal.h"

#define PATIENCE   (2 * SECOND) /* with tasks that are to come */
#define LOOK_AGAIN (30 * SECOND)

/* ---- on the store thread ------------------------------------------------------------------- */

static bool note_job(void *context, const struct job_record *job)
{
    struct work *work = context;

    work->jobs = xgrow(work->jobs, work->job_count, &work->job_capacity, sizeof(*work->jobs));
    work->jobs[work->job_count++] = job->id;
    return true;
}

enum rc work_look_for_jobs(struct work *work)
{
    struct job_query query = job_query_all();

    if (!(work->looks & LOOK_JOBS))
        return RC_OK;
    work->job_count = 0;
    query.worker = work->worker->config.name;
    query.active_only = true;
    query.after = work->jobs_after;
    query.limit = LIMIT_BATCH;
    return store_read_jobs(work->worker->config.store, &query, note_job, work, &work->err);
}

/* ---- on the loop thread -------------------------------------------------------------------- */

void worker_look_for_jobs(struct worker *worker, mono_us now)
{
    struct by_store *by_store = &worker->by_store;

    if (worker->config.alone || by_store->reading)
        return;
    if (!by_store->next)
        by_store->next = now + PATIENCE;
    if (now < by_store->next || (worker->heard_of_tasks && !by_store->count))
        return;
    by_store->reading = true;
    by_store->after = 0;
    worker->looks |= LOOK_JOBS;
}

/* Those that were ours by the store, and are not any more. */
static void drop_unseen(struct worker *worker)
{
    struct by_store *by_store = &worker->by_store;
    job_id *gone AUTO_FREE = xcalloc(by_store->count, sizeof(*gone));
    uint64_t job, revision, one;
    size_t count = 0, at = 0;

    while (map_next(&worker->tasks, &at, &job, &revision)) {
        if (!revision && !map_get(&by_store->seen, job, &one))
            gone[count++] = job;
    }
    for (size_t i = 0; i < count; i++)
        worker_drop_job(worker, gone[i]);
}

static void take_job(struct worker *worker, job_id job)
{
    uint64_t revision;

    map_put(&worker->by_store.seen, job, 1);
    if (map_get(&worker->tasks, job, &revision))
        return;
    map_put(&worker->tasks, job, 0);
    worker->by_store.count++;
    worker_want_job(worker, job, LOAD_TASK);
}

void worker_take_jobs(struct worker *worker, const struct work *work)
{
    struct by_store *by_store = &worker->by_store;

    if (!(work->looks & LOOK_JOBS))
        return;
    for (size_t i = 0; i < work->job_count; i++)
        take_job(worker, work->jobs[i]);
    if (work->job_count == LIMIT_BATCH) {
        by_store->after = work->jobs[work->job_count - 1];
        worker->looks |= LOOK_JOBS;
        return;
    }
    drop_unseen(worker);
    map_release(&by_store->seen);
    map_init(&by_store->seen);
    by_store->reading = false;
    by_store->next = clock_mono(worker->config.clock) + LOOK_AGAIN;
}
