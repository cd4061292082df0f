/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unfinished runs, page by page. One that nobody claimed is handed to the worker that keeps its
 * job. One whose worker is lost is lost with it, and perhaps made up for:
 *
 *     attempt n unfinished --lost, and n + 1 queued, in one commit--> TASK_RUN for n + 1
 *
 * A retry that is to be made elsewhere (retries.elsewhere) was queued by the worker that keeps its
 * job; it goes to another than the one that made the attempt before, if any other fits.
 *
 * The store refuses to lose a run whose worker gave a sign of life meanwhile, but would still queue
 * the next attempt: that one is taken back, and is handed to nobody before it is known that its
 * predecessor has ended. So a leader that dies in between leaves nothing that runs twice.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "core/recovery.h"
#include "core/run_hash.h"

#include "manager/internal.h"

/* A run that waits for a worker. */
struct waiting {
    struct run_key key;
    enum run_trigger trigger;
    bool early; /* the attempt before it goes on */
    int before; /* who made that attempt, -1: it is not known */
    int other;  /* who should make this one, -1: who keeps the job */
};

/* A run whose worker is lost. */
struct orphan {
    struct run run; /* texts of the arena */
    struct claim_token token;
    struct recovery recovery;
    int worker; /* for the next attempt */
    char reason[LIMIT_REASON + 1];
    size_t lost, queued; /* indices of its writes; 0: it has none */
};

/* What is to be known of a job. */
struct owner {
    job_id id;
    int worker; /* who should run it, -1 */
    struct job_record job;
};

struct run_page {
    struct manager *manager;
    struct arena arena;
    struct waiting *waiting;
    size_t waiting_count;
    struct orphan *orphans;
    size_t orphan_count;
    struct owner *owners; /* ordered by id */
    size_t owner_count;
    size_t seen;
    struct run_key last;
};

void manager_look_at_runs(struct manager *manager)
{
    manager->runs.running = true;
    manager->runs.again = true;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void keep_left(struct keeper *keeper, const struct run_key *key)
{
    for (size_t i = 0; i < keeper->left_count; i++) {
        if (!run_key_compare(&keeper->left[i].task.run, key))
            keeper->left[i].stays = true;
    }
}

static void note_claimed(struct run_page *page, const struct run_record *run)
{
    struct manager *manager = page->manager;
    int worker = manager_find_worker(manager, run->run.worker);
    struct orphan *orphan;

    if (manager_is_alone(manager))
        return;
    if (worker >= 0 && !manager_is_lost(manager, worker)) {
        keep_left(&manager->keepers[worker], &run->run.key);
        return;
    }
    orphan = &page->orphans[page->orphan_count++];
    *orphan = (struct orphan){.run = run->run, .token = run->token};
    orphan->run.worker = arena_strdup(&page->arena, run->run.worker);
    orphan->run.request = arena_strdup(&page->arena, run->run.request);
}

static bool note_run(void *context, const struct run_record *run)
{
    static const struct claim_token none;
    struct run_page *page = context;

    page->seen++;
    page->last = run->run.key;
    if (memcmp(&run->token, &none, sizeof(none)))
        note_claimed(page, run);
    else
        page->waiting[page->waiting_count++] = (struct waiting){
            .key = run->run.key, .trigger = run->run.trigger, .before = -1, .other = -1};
    return true;
}

static enum rc read_page(struct run_page *page, struct err *err)
{
    struct manager *manager = page->manager;
    struct run_query query = run_query_all();

    page->waiting = arena_calloc(&page->arena, LIMIT_BATCH * sizeof(*page->waiting));
    page->orphans = arena_calloc(&page->arena, LIMIT_BATCH * sizeof(*page->orphans));
    page->owners = arena_calloc(&page->arena, LIMIT_BATCH * sizeof(*page->owners));
    query.unfinished_only = true;
    query.before = manager->runs.begun ? &manager->runs.before : NULL;
    query.limit = LIMIT_BATCH;
    return store_read_runs(manager->config.store, &query, note_run, page, err);
}

/* Called while the job can be read. */
static void choose_others(struct run_page *page, const struct job_record *job)
{
    for (size_t i = 0; i < page->waiting_count && job->retries.elsewhere; i++) {
        struct waiting *waiting = &page->waiting[i];

        if (waiting->key.job == job->id && waiting->before >= 0)
            waiting->other = manager_pick_other(page->manager, waiting->before, &job->placement);
    }
}

static bool note_owner(void *context, const struct job_record *job)
{
    struct run_page *page = context;
    struct manager *manager = page->manager;
    int current = manager_find_holder(manager, job->id);
    struct owner *owner = &page->owners[page->owner_count++];

    if (current < 0)
        current = manager_find_worker(manager, job->worker);
    owner->id = job->id;
    owner->job = *job; /* of its texts none is used later */
    owner->worker = manager_pick(manager, current, &job->placement);
    choose_others(page, job);
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    job_id left = *(const job_id *)a, right = *(const job_id *)b;

    return (left > right) - (left < right);
}

static enum rc read_owners(struct run_page *page, struct err *err)
{
    job_id *ids = arena_alloc(&page->arena, page->seen * sizeof(*ids));
    struct job_query query = job_query_all();
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < page->waiting_count; i++)
        ids[count++] = page->waiting[i].key.job;
    for (size_t i = 0; i < page->orphan_count; i++)
        ids[count++] = page->orphans[i].run.key.job;
    qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 0; i < count; i++) {
        if (!kept || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    }
    query.ids = ids;
    query.id_count = kept;
    query.parts = JOB_PART_PLACEMENT;
    return count ? store_read_jobs(page->manager->config.store, &query, note_owner, page, err)
                 : RC_OK;
}

