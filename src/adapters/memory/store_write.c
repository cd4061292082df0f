/* SPDX-License-Identifier: Apache-2.0 */
/* Writes about jobs, workers and the leader. Each checks first and changes then. */
#include "adapters/memory/store_write.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#include "adapters/memory/store_data.h"
#include "adapters/memory/store_kept.h"

#define KEY_KEPT DAY /* how long an idempotency key is remembered */

/* ---- jobs -------------------------------------------------------------------------------------
 */

/* The job that the write is about, or NULL with the outcome set. */
static struct memory_job *checked_job(struct memory_store *store, struct store_write *write)
{
    struct memory_job *job = memory_job_find(store, write->job.id);
    uint64_t revision = write->job.revision;

    if (!job) {
        write->outcome = err_fail(&write->err, RC_NOT_FOUND, "there is no job %llu",
                                  (unsigned long long)write->job.id);
        return NULL;
    }
    if (revision && revision != job->record.revision) {
        write->outcome =
            err_fail(&write->err, RC_STALE, "job %llu has revision %llu by now, not %llu",
                     (unsigned long long)job->record.id, (unsigned long long)job->record.revision,
                     (unsigned long long)revision);
        return NULL;
    }
    return job;
}

static bool name_is_taken(const struct memory_store *store, const char *name, job_id except)
{
    for (size_t i = 0; name[0] && i < store->jobs.count; i++) {
        const struct memory_job *job = store->jobs.items[i];

        if (!job->record.removed && job->record.id != except && !strcmp(job->record.name, name))
            return true;
    }
    return false;
}

static enum rc refuse_name(struct store_write *write)
{
    return err_fail(&write->err, RC_CONFLICT, "the name '%s' belongs to another job",
                    write->job.job->name);
}

static struct pairs copy_pairs(struct arena *arena, const struct pairs *pairs)
{
    struct pair *items = arena_alloc(arena, pairs->count * sizeof(*items));

    for (size_t i = 0; i < pairs->count; i++)
        items[i] = (struct pair){.name = arena_strdup(arena, pairs->items[i].name),
                                 .value = arena_strdup(arena, pairs->items[i].value)};
    return (struct pairs){.items = items, .count = pairs->count};
}

static void keep_text(struct memory_job *target, const struct write_job *write)
{
    struct job_record *record = &target->record;
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    (void)write_job_text(write, &text); /* without a limit it cannot fail */
    record->document = arena_strndup(&target->arena, text.data, text.length);
    record->document_length = text.length;
}

/* All that follows from the document, in place of what was there. */
static void set_document(struct memory_job *target, const struct write_job *write)
{
    const struct job *job = write->job;
    struct job_record *record = &target->record;
    struct arena *arena = &target->arena;

    arena_release(arena);
    record->name = arena_strdup(arena, job->name);
    record->schedule = arena_strdup(arena, job->schedule);
    record->time_zone = arena_strdup(arena, job->time_zone);
    record->sha256 = arena_strdup(arena, job->sha256);
    record->type = job->type;
    record->enabled = job->enabled;
    record->starts_at = job->starts_at;
    record->ends_at = job->ends_at;
    record->jitter = job->jitter;
    record->concurrency = job->concurrency;
    record->catch_up = job->catch_up;
    record->catch_up_window = job->catch_up_window;
    record->on_worker_loss = job->on_worker_loss;
    record->retries = job->retries;
    keep_text(target, write);
    target->labels = copy_pairs(arena, &job->labels);
    record->placement = copy_pairs(arena, &job->placement);
    target->search = memory_lower(
        arena_printf(arena, "%s\n%s\n%s", job->name, job->executable, job->description));
}

static void insert_job(struct memory_store *store, struct write_job *write)
{
    struct memory_job *job = xcalloc(1, sizeof(*job));

    write->id = ++store->last_id;
    write->revision = 1;
    job->record = (struct job_record){.id = write->id,
                                      .revision = 1,
                                      .status = write->status,
                                      .created_at = write->at,
                                      .updated_at = write->at,
                                      .due_since = write->at,
                                      .cursor = INSTANT_NONE};
    memory_text_set(&job->record.owner, write->owner);
    memory_text_set(&job->record.worker, write->worker);
    set_document(job, write);
    memory_array_insert(&store->jobs, store->jobs.count, job);
}

/* The key of the same owner, unless it is too old or its job was purged; both free it. */
static struct memory_key *find_key(struct memory_store *store, const struct write_job *job,
                                   instant_us now)
{
    for (size_t i = 0; i < store->keys.count; i++) {
        struct memory_key *key = store->keys.items[i];

        if (strcmp(key->key, job->idempotency_key) != 0 || strcmp(key->owner, job->owner) != 0)
            continue;
        if (key->kept_at > now - KEY_KEPT && memory_job_find(store, key->job))
            return key;
        memory_key_free(memory_array_remove(&store->keys, i));
        return NULL;
    }
    return NULL;
}

