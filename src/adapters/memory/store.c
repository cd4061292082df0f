/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/store.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/memory/store_data.h"
#include "adapters/memory/store_kept.h"
#include "adapters/memory/store_write.h"

static struct memory_store *of(struct store *store)
{
    return container_of(store, struct memory_store, base);
}

/* A visit or a hook that calls the store finds its mutex held by itself: a broken invariant. */
static void lock(struct memory_store *store)
{
    CHECK(!pthread_mutex_lock(&store->mutex));
}

static void unlock(struct memory_store *store)
{
    CHECK(!pthread_mutex_unlock(&store->mutex));
}

/* With the mutex held. */
static enum rc reachable(const struct memory_store *store, struct err *err)
{
    if (store->config.unreachable && store->config.unreachable(store->config.context))
        return err_fail(err, RC_UNAVAILABLE, "the store does not answer");
    return RC_OK;
}

static enum rc now(struct store *store, instant_us *ret_now, struct err *err)
{
    struct memory_store *self = of(store);
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    if (rc == RC_OK)
        *ret_now = clock_now(self->config.clock);
    unlock(self);
    return rc;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

/* A leader that was deposed changes nothing any more. */
static void execute(struct memory_store *store, struct store_write *writes, size_t count)
{
    bool deposed = false;

    for (size_t i = 0; i < count; i++) {
        if (deposed)
            writes[i].outcome = err_fail(&writes[i].err, RC_STALE, "another manager leads");
        else
            memory_write(store, &writes[i]);
        deposed |= writes[i].kind == WRITE_LEADER && writes[i].outcome == RC_STALE;
    }
}

static enum rc apply_with_fault(struct memory_store *store, struct store_write *writes,
                                size_t count, struct err *err)
{
    enum memory_store_fault fault = MEMORY_STORE_FAULT_NONE;

    if (store->config.fault)
        fault = store->config.fault(store->config.context, writes, count);
    switch (fault) {
    case MEMORY_STORE_FAULT_NONE:
        execute(store, writes, count);
        return RC_OK;
    case MEMORY_STORE_FAULT_FAIL:
        return err_fail(err, RC_UNAVAILABLE, "the store does not answer");
    case MEMORY_STORE_FAULT_UNKNOWN_WRITTEN:
        execute(store, writes, count);
        break;
    case MEMORY_STORE_FAULT_UNKNOWN_LOST:
        break;
    case MEMORY_STORE_FAULT_LATE:
        memory_array_insert(&store->late, store->late.count, memory_late_new(writes, count));
        break;
    }
    return err_fail(err, RC_UNKNOWN, "the answer of the store was lost");
}

static enum rc apply(struct store *store, struct store_write *writes, size_t count, struct err *err)
{
    struct memory_store *self = of(store);
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    if (rc == RC_OK)
        rc = apply_with_fault(self, writes, count, err);
    unlock(self);
    return rc;
}

size_t memory_store_release_late(struct store *store)
{
    struct memory_store *self = of(store);
    size_t count;

    lock(self);
    count = self->late.count;
    for (size_t i = 0; i < count; i++) {
        struct memory_late *late = memory_array_remove(&self->late, 0);

        execute(self, late->writes, late->count);
        memory_late_free(late);
    }
    unlock(self);
    return count;
}

/* ---- reading jobs ------------------------------------------------------------------------------
 */

static bool is_among(const job_id *ids, size_t count, job_id id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

static bool has_label(const struct pairs *labels, const char *name, const char *value)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (!strcmp(labels->items[i].name, name) && !strcmp(labels->items[i].value, value))
            return true;
    }
    return false;
}

static bool job_text_matches(const struct memory_job *job, const char *text)
{
    char *AUTO_FREE needle = memory_lower(xstrdup(text));

    return strstr(job->search, needle) != NULL;
}

