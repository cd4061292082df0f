/* SPDX-License-Identifier: Apache-2.0 */
/* Writes about runs. */
#include <string.h>

#include "base/mem.h"

#include "adapters/memory/store_kept.h"
#include "adapters/memory/store_write.h"

static bool tokens_equal(const struct claim_token *a, const struct claim_token *b)
{
    return !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool memory_has_token(const struct claim_token *token)
{
    static const struct claim_token none = {{0}};

    return !tokens_equal(token, &none);
}

static enum rc refuse(struct store_write *write, enum rc outcome, const char *what)
{
    char id[RUN_ID_TEXT];

    return err_fail(&write->err, outcome, "run %s %s", run_id_format(&write->run.key, id), what);
}

/* The new run, with empty texts; NULL when its key is taken. */
static struct memory_run *insert(struct memory_store *store, const struct run_key *key)
{
    bool found;
    size_t index = memory_run_index(store, key, &found);
    struct memory_run *run;

    if (found)
        return NULL;
    run = xcalloc(1, sizeof(*run));
    run->run.key = *key;
    run->run.count = 1;
    run->run.until = key->scheduled_at;
    run->run.result.started_at = INSTANT_NONE;
    run->run.result.finished_at = INSTANT_NONE;
    run->run.result.exit_code = -1;
    memory_text_set(&run->run.worker, "");
    memory_text_set(&run->run.reason, "");
    memory_text_set(&run->run.request, "");
    memory_text_set(&run->run.sha256, "");
    memory_array_insert(&store->runs, index, run);
    return run;
}

/* ---- claims -----------------------------------------------------------------------------------
 */

static void claim_existing(struct memory_store *store, const struct write_claim *claim,
                           const struct memory_job *job)
{
    struct memory_run *run = memory_run_find(store, &claim->key);

    if (!run || job->record.removed || run->run.result.status != RUN_QUEUED ||
        memory_has_token(&run->token))
        return;
    run->token = claim->token;
    if (!run->run.revision)
        run->run.revision = claim->revision;
    memory_text_set(&run->run.worker, claim->worker);
    memory_text_set(&run->run.sha256, memory_hash_of(job, run->run.revision));
}

static void claim_new(struct memory_store *store, const struct write_claim *claim,
                      const struct memory_job *job)
{
    struct memory_run *run;

    if (job->record.revision != claim->revision || !job->record.enabled || job->record.removed ||
        job->record.status == JOB_FINISHED)
        return;
    run = insert(store, &claim->key);
    if (!run)
        return;
    run->token = claim->token;
    run->run.trigger = claim->trigger;
    run->run.revision = claim->revision;
    memory_text_set(&run->run.worker, claim->worker);
    memory_text_set(&run->run.sha256, job->record.sha256);
}

static enum rc claim_run(struct memory_store *store, const struct write_claim *claim)
{
    const struct memory_job *job = memory_job_find(store, claim->key.job);
    instant_us now = clock_now(store->config.clock);

    if (!job || now < claim->key.scheduled_at - CLAIM_LEAD || now >= claim->deadline)
        return RC_OK;
    if (claim->existing)
        claim_existing(store, claim, job);
    else
        claim_new(store, claim, job);
    return RC_OK;
}

/* ---- inserted as a whole ----------------------------------------------------------------------
 */

static enum rc queue_run(struct memory_store *store, struct store_write *write)
{
    const struct memory_job *job = memory_job_find(store, write->run.key.job);
    struct memory_revision *kept;
    struct memory_run *run;

    if (!job)
        return refuse(write, RC_NOT_FOUND, "has no job");
    if (job->record.removed)
        return refuse(write, RC_CONFLICT, "is of a job that was removed");
    run = insert(store, &write->run.key);
    if (!run)
        return refuse(write, RC_CONFLICT, "exists already");
    run->run.trigger = write->run.trigger;
    run->run.revision = write->run.revision;
    memory_text_set(&run->run.worker, write->run.worker);
    memory_text_set(&run->run.reason, write->run.reason);
    memory_text_set(&run->run.request, write->run.request);
    kept = memory_revision_find(job, write->run.revision);
    if (kept)
        kept->until = MAX(kept->until, write->run.key.scheduled_at);
    return RC_OK;
}

/* What the job's status becomes by the end of a run: never that of a removed job, nor of one that
 * was changed since. `revision` 0: of the job as it is. */
static void set_job_status(struct memory_store *store, const struct write_run *run,
                           uint64_t revision)
{
    struct memory_job *job = memory_job_find(store, run->key.job);

    if (run->sets_job_status && job && !job->record.removed &&
        (!revision || revision == job->record.revision))
        job->record.status = run->job_status;
}

/* A record that is said again, since its first answer was lost, is fine. */
static enum rc accept_again(const struct memory_store *store, struct store_write *write)
{
    const struct memory_run *kept = memory_run_find(store, &write->run.key);

    if (run_result_is_same(&kept->run.result, &write->run.result) &&
        kept->run.count == write->run.count && kept->run.until == write->run.until)
        return RC_OK;
    return refuse(write, RC_CONFLICT, "exists already");
}

static enum rc record_run(struct memory_store *store, struct store_write *write)
{
    const struct write_run *record = &write->run;
    struct memory_run *run;

    if (!memory_job_find(store, record->key.job))
        return refuse(write, RC_NOT_FOUND, "has no job");
    run = insert(store, &record->key);
    if (!run)
        return accept_again(store, write);
    run->token = record->token;
    run->run.trigger = record->trigger;
    run->run.result = record->result;
    run->run.revision = record->revision;
    run->run.count = MAX(record->count, 1);
    run->run.until = record->count > 1 ? record->until : record->key.scheduled_at;
    memory_text_set(&run->run.worker, record->worker);
    memory_text_set(&run->run.reason, record->reason);
    memory_text_set(&run->run.request, record->request);
    set_job_status(store, record, record->revision);
    return RC_OK;
}

/* ---- conditional on the token -----------------------------------------------------------------
 */

/* The unfinished run that carries the write's token, or NULL. */
static struct memory_run *unfinished_of(struct memory_store *store, const struct write_run *write)
{
    struct memory_run *run = memory_run_find(store, &write->key);

    if (!run || !memory_has_token(&run->token) || !tokens_equal(&run->token, &write->token) ||
        run_status_is_final(run->run.result.status))
        return NULL;
    return run;
}

static enum rc wait_with_run(struct memory_store *store, struct store_write *write)
{
    struct memory_run *run = unfinished_of(store, &write->run);

    if (!run || run->run.result.status != RUN_QUEUED)
        return refuse(write, RC_STALE, "is not queued, or not yours, any more");
    memory_text_set(&run->run.reason, write->run.reason);
    return RC_OK;
}

static enum rc start_run(struct memory_store *store, struct store_write *write)
{
    struct memory_run *run = unfinished_of(store, &write->run);

    if (!run)
        return refuse(write, RC_STALE, "is not queued, or not yours, any more");
    run->run.result.status = RUN_RUNNING;
    run->run.result.started_at = write->run.result.started_at;
    memory_text_set(&run->run.reason, "");
    return RC_OK;
}

/* The run is final. A result that was reported before is fine; any other leaves a note. */
static enum rc note_late_result(struct store_write *write, struct run *kept)
{
    char reason[LIMIT_REASON + 1];

    if (run_result_is_same(&kept->result, &write->run.result))
        return RC_OK;
    memory_text_set(&kept->reason, run_reason_late(kept->reason, &write->run.result, reason));
    return refuse(write, RC_STALE, "has ended already");
}

static enum rc finish_run(struct memory_store *store, struct store_write *write)
{
    struct memory_run *run = memory_run_find(store, &write->run.key);

    if (!run)
        return refuse(write, RC_NOT_FOUND, "does not exist");
    if (!tokens_equal(&run->token, &write->run.token))
        return refuse(write, RC_STALE, "belongs to somebody else");
    if (run_status_is_final(run->run.result.status))
        return note_late_result(write, &run->run);
    run->run.result = write->run.result;
    memory_text_set(&run->run.reason, write->run.reason);
    set_job_status(store, &write->run, run->run.revision);
    return RC_OK;
}

/* Its worker gave no sign of life for so long that it cannot be running it any more. */
static enum rc lose_run(struct memory_store *store, struct store_write *write)
{
    struct memory_run *run = memory_run_find(store, &write->run.key);
    const struct worker_record *worker;

    if (!run)
        return refuse(write, RC_NOT_FOUND, "does not exist");
    if (!tokens_equal(&run->token, &write->run.token) ||
        run_status_is_final(run->run.result.status))
        return refuse(write, RC_STALE, "has ended, or belongs to somebody else");
    worker = memory_worker_find(store, run->run.worker);
    if (worker && worker->lease_until > clock_now(store->config.clock))
        return refuse(write, RC_STALE, "belongs to a worker that may live");
    run->run.result = write->run.result;
    memory_text_set(&run->run.reason, write->run.reason);
    set_job_status(store, &write->run, run->run.revision);
    return RC_OK;
}

static enum rc purge_run(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_run_index(store, &write->run.key, &found);
    struct memory_job *job = memory_job_find(store, write->run.key.job);

    if (!found)
        return refuse(write, RC_NOT_FOUND, "does not exist");
    memory_run_free(memory_array_remove(&store->runs, index));
    if (job)
        memory_forget_revisions(store, job);
    return RC_OK;
}

enum rc memory_write_run(struct memory_store *store, struct store_write *write)
{
    switch (write->kind) {
    case WRITE_RUN_CLAIM:
        return claim_run(store, &write->claim);
    case WRITE_RUN_QUEUE:
        return queue_run(store, write);
    case WRITE_RUN_WAITING:
        return wait_with_run(store, write);
    case WRITE_RUN_STARTED:
        return start_run(store, write);
    case WRITE_RUN_FINISHED:
        return finish_run(store, write);
    case WRITE_RUN_RECORD:
        return record_run(store, write);
    case WRITE_RUN_LOST:
        return lose_run(store, write);
    case WRITE_RUN_OUTPUT:
        return memory_write_output(store, write);
    case WRITE_RUN_PURGE:
        return purge_run(store, write);
    case WRITE_JOB_CREATE:
    case WRITE_JOB_REPLACE:
    case WRITE_JOB_REMOVE:
    case WRITE_JOB_PURGE:
    case WRITE_JOB_STATUS:
    case WRITE_JOB_SEAL:
    case WRITE_JOB_ASSIGN:
    case WRITE_WORKER:
    case WRITE_WORKER_DRAIN:
    case WRITE_WORKER_REMOVE:
    case WRITE_LEADER:
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
        return RC_INTERNAL;
    }
    return RC_INTERNAL;
}
