/* SPDX-License-Identifier: Apache-2.0 */
#include "link/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "link/protocol.h"
#include "link/text.h"
#include "wire/job.h"

enum { KEY_BYTES = 16 };

/* ---- made and answered --------------------------------------------------------------------- */

static void give_key(struct parcel *parcel)
{
    struct change *change = parcel->change;
    uint8_t bytes[KEY_BYTES];
    char text[2 * KEY_BYTES + 1];

    if (change->kind != CHANGE_JOB_CREATE || change->idempotency_key)
        return;
    crypto_random(bytes, sizeof(bytes));
    link_hex_write(bytes, sizeof(bytes), text);
    change->idempotency_key = arena_printf(&change->arena, "link-%s", text);
    parcel->own_key = true;
}

static void take_key(struct parcel *parcel)
{
    if (!parcel->own_key)
        return;
    parcel->change->idempotency_key = NULL;
    parcel->change->replayed = false;
}

void parcel_free(struct parcel *parcel)
{
    take_key(parcel);
    buf_release(&parcel->text);
    free(parcel);
}

enum rc parcel_new(struct change *change, mono_us deadline, struct parcel **ret_parcel,
                   struct err *err)
{
    struct parcel *parcel = xcalloc(1, sizeof(*parcel));
    struct json_writer writer;
    enum rc rc;

    parcel->change = change;
    parcel->deadline = deadline;
    list_init(&parcel->link);
    give_key(parcel);
    buf_init(&parcel->text, LINK_BODY_MAX / 2);
    json_writer_init(&writer, &parcel->text);
    rc = link_change_write(&writer, change, err);
    if (rc == RC_OK && parcel->text.failed)
        rc = err_fail(err, RC_TOO_BIG, "the change is larger than %d bytes", LINK_BODY_MAX / 2);
    if (rc == RC_OK) {
        *ret_parcel = parcel;
        return RC_OK;
    }
    parcel_free(parcel);
    return rc;
}

bool parcel_is_unique(const struct parcel *parcel)
{
    return parcel->change->kind == CHANGE_RUN_NOW;
}

void parcel_fail(struct parcel *parcel, enum rc rc, const struct err *err)
{
    parcel->change->outcome = rc;
    parcel->change->err = *err;
}

void parcel_answer(struct parcel *parcel)
{
    struct change *change = parcel->change;

    parcel_free(parcel);
    change->done(change);
}

/* ---- what may have been made before ---------------------------------------------------------- */

static void become_done(struct parcel *parcel)
{
    parcel->change->outcome = RC_OK;
    parcel->change->err = (struct err){0};
}

static void become_unknown(struct parcel *parcel, const char *text)
{
    parcel->change->outcome = err_fail(&parcel->change->err, RC_UNKNOWN, "%s", text);
}

struct job_seen {
    const struct change *change;
    uint64_t revision;
    bool found;
    bool removed;
    bool has_our_document;
};

/* Since when a job executes the same is the manager's to add; all else of a document is ours. */
static bool has_document_of(const struct job_record *record, const struct job *job)
{
    struct arena AUTO_ARENA arena = {0};
    struct problems problems = {.arena = &arena};
    struct wire_job_source source = {record->document, record->document_length, WIRE_JOB_STORED,
                                     NULL};
    struct job kept, ours = *job;
    AUTO_BUF struct buf text;

    buf_init(&text, LIMIT_DOCUMENT);
    if (!record->document || wire_job_read(&source, &problems, &kept, NULL) != RC_OK)
        return false;
    ours.executable_changed_at = kept.executable_changed_at;
    return wire_job_document(&ours, &text) == RC_OK && text.length == record->document_length &&
           memcmp(text.data, record->document, text.length) == 0;
}

static bool see_job(void *context, const struct job_record *job)
{
    struct job_seen *seen = context;

    seen->found = true;
    seen->removed = job->removed;
    seen->revision = job->revision;
    seen->has_our_document = has_document_of(job, &seen->change->job);
    return false;
}

static enum rc look_at_job(const struct change *change, struct store *store,
                           struct job_seen *ret_seen)
{
    struct job_query query = job_query_all();

