/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/store_kept.h"

#include <string.h>

#include "base/mem.h"

/* ---- outputs --------------------------------------------------------------------------------- */

static void *copy_bytes(const void *data, size_t length)
{
    void *copy = xmalloc(length + 1); /* there may be none */

    if (length)
        memcpy(copy, data, length);
    return copy;
}

enum rc memory_write_output(struct memory_store *store, struct store_write *write)
{
    const struct write_output *output = &write->output;
    struct memory_run *run = memory_run_find(store, &output->key);
    char id[RUN_ID_TEXT];

    if (!run || memcmp(run->token.bytes, output->token.bytes, sizeof(run->token.bytes)))
        return err_fail(&write->err, run ? RC_STALE : RC_NOT_FOUND, "run %s %s",
                        run_id_format(&output->key, id),
                        run ? "belongs to somebody else" : "does not exist");
    if (run->has_output)
        return RC_OK;
    run->has_output = true;
    run->output = output->output;
    if (!output->output.in_objects)
        run->output.data = copy_bytes(output->output.data, output->output.length);
    return RC_OK;
}

/* ---- revisions ------------------------------------------------------------------------------- */

struct memory_revision *memory_revision_find(const struct memory_job *job, uint64_t revision)
{
    for (size_t i = 0; i < job->revisions.count; i++) {
        struct memory_revision *kept = job->revisions.items[i];

        if (kept->revision == revision)
            return kept;
    }
    return NULL;
}

const char *memory_hash_of(const struct memory_job *job, uint64_t revision)
{
    const struct memory_revision *kept = memory_revision_find(job, revision);

    if (job->record.revision == revision)
        return job->record.sha256;
    return kept ? kept->sha256 : "";
}

void memory_keep_revision(struct memory_job *job, instant_us now)
{
    struct memory_revision *kept = xmalloc(sizeof(*kept));

    *kept = (struct memory_revision){
        .revision = job->record.revision,
        .until = now,
        .document = xstrndup(job->record.document, job->record.document_length),
        .length = job->record.document_length,
        .sha256 = xstrdup(job->record.sha256),
    };
    memory_array_insert(&job->revisions, job->revisions.count, kept);
}

void memory_forget_revisions(const struct memory_store *store, struct memory_job *job)
{
    instant_us oldest = clock_now(store->config.clock);

    for (size_t i = 0; i < store->runs.count; i++) {
        const struct memory_run *run = store->runs.items[i];

        if (run->run.key.job == job->record.id) {
            oldest = run->run.key.scheduled_at;
            break;
        }
    }
    for (size_t i = job->revisions.count; i-- > 0;) {
        const struct memory_revision *kept = job->revisions.items[i];

        if (kept->until < oldest - REVISION_KEPT)
            memory_revision_free(memory_array_remove(&job->revisions, i));
    }
}

bool memory_show_revision(const struct memory_job *job, uint64_t revision, document_visit visit,
                          void *context)
{
    const struct memory_revision *kept = job ? memory_revision_find(job, revision) : NULL;

    if (job && job->record.revision == revision)
        visit(context, job->record.document, job->record.document_length);
    else if (kept)
        visit(context, kept->document, kept->length);
    else
        return false;
    return true;
}

bool memory_show_hashes(const struct memory_job *job, hash_visit visit, void *context)
{
    if (job->record.sha256[0] && !visit(context, job->record.sha256))
        return false;
    for (size_t i = 0; i < job->revisions.count; i++) {
        const struct memory_revision *kept = job->revisions.items[i];

        if (kept->sha256[0] && !visit(context, kept->sha256))
            return false;
    }
    return true;
}
