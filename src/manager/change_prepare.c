/* SPDX-License-Identifier: Apache-2.0 */
/* Changes are checked against what is in the store, and become writes. */
#include <string.h>

#include "base/mem.h"

#include "core/schedule.h"

#include "manager/change.h"
#include "wire/job.h"

static struct pairs copy_pairs(struct arena *arena, const struct pairs *pairs)
{
    struct pairs copy = {arena_alloc(arena, pairs->count * sizeof(*copy.items)), pairs->count};

    for (size_t i = 0; i < pairs->count; i++)
        copy.items[i] = (struct pair){arena_strdup(arena, pairs->items[i].name),
                                      arena_strdup(arena, pairs->items[i].value)};
    return copy;
}

static struct job *read_document(struct arena *arena, const struct job_record *record)
{
    struct problems problems = {.arena = arena};
    struct wire_job_source source = {record->document, record->document_length, WIRE_JOB_STORED,
                                     NULL};
    struct job *job = arena_alloc(arena, sizeof(*job));

    if (!record->document || wire_job_read(&source, &problems, job, NULL) != RC_OK)
        return NULL;
    if (job->executable_changed_at == INSTANT_NONE)
        job->executable_changed_at = record->created_at;
    return job;
}

static bool note_job(void *context, const struct job_record *job)
{
    struct change_batch *batch = context;

    for (size_t i = 0; i < batch->count; i++) {
        struct pending_change *item = &batch->items[i];

        if (item->change->id != job->id || !change_is_of_job(item->change))
            continue;
        item->before = (struct snapshot){
            .found = true,
            .removed = job->removed,
            .status = job->status,
            .enabled = job->enabled,
            .starts_at = job->starts_at,
            .schedule = arena_strdup(&batch->arena, job->schedule),
            .time_zone = arena_strdup(&batch->arena, job->time_zone),
            .placement = copy_pairs(&batch->arena, &job->placement),
            .owner = arena_strdup(&batch->arena, job->owner),
        };
        memcpy(item->before.worker, job->worker,
               MIN(strlen(job->worker) + 1, sizeof(item->before.worker) - 1));
        if (item->change->kind == CHANGE_JOB_REPLACE)
            item->before.job = read_document(&batch->arena, job);
    }
    return true;
}

static bool note_run(void *context, const struct run_record *run)
{
    static const struct claim_token none;
    struct change_batch *batch = context;

    for (size_t i = 0; i < batch->count; i++) {
        struct pending_change *item = &batch->items[i];

        if (item->change->kind != CHANGE_RUN_KILL ||
            run_key_compare(&item->change->run, &run->run.key) != 0)
            continue;
        item->before.found = true;
        item->before.removed = run_status_is_final(run->run.result.status);
        item->before.claimed = memcmp(&run->token, &none, sizeof(none)) != 0;
        memcpy(item->before.worker, run->run.worker,
               MIN(strlen(run->run.worker) + 1, sizeof(item->before.worker) - 1));
    }
    return true;
}

static enum rc read_before(struct change_batch *batch, struct err *err)
{
    job_id *ids = arena_calloc(&batch->arena, batch->count * sizeof(*ids));
    struct run_key *keys = arena_calloc(&batch->arena, batch->count * sizeof(*keys));
    struct job_query jobs = job_query_all();
    struct run_query runs = run_query_all();
    enum rc rc = RC_OK;

    jobs.ids = ids;
    jobs.parts = JOB_PART_PLACEMENT;
    runs.keys = keys;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].change->kind == CHANGE_JOB_REPLACE)
            jobs.parts |= JOB_PART_DOCUMENT;
        if (change_is_of_job(batch->items[i].change))
            ids[jobs.id_count++] = batch->items[i].change->id;
        else if (batch->items[i].change->kind == CHANGE_RUN_KILL)
            keys[runs.key_count++] = batch->items[i].change->run;
    }
    if (jobs.id_count)
        rc = store_read_jobs(batch->manager->config.store, &jobs, note_job, batch, err);
    if (rc == RC_OK && runs.key_count)
        rc = store_read_runs(batch->manager->config.store, &runs, note_run, batch, err);
    return rc == RC_OK ? change_read_users(batch, err) : rc;
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

