/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of writes, for applies that are executed when their caller is long gone. */
#include <string.h>

#include "base/mem.h"

#include "adapters/memory/store_data.h"

static void copy_pairs(struct arena *arena, struct pairs *pairs)
{
    struct pair *items = arena_alloc(arena, pairs->count * sizeof(*items));

    for (size_t i = 0; i < pairs->count; i++)
        items[i] = (struct pair){.name = arena_strdup(arena, pairs->items[i].name),
                                 .value = arena_strdup(arena, pairs->items[i].value)};
    pairs->items = items;
}

/* Only what this store reads of a job. */
static const struct job *copy_of_job(struct arena *arena, const struct job *job)
{
    struct job *copy = arena_alloc(arena, sizeof(*copy));

    *copy = *job;
    copy->name = arena_strdup(arena, job->name);
    copy->description = arena_strdup(arena, job->description);
    copy->executable = arena_strdup(arena, job->executable);
    copy->schedule = arena_strdup(arena, job->schedule);
    copy->time_zone = arena_strdup(arena, job->time_zone);
    copy->sha256 = arena_strdup(arena, job->sha256);
    copy_pairs(arena, &copy->labels);
    copy_pairs(arena, &copy->placement);
    return copy;
}

static void copy_job_write(struct arena *arena, struct write_job *job)
{
    if (job->job)
        job->job = copy_of_job(arena, job->job);
    if (job->document)
        job->document = arena_strndup(arena, job->document, job->document_length);
    job->owner = arena_strdup(arena, job->owner);
    job->worker = arena_strdup(arena, job->worker);
    job->idempotency_key = arena_strdup(arena, job->idempotency_key);
    if (job->request_hash)
        job->request_hash = memcpy(arena_alloc(arena, 32), job->request_hash, 32);
}

static void copy_run_write(struct arena *arena, struct write_run *run)
{
    run->worker = arena_strdup(arena, run->worker);
    run->reason = arena_strdup(arena, run->reason);
    run->request = arena_strdup(arena, run->request);
}

static void copy_output(struct arena *arena, struct kept_output *output)
{
    if (output->length)
        output->data = memcpy(arena_alloc(arena, output->length), output->data, output->length);
}

static void copy_worker(struct arena *arena, struct worker_record *worker)
{
    worker->name = arena_strdup(arena, worker->name);
    worker->url = arena_strdup(arena, worker->url);
    worker->version = arena_strdup(arena, worker->version);
    worker->backend = arena_strdup(arena, worker->backend);
    copy_pairs(arena, &worker->labels);
}

static void copy_token(struct arena *arena, struct access_token *token)
{
    token->id = arena_strdup(arena, token->id);
    token->name = arena_strdup(arena, token->name);
    token->account = arena_strdup(arena, token->account);
    token->seal = arena_strdup(arena, token->seal);
}

static void copy_user(struct arena *arena, struct user_record *user)
{
    user->name = arena_strdup(arena, user->name);
    user->password = arena_strdup(arena, user->password);
    user->accounts = strings_copy(&user->accounts, arena);
    user->seal = arena_strdup(arena, user->seal);
}

static void copy_audit(struct arena *arena, struct audit_record *record)
{
    record->who = arena_strdup(arena, record->who);
    record->source = arena_strdup(arena, record->source);
    record->action = arena_strdup(arena, record->action);
    record->subject = arena_strdup(arena, record->subject);
    record->before = arena_strdup(arena, record->before);
    record->after = arena_strdup(arena, record->after);
    record->outcome = arena_strdup(arena, record->outcome);
}

static void copy_texts(struct arena *arena, struct store_write *write)
{
    switch (write->kind) {
    case WRITE_JOB_CREATE:
    case WRITE_JOB_REPLACE:
    case WRITE_JOB_REMOVE:
    case WRITE_JOB_PURGE:
    case WRITE_JOB_STATUS:
    case WRITE_JOB_SEAL:
    case WRITE_JOB_ASSIGN:
        copy_job_write(arena, &write->job);
        return;
    case WRITE_RUN_CLAIM:
        write->claim.worker = arena_strdup(arena, write->claim.worker);
        return;
    case WRITE_RUN_QUEUE:
    case WRITE_RUN_WAITING:
    case WRITE_RUN_STARTED:
    case WRITE_RUN_FINISHED:
    case WRITE_RUN_RECORD:
    case WRITE_RUN_LOST:
    case WRITE_RUN_PURGE:
        copy_run_write(arena, &write->run);
        return;
    case WRITE_RUN_OUTPUT:
        copy_output(arena, &write->output.output);
        return;
    case WRITE_WORKER:
    case WRITE_WORKER_DRAIN:
    case WRITE_WORKER_REMOVE:
        copy_worker(arena, &write->worker);
        return;
    case WRITE_TOKEN_CREATE:
    case WRITE_TOKEN_REVOKE:
    case WRITE_TOKEN_USED:
    case WRITE_TOKEN_SEAL:
    case WRITE_TOKEN_EXPIRE:
        copy_token(arena, &write->access);
        return;
    case WRITE_USER_CREATE:
    case WRITE_USER_CHANGE:
    case WRITE_USER_REMOVE:
        copy_user(arena, &write->user.record);
        return;
    case WRITE_AUDIT:
    case WRITE_AUDIT_EXPIRE:
        copy_audit(arena, &write->audit.record);
        return;
    case WRITE_LEADER:
        return; /* it has no texts of others */
    }
}

struct memory_late *memory_late_new(const struct store_write *writes, size_t count)
{
    struct memory_late *late = xcalloc(1, sizeof(*late));

    late->count = count;
    late->writes = arena_alloc(&late->arena, count * sizeof(*writes));
    memcpy(late->writes, writes, count * sizeof(*writes));
    for (size_t i = 0; i < count; i++) {
        copy_texts(&late->arena, &late->writes[i]);
        if (writes[i].kind == WRITE_AUDIT && writes[i].audit.of)
            late->writes[i].audit.of = late->writes + (writes[i].audit.of - writes);
    }
    return late;
}