    query.ids = &change->id;
    query.id_count = 1;
    query.parts = change->kind == CHANGE_JOB_REPLACE ? JOB_PART_DOCUMENT : 0;
    *ret_seen = (struct job_seen){.change = change};
    return store_read_jobs(store, &query, see_job, ret_seen, NULL);
}

/* `wanted`: the revision that the job was to have. */
static void judge_stale_replace(struct parcel *parcel, struct store *store, uint64_t wanted)
{
    struct change *change = parcel->change;
    struct job_seen seen;

    if (look_at_job(change, store, &seen) != RC_OK) {
        become_unknown(parcel, "the job may have been replaced: look at it");
    } else if (seen.found && seen.revision == wanted + 1 && seen.has_our_document) {
        become_done(parcel);
        change->revision = seen.revision;
    } else if (!seen.found || seen.revision > wanted + 1) {
        become_unknown(parcel, "the job may have been replaced, and was changed since: look at it");
    }
}

static void judge_stale_remove(struct parcel *parcel, struct store *store)
{
    struct job_seen seen;

    if (look_at_job(parcel->change, store, &seen) != RC_OK)
        become_unknown(parcel, "the job may have been removed: look at it");
    else if (!seen.found || seen.removed)
        become_done(parcel);
}

static bool see_token(void *context, const struct access_token *token)
{
    struct parcel *parcel = context;
    const struct access_token *ours = &parcel->change->access;

    if (strcmp(token->id, ours->id) != 0)
        return true;
    if (memcmp(token->hash, ours->hash, sizeof(ours->hash)) == 0)
        become_done(parcel);
    return false;
}

/* A refusal of what may have been made before: whether it is about that. */
static void judge(struct parcel *parcel, struct store *store, uint64_t wanted)
{
    struct change *change = parcel->change;
    enum rc rc = change->outcome;

    switch (change->kind) {
    case CHANGE_JOB_CREATE:
        if (rc == RC_INVALID)
            become_unknown(parcel, "the job may have been made: look at the jobs");
        return;
    case CHANGE_JOB_REPLACE:
        if (rc == RC_STALE || rc == RC_INVALID)
            judge_stale_replace(parcel, store, wanted);
        return;
    case CHANGE_JOB_REMOVE:
        if (rc == RC_STALE)
            judge_stale_remove(parcel, store);
        return;
    case CHANGE_JOB_PURGE:
    case CHANGE_TOKEN_REVOKE:
    case CHANGE_USER_REMOVE:
        if (rc == RC_NOT_FOUND)
            become_done(parcel);
        return;
    case CHANGE_RUN_KILL:
        if (rc == RC_CONFLICT)
            become_done(parcel);
        return;
    case CHANGE_TOKEN_CREATE:
        if (rc == RC_CONFLICT && store_read_tokens(store, see_token, parcel, NULL) != RC_OK)
            become_unknown(parcel, "the token may have been made: look at the tokens");
        return;
    case CHANGE_USER_CREATE:
        if (rc == RC_CONFLICT)
            become_unknown(parcel, "the user may have been made: look at the users");
        return;
    case CHANGE_WORKER_REMOVE:
        if (rc == RC_NOT_FOUND)
            become_done(parcel);
        return;
    case CHANGE_RUN_NOW:
    case CHANGE_WORKER_DRAIN:
    case CHANGE_TOKEN_USED:
    case CHANGE_USER_CHANGE:
    case CHANGE_AUDIT:
        return;
    }
}

bool parcel_settle(struct parcel *parcel, const struct link_result *result, struct store *store)
{
    struct change *change = parcel->change;
    uint64_t wanted = change->revision;

    if (result->outcome == RC_CLOSED || result->outcome == RC_UNAVAILABLE)
        return false; /* nothing was done */
    if (result->outcome == RC_UNKNOWN && !parcel_is_unique(parcel)) {
        parcel->perhaps_done = true;
        return false;
    }
    link_result_apply(result, change);
    if (change->outcome != RC_OK && parcel->perhaps_done)
        judge(parcel, store, wanted);
    return true;
}