static const struct owner *find_owner(const struct run_page *page, job_id id)
{
    size_t low = 0, high = page->owner_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (page->owners[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < page->owner_count && page->owners[low].id == id ? &page->owners[low] : NULL;
}

/* ---- runs that wait ------------------------------------------------------------------------ */

static bool note_predecessor(void *context, const struct run_record *run)
{
    struct run_page *page = context;
    struct run_key next = run->run.key;

    next.attempt++;
    for (size_t i = 0; i < page->waiting_count; i++) {
        struct waiting *waiting = &page->waiting[i];

        if (run_key_compare(&waiting->key, &next))
            continue;
        waiting->early = !run_status_is_final(run->run.result.status);
        waiting->before = manager_find_worker(page->manager, run->run.worker);
    }
    return true;
}

static enum rc read_predecessors(struct run_page *page, struct err *err)
{
    struct run_key *keys = arena_alloc(&page->arena, (page->waiting_count + 1) * sizeof(*keys));
    struct run_query query = run_query_all();

    for (size_t i = 0; i < page->waiting_count; i++) {
        keys[query.key_count] = page->waiting[i].key;
        if (keys[query.key_count].attempt-- > 1)
            query.key_count++;
    }
    query.keys = keys;
    return query.key_count
               ? store_read_runs(page->manager->config.store, &query, note_predecessor, page, err)
               : RC_OK;
}

/* One that is to be killed, by a task of a worker that is gone, is killed where it goes. */
static void hand_over(struct manager *manager, const struct run_key *key, int worker)
{
    struct task task = {.kind = TASK_RUN, .job = key->job, .run = *key};

    manager_add_task(manager, worker, &task);
    for (size_t i = 0; i < manager->worker_count; i++) {
        const struct keeper *keeper = &manager->keepers[i];

        for (size_t at = 0; at < keeper->left_count; at++) {
            if (keeper->left[at].task.kind == TASK_KILL &&
                !run_key_compare(&keeper->left[at].task.run, key))
                manager_add_task(manager, worker, &keeper->left[at].task);
        }
    }
}

/* What makes up for a lost run is not wanted of a job that was paused since. */
static bool is_unwanted(const struct waiting *waiting, const struct owner *owner)
{
    return waiting->trigger == TRIGGER_RETRY && owner && !owner->job.enabled;
}

static void hand_over_waiting(struct run_page *page)
{
    for (size_t i = 0; i < page->waiting_count; i++) {
        const struct waiting *waiting = &page->waiting[i];
        const struct owner *owner = find_owner(page, waiting->key.job);

        if (owner && !waiting->early && !is_unwanted(waiting, owner))
            hand_over(page->manager, &waiting->key,
                      waiting->other < 0 ? owner->worker : waiting->other);
    }
}

/* ---- runs that are lost -------------------------------------------------------------------- */

static struct store_write lost_write(struct orphan *orphan, instant_us now)
{
    struct store_write write = {.kind = WRITE_RUN_LOST};

    write.run = (struct write_run){
        .key = orphan->run.key,
        .token = orphan->token,
        .trigger = orphan->run.trigger,
        .result = {.status = RUN_LOST,
                   .started_at = orphan->run.result.started_at,
                   .finished_at = now,
                   .exit_code = -1},
        .reason = recovery_reason(orphan->run.worker, orphan->reason),
        .sets_job_status = orphan->recovery.sets_status,
        .job_status = orphan->recovery.job_status,
    };
    return write;
}

static struct store_write queue_write(const struct manager *manager, const struct orphan *orphan)
{
    struct store_write write = {.kind = WRITE_RUN_QUEUE};

    write.run = (struct write_run){
        .key = orphan->recovery.next,
        .trigger = TRIGGER_RETRY,
        .result = {.status = RUN_QUEUED,
                   .started_at = INSTANT_NONE,
                   .finished_at = INSTANT_NONE,
                   .exit_code = -1},
        .worker = orphan->worker < 0 ? "" : manager->places[orphan->worker].name,
        .reason = "",
        .request = orphan->run.request,
        .count = 1,
        .until = orphan->recovery.next.scheduled_at,
    };
    return write;
}

static size_t add_purge(struct store_write *writes, size_t count, const struct run_key *key)
{
    writes[count] = (struct store_write){.kind = WRITE_RUN_PURGE};
    writes[count].run.key = *key;
    return count + 1;
}

static size_t add_skip(struct store_write *writes, size_t count, const struct waiting *waiting,
                       instant_us now)
{
    writes[count] = (struct store_write){.kind = WRITE_RUN_FINISHED};
    writes[count].run = (struct write_run){
        .key = waiting->key,
        .trigger = waiting->trigger,
        .result = {.status = RUN_SKIPPED,
                   .started_at = INSTANT_NONE,
                   .finished_at = now,
                   .exit_code = -1},
        .reason = AGENDA_REMOVED,
    };
    return count + 1;
}

/* Answers how many writes there are, the leader's included. */
static size_t prepare(struct run_page *page, struct store_write *writes)
{
    struct manager *manager = page->manager;
    size_t count = 1;

    for (size_t i = 0; i < page->waiting_count; i++) {
        const struct waiting *waiting = &page->waiting[i];

        if (waiting->early)
            count = add_purge(writes, count, &waiting->key);
        else if (is_unwanted(waiting, find_owner(page, waiting->key.job)))
            count = add_skip(writes, count, waiting, manager->rows_at);
    }
    for (size_t i = 0; i < page->orphan_count; i++) {
        struct orphan *orphan = &page->orphans[i];
        const struct owner *owner = find_owner(page, orphan->run.key.job);

        orphan->recovery = recovery_decide(&orphan->run, owner ? &owner->job : NULL);
        orphan->worker = owner ? owner->worker : -1;
        orphan->lost = count;
        writes[count++] = lost_write(orphan, manager->rows_at);
        if (!orphan->recovery.reruns)
            continue;
        orphan->queued = count;
        writes[count++] = queue_write(manager, orphan);
    }
    return count;
}

static void tell_of_loss(struct manager *manager, const struct orphan *orphan)
{
    char id[RUN_ID_TEXT];

    log_warn("run was lost", LOG_TEXT("run", run_id_format(&orphan->run.key, id)),
             LOG_TEXT("worker", orphan->run.worker));
    metric_add(metric_series(METRIC_RUNS, run_status_text(RUN_LOST),
                             run_trigger_text(orphan->run.trigger)),
               1);
    manager_publish_run(manager, &orphan->run.key);
    if (orphan->recovery.sets_status)
        manager_publish_job(manager, orphan->run.key.job);
}

/* Hands over what makes up for what is lost; answers what is to be taken back. */
static size_t settle_orphans(struct run_page *page, const struct store_write *writes,
                             struct store_write *back)
{
    size_t count = 1;

    for (size_t i = 0; i < page->orphan_count; i++) {
        const struct orphan *orphan = &page->orphans[i];
        bool lost = writes[orphan->lost].outcome == RC_OK;
        bool queued = orphan->queued && writes[orphan->queued].outcome == RC_OK;

        if (lost)
            tell_of_loss(page->manager, orphan);
        if (lost && queued) {
            hand_over(page->manager, &orphan->recovery.next, orphan->worker);
            manager_publish_run(page->manager, &orphan->recovery.next);
        } else if (queued) {
            count = add_purge(back, count, &orphan->recovery.next);
        }
    }
    return count;
}

static enum rc write_page(struct run_page *page, struct err *err)
{
    size_t most = 1 + page->waiting_count + 2 * page->orphan_count;
    struct store_write *writes AUTO_FREE = xcalloc(most, sizeof(*writes));
    struct store_write *back AUTO_FREE = xcalloc(1 + page->orphan_count, sizeof(*back));
    size_t count = prepare(page, writes), back_count;
    enum rc rc;

    if (count == 1)
        return RC_OK;
    rc = manager_apply(page->manager, writes, count, err);
    if (rc != RC_OK)
        return rc;
    back_count = settle_orphans(page, writes, back);
    return back_count > 1 ? manager_apply(page->manager, back, back_count, err) : RC_OK;
}

/* ---- a page -------------------------------------------------------------------------------- */

static enum rc do_page(struct run_page *page, struct err *err)
{
    struct run_pass *pass = &page->manager->runs;
    enum rc rc = read_page(page, err);

    if (rc == RC_OK)
        rc = read_predecessors(page, err);
    if (rc == RC_OK)
        rc = read_owners(page, err);
    if (rc == RC_OK)
        rc = write_page(page, err);
    if (rc != RC_OK)
        return rc;
    hand_over_waiting(page);
    manager_flush_tasks(page->manager);
    pass->before = page->last;
    pass->begun = true;
    pass->running = page->seen == LIMIT_BATCH || pass->again;
    return RC_OK;
}

static void begin(struct manager *manager)
{
    manager->runs = (struct run_pass){.running = true};
    for (size_t i = 0; i < manager->worker_count; i++) {
        for (size_t at = 0; at < manager->keepers[i].left_count; at++)
            manager->keepers[i].left[at].stays = false;
    }
}

/* ---- retries that workers queued ----------------------------------------------------------- */

/* Each is looked at once; if that is in vain, the worker that queued it makes it in the end. */
static bool note_offer(void *context, const struct run_record *run)
{
    static const struct claim_token none;
    struct manager *manager = context;
    uint64_t hash = run_key_hash(&run->run.key) | 1, seen;

    if (run->run.trigger != TRIGGER_RETRY || *run->run.worker ||
        memcmp(&run->token, &none, sizeof(none)) || map_get(&manager->offers, hash, &seen))
        return true;
    map_put(&manager->offers, hash, 1);
    manager_look_at_runs(manager);
    return true;
}

enum rc manager_look_for_offers(struct manager *manager, struct err *err)
{
    struct run_query query = run_query_all();

    if (manager->offers.count > LIMIT_BATCH)
        map_release(&manager->offers);
    query.status = RUN_QUEUED;
    query.limit = LIMIT_BATCH;
    return store_read_runs(manager->config.store, &query, note_offer, manager, err);
}

/* -------------------------------------------------------------------------------------------- */

bool manager_place_runs(struct manager *manager)
{
    struct run_page page = {.manager = manager};
    struct err err = {0};
    enum rc rc;

    if (!manager->runs.running)
        return false;
    if (manager->runs.again)
        begin(manager);
    rc = do_page(&page, &err);
    arena_release(&page.arena);
    if (rc != RC_OK)
        manager_try_later(manager, "unfinished runs were not looked at, trying again", &err, rc);
    else if (!manager->runs.running)
        manager_tidy_left(manager);
    return rc == RC_OK && manager->runs.running;
}