static enum rc prepare_document(struct change_batch *batch, struct pending_change *item,
                                instant_us now)
{
    struct change *change = item->change;
    struct problems problems = {.arena = &batch->arena};

    if (job_validate(&change->job, change->id, &problems) != RC_OK)
        return err_fail(&change->err, RC_INVALID, "%s: %s", problems.items[0].field,
                        problems.items[0].message);
    if (check_due(batch->manager, &change->job, now, &change->err) != RC_OK)
        return RC_INVALID;
    change->job.executable_changed_at =
        item->before.job && job_executes_same(item->before.job, &change->job)
            ? item->before.job->executable_changed_at
            : now;
    return wire_job_document(&change->job, &item->document);
}

static enum rc prepare_create(struct change_batch *batch, struct pending_change *item,
                              instant_us now)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;
    struct store_write *write;
    enum rc rc = prepare_document(batch, item, now);

    if (rc != RC_OK)
        return rc;
    item->worker = manager_pick(manager, -1, &change->job.placement);
    if (item->worker >= 0)
        manager->keepers[item->worker].planned++;
    write = change_add_write(batch, item, WRITE_JOB_CREATE);
    write->job = (struct write_job){
        .at = now,
        .job = &change->job,
        .document = item->document.data,
        .document_length = item->document.length,
        .seal = manager->config.seal ? manager->config.seal->own : NULL,
        .owner = change->owner,
        .worker = item->worker < 0 ? "" : manager->places[item->worker].name,
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

static enum rc prepare_replace(struct change_batch *batch, struct pending_change *item,
                               instant_us now)
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
    item->worker = manager_pick(manager, manager_find_worker(manager, item->before.worker),
                                &change->job.placement);
    write = change_add_write(batch, item, WRITE_JOB_REPLACE);
    write->job = (struct write_job){
        .id = change->id,
        .revision = change->revision,
        .at = now,
        .due_changed = due_changed(&item->before, &change->job),
        .job = &change->job,
        .document = item->document.data,
        .document_length = item->document.length,
        .seal = manager->config.seal ? manager->config.seal->own : NULL,
        .owner = item->before.owner,
        .worker = item->worker < 0 ? "" : manager->places[item->worker].name,
    };
    return RC_OK;
}

static enum rc prepare_remove(struct change_batch *batch, struct pending_change *item,
                              instant_us now)
{
    struct store_write *write = change_add_write(batch, item, WRITE_JOB_REMOVE);

    write->job =
        (struct write_job){.id = item->change->id, .revision = item->change->revision, .at = now};
    return RC_OK;
}

struct key_list {
    struct run_key *keys;
    size_t count, capacity;
    bool any_long; /* output */
};

static bool collect_key(void *context, const struct run_record *run)
{
    struct key_list *list = context;

    list->keys = xgrow(list->keys, list->count, &list->capacity, sizeof(*list->keys));
    list->keys[list->count++] = run->run.key;
    list->any_long |= output_may_be_long(&run->run.result);
    return true;
}

/* A purge needs the keys of the job's runs, for their outputs, before they are gone. */
static enum rc prepare_purge(struct change_batch *batch, struct pending_change *item)
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
    item->has_objects = list.any_long;
    if (rc != RC_OK)
        return rc;
    item->worker = manager_find_worker(batch->manager, item->before.worker);
    write = change_add_write(batch, item, WRITE_JOB_PURGE);
    write->job.id = item->change->id;
    return RC_OK;
}

/* Where the job is: as coordination has it, or else as the store says. */
static int find_current(const struct manager *manager, const struct pending_change *item)
{
    int holder = manager_find_holder(manager, item->change->id);

    return holder >= 0 ? holder : manager_find_worker(manager, item->before.worker);
}

/* What was given with a run on demand, sealed for this instant. */
static const char *sealed_request(struct change_batch *batch, const struct change *change)
{
    const struct seal_subject subject = {
        .kind = SEAL_RUN, .job = change->id, .scheduled_at = change->run.scheduled_at};
    const struct seal_keys *seal = batch->manager->config.seal;
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    if (!change->request || !*change->request || !seal)
        return change->request ? change->request : "";
    (void)buf_puts(&text, change->request);
    (void)seal_put(seal->own, &subject, &text); /* without a limit nothing fails */
    return arena_strndup(&batch->arena, text.data, text.length);
}

static enum rc prepare_run(struct change_batch *batch, struct pending_change *item, instant_us now)
{
    struct manager *manager = batch->manager;
    struct change *change = item->change;
    struct store_write *write;

