/* SPDX-License-Identifier: Apache-2.0 */
/* What the store has taken is made known: tasks, events, answers. */
#include <stdlib.h>

#include "manager/change.h"

static void give_job(struct change_batch *batch, const struct pending_change *item)
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

static void take_job(struct change_batch *batch, const struct pending_change *item)
{
    manager_add_task(batch->manager, item->worker,
                     &(struct task){.kind = TASK_JOB, .removed = true, .job = item->change->id});
    if (item->worker >= 0)
        batch->manager->workers[item->worker].tasks--;
    manager_publish_job(batch->manager, item->change->id);
}

static void settle_purge(struct change_batch *batch, const struct pending_change *item)
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

static void settle_draining(struct change_batch *batch, const struct change *change)
{
    int worker = manager_find_worker(batch->manager, change->worker);

    if (worker >= 0)
        batch->manager->workers[worker].draining = change->draining;
    events_publish(batch->manager->config.events, &(struct event){.kind = EVENT_WORKER});
    manager_reconcile(batch->manager);
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
    for (size_t i = 0; i < batch->count; i++) {
        struct pending_change *item = &batch->items[i];

        buf_release(&item->document);
        free(item->outputs);
        atomic_fetch_sub(&batch->manager->queued, 1);
        item->change->done(item->change);
    }
}
