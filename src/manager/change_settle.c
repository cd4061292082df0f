/* SPDX-License-Identifier: Apache-2.0 */
/* What the store has taken is made known: tasks, events, answers. */
#include <stdlib.h>
#include <string.h>

#include "manager/change.h"
#include "manager/collect.h"

static void give_job(struct change_batch *batch, const struct pending_change *item)
{
    const struct change *change = item->change;

    if (change->kind == CHANGE_JOB_REPLACE || change->job.enabled)
        manager_put_job(batch->manager, change->job.enabled ? item->worker : -1, change->id,
                        change->revision);
    if (!change->job.enabled) /* an attempt that makes up for a lost one may wait */
        manager_look_at_runs(batch->manager);
    manager_publish_job(batch->manager, change->id);
}

static void take_job(struct change_batch *batch, const struct pending_change *item)
{
    manager_put_job(batch->manager, -1, item->change->id, 0);
    manager_publish_job(batch->manager, item->change->id);
}

/* What goes on is among the newest. An output left behind is a file too many, no more. */
static void settle_purge(struct change_batch *batch, const struct pending_change *item)
{
    struct manager *manager = batch->manager;
    int holder = manager_find_holder(manager, item->change->id);
    enum rc rc = RC_OK;

    for (size_t i = 0; i < item->output_count; i++) {
        struct task kill = {.kind = TASK_KILL, .job = item->change->id, .run = item->outputs[i]};

        if (rc != RC_UNAVAILABLE && rc != RC_TIMEOUT)
            rc = outputs_remove(manager->config.outputs, &item->outputs[i], NULL);
        if (i < LIMIT_PAGE)
            manager_add_task(manager, holder >= 0 ? holder : item->worker, &kill);
    }
    if (item->has_objects)
        collector_look_at_outputs(manager->collector, item->change->id);
    take_job(batch, item);
}

static void settle_draining(struct change_batch *batch, const struct change *change)
{
    struct manager *manager = batch->manager;
    int worker = manager_find_worker(manager, change->worker);
    struct event event = {.kind = EVENT_WORKER};

    if (worker >= 0)
        manager->places[worker].draining = change->draining;
    memcpy(event.worker, change->worker, MIN(strlen(change->worker), sizeof(event.worker) - 1));
    events_publish(manager->config.events, &event);
    manager_reconcile(manager, !change->draining);
}

/* Its row is gone, and with it what it was known by. */
static void settle_removal(struct change_batch *batch, const struct change *change)
{
    struct event event = {.kind = EVENT_WORKER};

    memcpy(event.worker, change->worker, MIN(strlen(change->worker), sizeof(event.worker) - 1));
    events_publish(batch->manager->config.events, &event);
    batch->manager->next_rows = clock_mono(batch->manager->config.clock);
}

static void settle_done(struct change_batch *batch, struct pending_change *item)
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
        if (item->worker < 0)
            manager_publish_run(manager, &change->run);
        break;
    case CHANGE_WORKER_DRAIN:
        settle_draining(batch, change);
        break;
    case CHANGE_WORKER_REMOVE:
        settle_removal(batch, change);
        break;
    case CHANGE_TOKEN_CREATE:
    case CHANGE_TOKEN_REVOKE:
    case CHANGE_TOKEN_USED:
    case CHANGE_USER_CREATE:
    case CHANGE_USER_CHANGE:
    case CHANGE_USER_REMOVE:
    case CHANGE_AUDIT:
        break;
    }
}

/* What the store answered goes into the change. */
static void take_outcome(const struct change_batch *batch, struct pending_change *item)
{
    const struct store_write *write = &batch->writes[item->write];
    struct change *change = item->change;

    if (change->outcome != RC_OK || !item->writes)
        return;
    change->outcome = write->outcome;
    change->err = write->err;
    if (change->kind == CHANGE_JOB_CREATE || change->kind == CHANGE_JOB_REPLACE) {
        change->id = write->job.id;
        change->revision = write->job.revision;
        change->replayed = write->job.replayed;
    }
}

/* The new job in the words of the store, so that its API server need not read it again. */
static void note_created(const struct change_batch *batch, struct pending_change *item)
{
    const struct write_job *write = &batch->writes[item->write].job;
    struct change *change = item->change;
    const struct job *job = &change->job;
    struct job_record *record = arena_alloc(&change->arena, sizeof(*record));

    *record = (struct job_record){
        .id = write->id,
        .revision = write->revision,
        .status = JOB_SCHEDULED,
        .owner = change->owner,
        .worker = arena_strdup(&change->arena, write->worker),
        .created_at = write->at,
        .updated_at = write->at,
        .due_since = write->at,
        .name = job->name,
        .schedule = job->schedule,
        .time_zone = job->time_zone,
        .type = job->type,
        .enabled = job->enabled,
        .starts_at = job->starts_at,
        .ends_at = job->ends_at,
        .jitter = job->jitter,
        .concurrency = job->concurrency,
        .catch_up = job->catch_up,
        .catch_up_window = job->catch_up_window,
        .on_worker_loss = job->on_worker_loss,
        .retries = job->retries,
        .document = arena_strndup(&change->arena, item->document.data, item->document.length),
        .document_length = item->document.length,
        .cursor = INSTANT_NONE,
    };
    change->created = record;
}

/* A kill is nothing but its task. */
static void doubt_kills(struct change_batch *batch)
{
    const struct manager *manager = batch->manager;

    for (size_t i = 0; i < batch->count; i++) {
        const struct pending_change *item = &batch->items[i];
        struct change *change = item->change;
        bool told = manager->leads && (item->worker < 0 || !manager->keepers[item->worker].untold);

        if (change->kind == CHANGE_RUN_KILL && change->outcome == RC_OK && !told)
            change->outcome = err_fail(&change->err, RC_UNAVAILABLE, "its worker was not told");
    }
}

void change_settle(struct change_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        take_outcome(batch, &batch->items[i]);
    for (size_t i = 0; i < batch->count; i++) {
        struct change *change = batch->items[i].change;

        if (change->outcome != RC_OK || change->replayed)
            continue;
        if (change->kind == CHANGE_JOB_CREATE)
            note_created(batch, &batch->items[i]);
        settle_done(batch, &batch->items[i]);
    }
    manager_flush_tasks(batch->manager);
    doubt_kills(batch);
    for (size_t i = 0; i < batch->manager->worker_count; i++) {
        batch->manager->keepers[i].planned = 0;
        batch->manager->keepers[i].untold = false;
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct pending_change *item = &batch->items[i];

        buf_release(&item->document);
        free(item->outputs);
        atomic_fetch_sub(&batch->manager->queued, 1);
        item->change->done(item->change);
    }
}
