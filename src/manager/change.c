/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes: what API servers asked for, committed many at a time.
 *
 * All that waits is prepared (checked against what is in the store), written by one apply(), and
 * then settled one by one: tasks are handed out, watchers are told, the API server is answered. A
 * job occurs at most once in a batch, so that each change is prepared from what the one before it
 * wrote.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "core/schedule.h"

#include "manager/internal.h"
#include "wire/job.h"

/* What the store knows of the job of a change before it is made. */
struct snapshot {
    bool found;
    bool removed;
    enum job_status status;
    char worker[LIMIT_NAME + 1];
    bool enabled;
    instant_us starts_at;
    char *schedule; /* of the batch's arena, as the next */
    char *time_zone;
};

struct pending {
    struct change *change;
    struct snapshot before;
    struct buf document;
    int worker;   /* who gets the job or run; -1 nobody */
    size_t write; /* index, when it has one */
    bool writes;
    struct run_key *outputs; /* to remove after a purge */
    size_t output_count;
};

struct batch {
    struct manager *manager;
    struct arena arena;
    struct pending *items;
    size_t count;
    struct store_write *writes;
    size_t write_count;
};

static bool changes_a_job(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_JOB_REPLACE:
    case CHANGE_JOB_REMOVE:
    case CHANGE_JOB_PURGE:
    case CHANGE_RUN_NOW:
        return true;
    case CHANGE_JOB_CREATE:
    case CHANGE_RUN_KILL:
    case CHANGE_WORKER_DRAIN:
    case CHANGE_TOKEN_CREATE:
    case CHANGE_TOKEN_REVOKE:
        return false;
    }
    return false;
}

static bool holds_job(const struct batch *batch, job_id job)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (changes_a_job(batch->items[i].change) && batch->items[i].change->id == job)
            return true;
    }
    return false;
}

static size_t count_waiting(const struct manager *manager)
{
    size_t count = 0;

    for (const struct mail *mail = manager->waiting; mail && count < CHANGES_A_STEP;
         mail = mail->next)
        count++;
    return count;
}

/* Moves changes from the queue into the batch; those that must wait for the next one stay. */
static void take_changes(struct batch *batch)
{
    struct manager *manager = batch->manager;
    size_t most = count_waiting(manager);

    batch->items = arena_alloc(&batch->arena, most * sizeof(*batch->items));
    batch->writes = arena_alloc(&batch->arena, most * sizeof(*batch->writes));
    while (manager->waiting && batch->count < most) {
        struct change *change = container_of(manager->waiting, struct change, mail);

        if (changes_a_job(change) && holds_job(batch, change->id))
            break;
        manager->waiting = change->mail.next;
        batch->items[batch->count] = (struct pending){.change = change, .worker = -1};
        buf_init(&batch->items[batch->count].document, LIMIT_DOCUMENT);
        batch->count++;
    }
}

static bool note_job(void *context, const struct job_record *job)
{
    struct batch *batch = context;

    for (size_t i = 0; i < batch->count; i++) {
        struct pending *item = &batch->items[i];

        if (item->change->id != job->id || !changes_a_job(item->change))
            continue;
        item->before = (struct snapshot){
            .found = true,
            .removed = job->removed,
            .status = job->status,
            .enabled = job->enabled,
            .starts_at = job->starts_at,
            .schedule = arena_strdup(&batch->arena, job->schedule),
            .time_zone = arena_strdup(&batch->arena, job->time_zone),
        };
        memcpy(item->before.worker, job->worker,
               MIN(strlen(job->worker) + 1, sizeof(item->before.worker) - 1));
    }
    return true;
}

static bool note_run(void *context, const struct run_record *run)
{
    struct batch *batch = context;

    for (size_t i = 0; i < batch->count; i++) {
        struct pending *item = &batch->items[i];

        if (item->change->kind != CHANGE_RUN_KILL ||
            run_key_compare(&item->change->run, &run->run.key) != 0)
            continue;
        item->before.found = true;
        item->before.removed = run_status_is_final(run->run.result.status);
        memcpy(item->before.worker, run->run.worker,
               MIN(strlen(run->run.worker) + 1, sizeof(item->before.worker) - 1));
    }
    return true;
}

static enum rc read_before(struct batch *batch, struct err *err)
{
    job_id *ids = arena_calloc(&batch->arena, batch->count * sizeof(*ids));
    struct run_key *keys = arena_calloc(&batch->arena, batch->count * sizeof(*keys));
    struct job_query jobs = job_query_all();
    struct run_query runs = run_query_all();
    enum rc rc = RC_OK;