    if (item->before.removed)
        return err_fail(&change->err, RC_CONFLICT, "job %llu was removed",
                        (unsigned long long)change->id);
    manager->last_run_now = MAX(now, manager->last_run_now + 1);
    manager->last_run_now += manager->last_run_now % SECOND == 0; /* that is a tick's key */
    change->run =
        (struct run_key){.scheduled_at = manager->last_run_now, .job = change->id, .attempt = 1};
    item->worker = manager_pick(manager, find_current(manager, item), &item->before.placement);
    write = change_add_write(batch, item, WRITE_RUN_QUEUE);
    write->run = (struct write_run){
        .key = change->run,
        .trigger = TRIGGER_MANUAL,
        .result = {.status = RUN_QUEUED,
                   .started_at = INSTANT_NONE,
                   .finished_at = INSTANT_NONE,
                   .exit_code = -1},
        .worker = item->worker < 0 ? "" : manager->places[item->worker].name,
        .reason = "",
        .revision = change->revision,
        .request = sealed_request(batch, change),
        .count = 1,
        .until = change->run.scheduled_at,
    };
    return RC_OK;
}

/* One that nobody claimed, with nobody there to do so. */
static void end_queued(struct change_batch *batch, struct pending_change *item, instant_us now)
{
    change_add_write(batch, item, WRITE_RUN_FINISHED)->run = (struct write_run){
        .key = item->change->run,
        .result = {.status = RUN_KILLED,
                   .started_at = INSTANT_NONE,
                   .finished_at = now,
                   .exit_code = -1},
        .reason = "killed before it started",
    };
}

static enum rc prepare_kill(struct change_batch *batch, struct pending_change *item, instant_us now)
{
    char id[RUN_ID_TEXT];

    if (item->before.removed)
        return err_fail(&item->change->err, RC_CONFLICT, "run %s has ended",
                        run_id_format(&item->change->run, id));
    item->worker = manager_find_worker(batch->manager, item->before.worker);
    if (!item->before.claimed) /* whoever has it next ends it */
        item->worker = manager_pick(batch->manager, item->worker, &(struct pairs){0});
    else if (item->worker < 0)
        item->worker = manager_know_worker(batch->manager, item->before.worker);
    if (item->worker < 0)
        end_queued(batch, item, now);
    return RC_OK;
}

static enum rc prepare_change(struct change_batch *batch, struct pending_change *item,
                              instant_us now)
{
    struct change *change = item->change;
    char id[RUN_ID_TEXT];

    if (change_is_of_job(change) && !item->before.found)
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
        return prepare_kill(batch, item, now);
    case CHANGE_WORKER_DRAIN:
        change_add_write(batch, item, WRITE_WORKER_DRAIN)->worker =
            (struct worker_record){.name = change->worker, .draining = change->draining};
        return RC_OK;
    case CHANGE_WORKER_REMOVE:
        change_add_write(batch, item, WRITE_WORKER_REMOVE)->worker =
            (struct worker_record){.name = change->worker};
        return RC_OK;
    case CHANGE_TOKEN_CREATE:
        change_prepare_token(batch, item);
        return RC_OK;
    case CHANGE_TOKEN_REVOKE:
        change_add_write(batch, item, WRITE_TOKEN_REVOKE)->access = change->access;
        return RC_OK;
    case CHANGE_TOKEN_USED:
        change_add_write(batch, item, WRITE_TOKEN_USED)->access = change->access;
        return RC_OK;
    case CHANGE_USER_CREATE:
        change_prepare_user(batch, item);
        return RC_OK;
    case CHANGE_USER_CHANGE:
        return change_prepare_user_change(batch, item);
    case CHANGE_USER_REMOVE:
        change_add_write(batch, item, WRITE_USER_REMOVE)->user = change->user;
        return RC_OK;
    case CHANGE_AUDIT:
        return RC_OK;
    }
    return RC_INTERNAL;
}

struct store_write *change_add_write(struct change_batch *batch, struct pending_change *item,
                                     enum write_kind kind)
{
    struct store_write *write = &batch->writes[batch->write_count];

    item->write = batch->write_count++;
    item->writes = true;
    *write = (struct store_write){.kind = kind};
    return write;
}

enum rc change_prepare(struct change_batch *batch, struct err *err)
{
    instant_us now;
    enum rc rc = store_now(batch->manager->config.store, &now, err);

    if (rc == RC_OK)
        rc = read_before(batch, err);
    if (rc != RC_OK)
        return rc;
    batch->now = now;
    for (size_t i = 0; i < batch->count; i++)
        batch->items[i].change->outcome = prepare_change(batch, &batch->items[i], now);
    return RC_OK;
}