static void keep_key(struct memory_store *store, const struct write_job *job, instant_us now)
{
    struct memory_key *key = xmalloc(sizeof(*key));

    *key = (struct memory_key){.owner = xstrdup(job->owner),
                               .key = xstrdup(job->idempotency_key),
                               .job = job->id,
                               .kept_at = now};
    memcpy(key->request_hash, job->request_hash, sizeof(key->request_hash));
    memory_array_insert(&store->keys, store->keys.count, key);
}

static enum rc replay(struct memory_store *store, struct store_write *write,
                      const struct memory_key *key)
{
    struct write_job *job = &write->job;

    if (memcmp(key->request_hash, job->request_hash, sizeof(key->request_hash)) != 0)
        return err_fail(&write->err, RC_INVALID,
                        "the Idempotency-Key was used for another request already");
    job->id = key->job;
    job->revision = memory_job_find(store, key->job)->record.revision;
    job->replayed = true;
    return RC_OK;
}

static enum rc create_job(struct memory_store *store, struct store_write *write)
{
    struct write_job *job = &write->job;
    instant_us now = clock_now(store->config.clock);
    const struct memory_key *key = job->idempotency_key ? find_key(store, job, now) : NULL;

    job->replayed = false;
    if (key)
        return replay(store, write, key);
    if (name_is_taken(store, job->job->name, 0))
        return refuse_name(write);
    insert_job(store, job);
    if (job->idempotency_key)
        keep_key(store, job, now);
    return RC_OK;
}

static enum rc replace_job(struct memory_store *store, struct store_write *write)
{
    struct write_job *write_job = &write->job;
    struct memory_job *job = checked_job(store, write);

    if (!job)
        return write->outcome;
    if (job->record.removed)
        return err_fail(&write->err, RC_CONFLICT, "job %llu was removed",
                        (unsigned long long)write_job->id);
    if (name_is_taken(store, write_job->job->name, write_job->id))
        return refuse_name(write);
    memory_keep_revision(job, clock_now(store->config.clock));
    memory_forget_revisions(store, job);
    write_job->revision = ++job->record.revision;
    set_document(job, write_job);
    job->record.status = write_job->status;
    job->record.updated_at = write_job->at;
    if (write_job->due_changed)
        job->record.due_since = write_job->at;
    return RC_OK;
}

static enum rc seal_job(struct memory_store *store, struct store_write *write)
{
    struct memory_job *job = checked_job(store, write);

    if (!job)
        return write->outcome;
    keep_text(job, &write->job);
    return RC_OK;
}

static enum rc remove_job(struct memory_store *store, struct store_write *write)
{
    struct memory_job *job = checked_job(store, write);

    if (!job)
        return write->outcome;
    if (job->record.removed)
        return RC_OK;
    job->record.removed = true;
    job->record.status = JOB_FINISHED;
    job->record.updated_at = write->job.at;
    for (size_t i = 0; i < store->runs.count; i++) {
        struct memory_run *run = store->runs.items[i];

        if (run->run.key.job != write->job.id || run->run.result.status != RUN_QUEUED ||
            memory_has_token(&run->token))
            continue;
        run->run.result.status = RUN_SKIPPED;
        run->run.result.finished_at = write->job.at;
        memory_text_set(&run->run.reason, "removed");
    }
    return RC_OK;
}

static enum rc purge_job(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_job_index(store, write->job.id, &found);

    if (!found)
        return err_fail(&write->err, RC_NOT_FOUND, "there is no job %llu",
                        (unsigned long long)write->job.id);
    memory_job_free(memory_array_remove(&store->jobs, index));
    for (size_t i = store->runs.count; i-- > 0;) {
        const struct memory_run *run = store->runs.items[i];

        if (run->run.key.job == write->job.id)
            memory_run_free(memory_array_remove(&store->runs, i));
    }
    return RC_OK;
}

static enum rc set_status(struct memory_store *store, struct store_write *write)
{
    struct memory_job *job = checked_job(store, write);

    if (!job)
        return write->outcome;
    if (job->record.removed)
        return err_fail(&write->err, RC_STALE, "job %llu was removed",
                        (unsigned long long)write->job.id);
    job->record.status = write->job.status;
    return RC_OK;
}

static enum rc assign_job(struct memory_store *store, struct store_write *write)
{
    struct memory_job *job = memory_job_find(store, write->job.id);

    if (!job)
        return err_fail(&write->err, RC_NOT_FOUND, "there is no job %llu",
                        (unsigned long long)write->job.id);
    memory_text_set(&job->record.worker, write->job.worker);
    return RC_OK;
}