static bool job_matches(const struct memory_job *job, const struct job_query *query)
{
    const struct job_record *record = &job->record;

    return (!query->ids || is_among(query->ids, query->id_count, record->id)) &&
           record->id > query->after &&
           (query->status < 0 || record->status == (enum job_status)query->status) &&
           (query->type < 0 || record->type == (enum job_type)query->type) &&
           (!query->owner || !strcmp(record->owner, query->owner)) &&
           (!query->worker || !strcmp(record->worker, query->worker)) &&
           (!query->name || !strcmp(record->name, query->name)) &&
           (!query->label_name || has_label(&job->labels, query->label_name, query->label_value)) &&
           (!query->text || job_text_matches(job, query->text)) &&
           (!query->active_only ||
            (record->enabled && !record->removed && record->status != JOB_FINISHED));
}

static const struct run *newest_run(const struct memory_store *store, job_id job)
{
    for (size_t i = store->runs.count; i-- > 0;) {
        const struct memory_run *run = store->runs.items[i];

        if (run->run.key.job == job)
            return &run->run;
    }
    return NULL;
}

static bool accounts_for_ticks(enum run_trigger trigger)
{
    return trigger == TRIGGER_SCHEDULE || trigger == TRIGGER_CATCH_UP || trigger == TRIGGER_REBOOT;
}

static instant_us cursor(const struct memory_store *store, job_id job)
{
    instant_us last = INSTANT_NONE;

    for (size_t i = 0; i < store->runs.count; i++) {
        const struct memory_run *run = store->runs.items[i];

        if (run->run.key.job == job && accounts_for_ticks(run->run.trigger))
            last = MAX(last, run->run.until);
    }
    return last;
}

static enum rc read_jobs(struct store *store, const struct job_query *query, job_visit visit,
                         void *context, struct err *err)
{
    struct memory_store *self = of(store);
    size_t visited = 0;
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    for (size_t i = 0; rc == RC_OK && i < self->jobs.count; i++) {
        const struct memory_job *job = self->jobs.items[i];
        struct job_record record = job->record;

        if (!job_matches(job, query))
            continue;
        if (!(query->parts & JOB_PART_DOCUMENT))
            record.document = NULL;
        if (!(query->parts & JOB_PART_PLACEMENT))
            record.placement = (struct pairs){0};
        if (query->parts & JOB_PART_LAST_RUN)
            record.last_run = newest_run(self, record.id);
        if (query->parts & JOB_PART_CURSOR)
            record.cursor = cursor(self, record.id);
        if (!visit(context, &record) || ++visited == query->limit)
            break;
    }
    unlock(self);
    return rc;
}

/* ---- reading runs ------------------------------------------------------------------------------
 */

static bool key_is_among(const struct run_key *keys, size_t count, const struct run_key *key)
{
    for (size_t i = 0; i < count; i++) {
        if (!run_key_compare(&keys[i], key))
            return true;
    }
    return false;
}

static bool has_claimed(const struct memory_store *store, const struct claim_token *token,
                        job_id job)
{
    for (size_t i = 0; i < store->runs.count; i++) {
        const struct memory_run *run = store->runs.items[i];

        if (run->run.key.job == job &&
            !memcmp(token->bytes, run->token.bytes, sizeof(run->token.bytes)))
            return true;
    }
    return false;
}

static bool is_beside(const struct memory_store *store, const struct memory_run *run,
                      const struct claim_token *token)
{
    static const struct claim_token none;

    return !run_status_is_final(run->run.result.status) &&
           memcmp(none.bytes, run->token.bytes, sizeof(none.bytes)) != 0 &&
           memcmp(token->bytes, run->token.bytes, sizeof(token->bytes)) != 0 &&
           has_claimed(store, token, run->run.key.job);
}