    jobs.ids = ids;
    runs.keys = keys;
    for (size_t i = 0; i < batch->count; i++) {
        if (changes_a_job(batch->items[i].change))
            ids[jobs.id_count++] = batch->items[i].change->id;
        else if (batch->items[i].change->kind == CHANGE_RUN_KILL)
            keys[runs.key_count++] = batch->items[i].change->run;
    }
    if (jobs.id_count)
        rc = store_read_jobs(batch->manager->config.store, &jobs, note_job, batch, err);
    if (rc == RC_OK && runs.key_count)
        rc = store_read_runs(batch->manager->config.store, &runs, note_run, batch, err);
    return rc;
}

/* A schedule that never comes after `now` is refused; those without instants of their own may wait.
 */
static enum rc check_due(struct manager *manager, const struct job *job, instant_us now,
                         struct err *err)
{
    instant_us after = MAX(now, job->starts_at == INSTANT_NONE ? now : job->starts_at - 1);
    const struct zone *zone;
    struct schedule schedule;
    instant_us tick;
    enum rc rc = schedule_parse(job->schedule, 0, &schedule, err);

    if (rc == RC_OK)
        rc = zones_get(manager->config.zones, job->time_zone, &zone, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "schedule");
    if (schedule.kind == SCHEDULE_REBOOT || schedule.kind == SCHEDULE_MANUAL || !job->enabled)
        return RC_OK;
    rc = schedule_next(&schedule, zone, job->starts_at == INSTANT_NONE ? now : job->starts_at,
                       after, &tick);
    if (rc == RC_NEVER || (job->ends_at != INSTANT_NONE && tick >= job->ends_at))
        return err_fail(err, RC_INVALID, "schedule '%.64s' has no tick after now", job->schedule);
    return rc;
}

static enum rc prepare_document(struct batch *batch, struct pending *item, instant_us now)
{
    struct change *change = item->change;
    struct problems problems = {.arena = &batch->arena};

    if (job_validate(&change->job, change->id, &problems) != RC_OK)
        return err_fail(&change->err, RC_INVALID, "%s: %s", problems.items[0].field,
                        problems.items[0].message);
    if (check_due(batch->manager, &change->job, now, &change->err) != RC_OK)
        return RC_INVALID;
    return wire_job_document(&change->job, &item->document);
}

static struct store_write *add_write(struct batch *batch, struct pending *item,
                                     enum write_kind kind)
{
    struct store_write *write = &batch->writes[batch->write_count];

    item->write = batch->write_count++;
    item->writes = true;
    *write = (struct store_write){.kind = kind};
    return write;
}

static enum rc prepare_create(struct batch *batch, struct pending *item, instant_us now)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;
    struct store_write *write;
    enum rc rc = prepare_document(batch, item, now);

    if (rc != RC_OK)
        return rc;
    item->worker = manager_pick(manager, "");
    write = add_write(batch, item, WRITE_JOB_CREATE);
    write->job = (struct write_job){
        .at = now,
        .job = &change->job,
        .document = item->document.data,
        .document_length = item->document.length,
        .owner = change->owner,
        .worker = item->worker < 0 ? "" : manager->workers[item->worker].name,
        .idempotency_key = change->idempotency_key,
        .request_hash = change->idempotency_key ? change->request_hash : NULL,
    };
    return RC_OK;
}

static bool due_changed(const struct snapshot *before, const struct job *job)
{
    return before->enabled != job->enabled || before->starts_at != job->starts_at ||
           strcmp(before->schedule, job->schedule) || strcmp(before->time_zone, job->time_zone);
}

static enum rc prepare_replace(struct batch *batch, struct pending *item, instant_us now)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;
    struct store_write *write;
    enum rc rc;

    if (item->before.removed)
        return err_fail(&change->err, RC_CONFLICT, "job %llu was removed",
                        (unsigned long long)change->id);
    rc = prepare_document(batch, item, now);
    if (rc != RC_OK)
        return rc;
    item->worker = manager_pick(manager, item->before.worker);
    write = add_write(batch, item, WRITE_JOB_REPLACE);
    write->job = (struct write_job){
        .id = change->id,
        .revision = change->revision,
        .at = now,
        .due_changed = due_changed(&item->before, &change->job),
        .job = &change->job,
        .document = item->document.data,
        .document_length = item->document.length,
        .worker = item->worker < 0 ? "" : manager->workers[item->worker].name,
    };
    return RC_OK;
}

static enum rc prepare_remove(struct batch *batch, struct pending *item, instant_us now)
{
    struct store_write *write = add_write(batch, item, WRITE_JOB_REMOVE);

    item->worker = manager_find_worker(batch->manager, item->before.worker);
    write->job =
        (struct write_job){.id = item->change->id, .revision = item->change->revision, .at = now};
    return RC_OK;
}

struct key_list {
    struct run_key *keys;
    size_t count;
};