/* ---- workers and the leader --------------------------------------------------------------------
 */

static const char *copy_text(struct arena *arena, const char *text)
{
    return arena_strdup(arena, text ? text : "");
}

static enum rc put_worker(struct memory_store *store, const struct worker_record *record)
{
    bool found;
    size_t index = memory_worker_index(store, record->name, &found);
    struct memory_worker *worker = xcalloc(1, sizeof(*worker));

    worker->record = *record;
    worker->record.name = copy_text(&worker->arena, record->name);
    worker->record.url = copy_text(&worker->arena, record->url);
    worker->record.version = copy_text(&worker->arena, record->version);
    worker->record.backend = copy_text(&worker->arena, record->backend);
    worker->record.labels = copy_pairs(&worker->arena, &record->labels);
    if (found) {
        struct memory_worker *old = memory_array_remove(&store->workers, index);

        worker->record.draining = old->record.draining;
        worker->record.lease_until = MAX(old->record.lease_until, record->lease_until);
        memory_worker_free(old);
    }
    memory_array_insert(&store->workers, index, worker);
    return RC_OK;
}

static enum rc drain_worker(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_worker_index(store, write->worker.name, &found);

    if (!found)
        return err_fail(&write->err, RC_NOT_FOUND, "there is no worker '%s'", write->worker.name);
    ((struct memory_worker *)store->workers.items[index])->record.draining = write->worker.draining;
    return RC_OK;
}

static bool has_unfinished_runs(const struct memory_store *store, const char *worker)
{
    for (size_t i = 0; i < store->runs.count; i++) {
        const struct run *run = &((const struct memory_run *)store->runs.items[i])->run;

        if (!run_status_is_final(run->result.status) && !strcmp(run->worker, worker))
            return true;
    }
    return false;
}

static enum rc remove_worker(struct memory_store *store, struct store_write *write)
{
    const char *name = write->worker.name;
    bool found;
    size_t index = memory_worker_index(store, name, &found);

    if (!found)
        return err_fail(&write->err, RC_NOT_FOUND, "there is no worker '%s'", name);
    if (memory_worker_find(store, name)->lease_until > clock_now(store->config.clock))
        return err_fail(&write->err, RC_CONFLICT, "worker '%s' may live", name);
    if (has_unfinished_runs(store, name))
        return err_fail(&write->err, RC_CONFLICT, "worker '%s' has unfinished runs", name);
    memory_worker_free(memory_array_remove(&store->workers, index));
    return RC_OK;
}

static enum rc lead(struct memory_store *store, struct store_write *write)
{
    if (write->leader.epoch < store->leader.epoch)
        return err_fail(&write->err, RC_STALE, "another manager leads: %s", store->leader.name);
    store->leader = write->leader;
    return RC_OK;
}

static enum rc execute(struct memory_store *store, struct store_write *write)
{
    switch (write->kind) {
    case WRITE_JOB_CREATE:
        return create_job(store, write);
    case WRITE_JOB_REPLACE:
        return replace_job(store, write);
    case WRITE_JOB_REMOVE:
        return remove_job(store, write);
    case WRITE_JOB_PURGE:
        return purge_job(store, write);
    case WRITE_JOB_STATUS:
        return set_status(store, write);
    case WRITE_JOB_SEAL:
        return seal_job(store, write);
    case WRITE_JOB_ASSIGN:
        return assign_job(store, write);
    case WRITE_RUN_QUEUE:
    case WRITE_RUN_CLAIM:
    case WRITE_RUN_WAITING:
    case WRITE_RUN_STARTED:
    case WRITE_RUN_FINISHED:
    case WRITE_RUN_RECORD:
    case WRITE_RUN_LOST:
    case WRITE_RUN_OUTPUT:
    case WRITE_RUN_PURGE:
        return memory_write_run(store, write);
    case WRITE_WORKER:
        return put_worker(store, &write->worker);
    case WRITE_WORKER_DRAIN:
        return drain_worker(store, write);
    case WRITE_WORKER_REMOVE:
        return remove_worker(store, write);
    case WRITE_LEADER:
        return lead(store, write);
    case WRITE_TOKEN_CREATE:
    case WRITE_TOKEN_REVOKE:
    case WRITE_TOKEN_USED:
    case WRITE_TOKEN_SEAL:
    case WRITE_TOKEN_EXPIRE:
    case WRITE_USER_CREATE:
    case WRITE_USER_CHANGE:
    case WRITE_USER_REMOVE:
    case WRITE_AUDIT:
    case WRITE_AUDIT_EXPIRE:
        return memory_write_user(store, write);
    }
    return RC_INTERNAL;
}

void memory_write(struct memory_store *store, struct store_write *write)
{
    write->outcome = execute(store, write);
}