static bool run_matches(const struct memory_run *run, const struct run_query *query,
                        const char *owner)
{
    const struct run_key *key = &run->run.key;
    enum run_status status = run->run.result.status;

    return (!query->keys || key_is_among(query->keys, query->key_count, key)) &&
           (!query->token ||
            !memcmp(query->token->bytes, run->token.bytes, sizeof(run->token.bytes))) &&
           (!query->job || query->job == key->job) &&
           (!query->owner || !strcmp(query->owner, owner)) &&
           (query->status < 0 || status == (enum run_status)query->status) &&
           (!query->worker || !strcmp(query->worker, run->run.worker)) &&
           (!query->unfinished_only || !run_status_is_final(status)) &&
           (!query->before || run_key_compare(key, query->before) < 0) &&
           (query->since == INSTANT_NONE || key->scheduled_at >= query->since) &&
           (query->until == INSTANT_NONE || key->scheduled_at < query->until);
}

static enum rc read_runs(struct store *store, const struct run_query *query, run_visit visit,
                         void *context, struct err *err)
{
    struct memory_store *self = of(store);
    size_t matched = 0;
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    for (size_t i = self->runs.count; rc == RC_OK && i-- > 0;) {
        const struct memory_run *run = self->runs.items[i];
        const struct memory_job *job = memory_job_find(self, run->run.key.job);
        struct run_record record = {
            .run = run->run, .token = run->token, .owner = job ? job->record.owner : ""};

        if (!run_matches(run, query, record.owner) ||
            (query->beside && !is_beside(self, run, query->beside)) || ++matched <= query->skip)
            continue;
        if (!visit(context, &record) || (query->limit && matched >= query->skip + query->limit))
            break;
    }
    unlock(self);
    return rc;
}

/* ---- reading the rest --------------------------------------------------------------------------
 */

/* A function that shows all records of an array in their order. */
#define READS_ALL(function, visit_type, array, item_type)                                          \
    static enum rc function(struct store *store, visit_type visit, void *context, struct err *err) \
    {                                                                                              \
        struct memory_store *self = of(store);                                                     \
        enum rc rc;                                                                                \
                                                                                                   \
        lock(self);                                                                                \
        rc = reachable(self, err);                                                                 \
        for (size_t i = 0; rc == RC_OK && i < self->array.count; i++) {                            \
            if (!visit(context, &((const item_type *)self->array.items[i])->record))               \
                break;                                                                             \
        }                                                                                          \
        unlock(self);                                                                              \
        return rc;                                                                                 \
    }

READS_ALL(read_workers, worker_visit, workers, struct memory_worker)
READS_ALL(read_tokens, token_visit, tokens, struct memory_token)
READS_ALL(read_users, user_visit, users, struct memory_user)

static bool is_wanted(const struct audit_query *query, const struct audit_record *record)
{
    return (!query->before || record->id < query->before) &&
           (!query->who || !strcmp(query->who, record->who)) &&
           (!query->action || !strcmp(query->action, record->action)) &&
           (query->since == INSTANT_NONE || record->at >= query->since) &&
           (query->until == INSTANT_NONE || record->at < query->until);
}

static enum rc read_audit(struct store *store, const struct audit_query *query, audit_visit visit,
                          void *context, struct err *err)
{
    struct memory_store *self = of(store);
    size_t left = query->limit ? query->limit : SIZE_MAX;
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    for (size_t i = self->audit.count; rc == RC_OK && left && i-- > 0;) {
        const struct audit_record *record =
            &((const struct memory_audit *)self->audit.items[i])->record;

        if (!is_wanted(query, record))
            continue;
        left--;
        if (!visit(context, record))
            break;
    }
    unlock(self);
    return rc;
}

static struct store_summary summarise(const struct memory_store *store, const char *owner)
{
    struct store_summary summary = {0};

    for (size_t i = 0; i < store->jobs.count; i++) {
        const struct memory_job *job = store->jobs.items[i];

        if (!owner || !strcmp(job->record.owner, owner))
            summary.jobs[job->record.status]++;
    }
    for (size_t i = 0; i < store->runs.count; i++) {
        const struct memory_run *run = store->runs.items[i];
        const struct memory_job *job = memory_job_find(store, run->run.key.job);

        if (owner && (!job || strcmp(job->record.owner, owner) != 0))
            continue;
        summary.queued += run->run.result.status == RUN_QUEUED;
        summary.running += run->run.result.status == RUN_RUNNING;
    }
    return summary;
}