static bool collect_key(void *context, const struct run_record *run)
{
    struct key_list *list = context;

    if (!(list->count & (list->count + 1))) /* grow at 0, 1, 3, 7, ... */
        list->keys = xrealloc(list->keys, 2 * (list->count + 1), sizeof(*list->keys));
    list->keys[list->count++] = run->run.key;
    return true;
}

/* A purge needs the keys of the job's runs, for their outputs, before they are gone. */
static enum rc prepare_purge(struct batch *batch, struct pending *item)
{
    struct run_query query = run_query_all();
    struct key_list list = {0};
    struct store_write *write;
    enum rc rc;

    query.job = item->change->id;
    rc = store_read_runs(batch->manager->config.store, &query, collect_key, &list,
                         &item->change->err);
    item->outputs = list.keys;
    item->output_count = list.count;
    if (rc != RC_OK)
        return rc;
    item->worker = manager_find_worker(batch->manager, item->before.worker);
    write = add_write(batch, item, WRITE_JOB_PURGE);
    write->job.id = item->change->id;
    return RC_OK;
}

static enum rc prepare_run(struct batch *batch, struct pending *item, instant_us now)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;
    struct store_write *write;

    if (item->before.removed)
        return err_fail(&change->err, RC_CONFLICT, "job %llu was removed",
                        (unsigned long long)change->id);
    manager->last_run_now = MAX(now, manager->last_run_now + 1);
    change->run =
        (struct run_key){.scheduled_at = manager->last_run_now, .job = change->id, .attempt = 1};
    item->worker = manager_pick(manager, item->before.worker);
    write = add_write(batch, item, WRITE_RUN_QUEUE);
    write->run = (struct write_run){
        .key = change->run,
        .trigger = TRIGGER_MANUAL,
        .result = {.status = RUN_QUEUED,
                   .started_at = INSTANT_NONE,
                   .finished_at = INSTANT_NONE,
                   .exit_code = -1},
        .worker = item->worker < 0 ? "" : manager->workers[item->worker].name,
        .reason = "",
        .request = change->request ? change->request : "",
        .count = 1,
        .until = change->run.scheduled_at,
    };
    return RC_OK;
}

static enum rc prepare_kill(struct batch *batch, struct pending *item)
{
    char id[RUN_ID_TEXT];

    if (item->before.removed)
        return err_fail(&item->change->err, RC_CONFLICT, "run %s has ended",
                        run_id_format(&item->change->run, id));
    item->worker = manager_pick(batch->manager, item->before.worker);
    return RC_OK;
}

static enum rc prepare_found(struct batch *batch, struct pending *item, instant_us now)
{
    struct change *change = item->change;
    char id[RUN_ID_TEXT];

    if (changes_a_job(change) && !item->before.found)
        return err_fail(&change->err, RC_NOT_FOUND, "there is no job %llu",
                        (unsigned long long)change->id);
    switch (change->kind) {
    case CHANGE_JOB_CREATE:
        return prepare_create(batch, item, now);
    case CHANGE_JOB_REPLACE:
        return prepare_replace(batch, item, now);
    case CHANGE_JOB_REMOVE:
        return prepare_remove(batch, item, now);
    case CHANGE_JOB_PURGE:
        return prepare_purge(batch, item);
    case CHANGE_RUN_NOW:
        return prepare_run(batch, item, now);
    case CHANGE_RUN_KILL:
        if (!item->before.found)
            return err_fail(&change->err, RC_NOT_FOUND, "there is no run %s",
                            run_id_format(&change->run, id));
        return prepare_kill(batch, item);
    case CHANGE_WORKER_DRAIN:
        add_write(batch, item, WRITE_WORKER_DRAIN)->worker =
            (struct worker_record){.name = change->worker, .draining = change->draining};
        return RC_OK;
    case CHANGE_TOKEN_CREATE:
        add_write(batch, item, WRITE_TOKEN_CREATE)->access = change->access;
        return RC_OK;
    case CHANGE_TOKEN_REVOKE:
        add_write(batch, item, WRITE_TOKEN_REVOKE)->access = change->access;
        return RC_OK;
    }
    return RC_INTERNAL;
}

static void give_job(struct batch *batch, const struct pending *item)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;

    if (change->job.enabled) {
        manager_add_task(
            manager, item->worker,
            &(struct task){.kind = TASK_JOB, .job = change->id, .revision = change->revision});
        if (item->worker >= 0)
            manager->workers[item->worker].tasks += change->kind == CHANGE_JOB_CREATE;
    } else if (change->kind == CHANGE_JOB_REPLACE) {
        manager_add_task(manager, manager_find_worker(manager, item->before.worker),
                         &(struct task){.kind = TASK_JOB, .removed = true, .job = change->id});
    }
    manager_publish_job(manager, change->id);
}