static enum rc read_leader(struct store *store, struct leader_record *ret_leader, struct err *err)
{
    struct memory_store *self = of(store);
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    if (rc == RC_OK)
        *ret_leader = self->leader;
    unlock(self);
    return rc;
}

static enum rc summary(struct store *store, const char *owner, struct store_summary *ret_summary,
                       struct err *err)
{
    struct memory_store *self = of(store);
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    if (rc == RC_OK)
        *ret_summary = summarise(self, owner);
    unlock(self);
    return rc;
}

/* ---- reading what is kept beside runs ----------------------------------------------------------
 */

static enum rc read_output(struct store *store, const struct run_key *run, output_visit visit,
                           void *context, struct err *err)
{
    struct memory_store *self = of(store);
    const struct memory_run *kept;
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    kept = rc == RC_OK ? memory_run_find(self, run) : NULL;
    if (kept && kept->has_output)
        visit(context, &kept->output);
    else if (rc == RC_OK)
        rc = err_fail(err, RC_NOT_FOUND, "the store has no output of the run");
    unlock(self);
    return rc;
}

static enum rc read_revision(struct store *store, job_id job, uint64_t revision,
                             document_visit visit, void *context, struct err *err)
{
    struct memory_store *self = of(store);
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    if (rc == RC_OK && !memory_show_revision(memory_job_find(self, job), revision, visit, context))
        rc = err_fail(err, RC_NOT_FOUND, "revision %llu of job %llu is not kept",
                      (unsigned long long)revision, (unsigned long long)job);
    unlock(self);
    return rc;
}

static enum rc read_hashes(struct store *store, hash_visit visit, void *context, struct err *err)
{
    struct memory_store *self = of(store);
    enum rc rc;

    lock(self);
    rc = reachable(self, err);
    for (size_t i = 0; rc == RC_OK && i < self->jobs.count; i++) {
        if (!memory_show_hashes(self->jobs.items[i], visit, context))
            break;
    }
    unlock(self);
    return rc;
}

/* ---- from new to free --------------------------------------------------------------------------
 */

#define FREE_ALL(array, free_item)                                     \
    do {                                                               \
        while ((array)->count)                                         \
            free_item(memory_array_remove(array, (array)->count - 1)); \
        free((array)->items);                                          \
    } while (0)

static void memory_store_free(struct store *store)
{
    struct memory_store *self = of(store);

    FREE_ALL(&self->jobs, memory_job_free);
    FREE_ALL(&self->runs, memory_run_free);
    FREE_ALL(&self->workers, memory_worker_free);
    FREE_ALL(&self->tokens, memory_token_free);
    FREE_ALL(&self->users, memory_user_free);
    FREE_ALL(&self->audit, memory_audit_free);
    FREE_ALL(&self->keys, memory_key_free);
    FREE_ALL(&self->late, memory_late_free);
    CHECK(!pthread_mutex_destroy(&self->mutex));
    free(self);
}

static const struct store_ops ops = {
    .name = "memory",
    .now = now,
    .apply = apply,
    .read_jobs = read_jobs,
    .read_runs = read_runs,
    .read_workers = read_workers,
    .read_tokens = read_tokens,
    .read_users = read_users,
    .read_audit = read_audit,
    .read_leader = read_leader,
    .summary = summary,
    .read_output = read_output,
    .read_revision = read_revision,
    .read_hashes = read_hashes,
    .free = memory_store_free,
};

struct store *memory_store_new(const struct memory_store_config *config)
{
    struct memory_store *self = xcalloc(1, sizeof(*self));
    pthread_mutexattr_t attributes;

    self->base.ops = &ops;
    self->config = *config;
    CHECK(!pthread_mutexattr_init(&attributes));
    CHECK(!pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK));
    CHECK(!pthread_mutex_init(&self->mutex, &attributes));
    CHECK(!pthread_mutexattr_destroy(&attributes));
    return &self->base;
}