static void take_job(struct batch *batch, const struct pending *item)
{
    manager_add_task(batch->manager, item->worker,
                     &(struct task){.kind = TASK_JOB, .removed = true, .job = item->change->id});
    if (item->worker >= 0)
        batch->manager->workers[item->worker].tasks--;
    manager_publish_job(batch->manager, item->change->id);
}

static void settle_purge(struct batch *batch, const struct pending *item)
{
    struct manager *manager = batch->manager;

    for (size_t i = 0; i < item->output_count; i++) {
        struct task kill = {.kind = TASK_KILL, .job = item->change->id, .run = item->outputs[i]};

        (void)outputs_remove(manager->config.outputs, &item->outputs[i],
                             NULL); /* an output left behind is a file too many, no more */
        if (i < LIMIT_PAGE)         /* what goes on is among the newest */
            manager_add_task(manager, item->worker, &kill);
    }
    take_job(batch, item);
}

static void settle_draining(struct batch *batch, const struct change *change)
{
    int worker = manager_find_worker(batch->manager, change->worker);

    if (worker >= 0)
        batch->manager->workers[worker].draining = change->draining;
    events_publish(batch->manager->config.events, &(struct event){.kind = EVENT_WORKER});
    manager_reconcile(batch->manager);
}

static void settle_done(struct batch *batch, struct pending *item)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;
    struct task task = {.job = change->run.job, .run = change->run};

    switch (change->kind) {
    case CHANGE_JOB_CREATE:
    case CHANGE_JOB_REPLACE:
        give_job(batch, item);
        break;
    case CHANGE_JOB_REMOVE:
        take_job(batch, item);
        break;
    case CHANGE_JOB_PURGE:
        settle_purge(batch, item);
        break;
    case CHANGE_RUN_NOW:
        task.kind = TASK_RUN;
        manager_add_task(manager, item->worker, &task);
        manager_publish_run(manager, &change->run);
        break;
    case CHANGE_RUN_KILL:
        task.kind = TASK_KILL;
        manager_add_task(manager, item->worker, &task);
        break;
    case CHANGE_WORKER_DRAIN:
        settle_draining(batch, change);
        break;
    case CHANGE_TOKEN_CREATE:
    case CHANGE_TOKEN_REVOKE:
        break;
    }
}

/* What the store answered goes into the change. */
static void take_outcome(const struct batch *batch, struct pending *item, enum rc rc,
                         const struct err *err)
{
    struct change *change = item->change;
    const struct store_write *write;

    if (change->outcome != RC_OK || !item->writes)
        return;
    write = &batch->writes[item->write];
    change->outcome = rc != RC_OK ? rc : write->outcome;
    change->err = rc != RC_OK ? *err : write->err;
    if (change->kind == CHANGE_JOB_CREATE || change->kind == CHANGE_JOB_REPLACE) {
        change->id = write->job.id;
        change->revision = write->job.revision;
        change->replayed = write->job.replayed;
    }
}

static void settle(struct batch *batch, enum rc rc, const struct err *err)
{
    for (size_t i = 0; i < batch->count; i++)
        take_outcome(batch, &batch->items[i], rc, err);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].change->outcome == RC_OK && !batch->items[i].change->replayed)
            settle_done(batch, &batch->items[i]);
    }
    manager_flush_tasks(batch->manager);
    for (size_t i = 0; i < batch->count; i++) {
        struct pending *item = &batch->items[i];

        buf_release(&item->document);
        free(item->outputs);
        atomic_fetch_sub(&batch->manager->queued, 1);
        item->change->done(item->change);
    }
}

static enum rc commit(struct batch *batch, struct err *err)
{
    struct store *store = batch->manager->config.store;
    instant_us now;
    enum rc rc = store_now(store, &now, err);

    if (rc == RC_OK)
        rc = read_before(batch, err);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i].change->outcome = prepare_found(batch, &batch->items[i], now);
    return batch->write_count ? store_apply(store, batch->writes, batch->write_count, err) : RC_OK;
}

bool manager_work_off_changes(struct manager *manager)
{
    struct batch batch = {.manager = manager};
    struct err err = {0};
    enum rc rc;

    if (!manager->waiting)
        manager->waiting = mailbox_take_all(&manager->inbox);
    if (!manager->waiting)
        return false;
    take_changes(&batch);
    rc = commit(&batch, &err);
    if (rc != RC_OK) {
        log_warn("changes were not stored", LOG_U64("changes", batch.count), LOG_ERR(&err, rc));
        for (size_t i = 0; i < batch.count; i++)
            batch.items[i].change->outcome =
                batch.items[i].change->outcome == RC_OK ? rc : batch.items[i].change->outcome;
        for (size_t i = 0; i < batch.count; i++)
            batch.items[i].change->err =
                batch.items[i].change->outcome == rc ? err : batch.items[i].change->err;
    }
    settle(&batch, rc, &err);
    arena_release(&batch.arena);
    return manager->waiting != NULL;
}
