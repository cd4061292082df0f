/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of jobs: created, replaced, patched, removed, purged. */
#include <inttypes.h>
#include <string.h>

#include "api/answer.h"
#include "api/etag.h"
#include "api/executable.h"
#include "api/handlers.h"
#include "api/job_body.h"
#include "api/job_find.h"
#include "api/pending.h"
#include "api/quota.h"

enum { PATCH_TRIES = 10, IDEMPOTENCY_KEY_MAX = 255 };

/* Answers with the job as it is now. */
static void answer_job(struct pending *pending, unsigned status, bool created)
{
    struct call *call = pending->call;
    struct answer answer = answer_new(status, ANSWER_JSON);
    uint64_t revision = pending->change.revision;
    char tag[ETAG_TEXT];
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc = RC_OK;

    buf_init(&body, ANSWER_LIMIT);
    if (pending->change.created)
        job_write(call, pending->change.created, &body);
    else
        rc = job_find_write(call, pending->change.id, &body, &revision, &err);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    answer_header(&answer, "ETag", arena_strdup(call->arena, etag_format(revision, tag)));
    if (created)
        answer_header(&answer, "Location",
                      arena_printf(call->arena, "/jobs/%" PRIu64, pending->change.id));
    if (pending->change.replayed)
        answer_header(&answer, "Idempotency-Replayed", "true");
    answer_send(call, &answer, &body);
}

static void job_created(struct pending *pending)
{
    answer_job(pending, 201, true);
}

static void job_changed(struct pending *pending)
{
    answer_job(pending, 200, false);
}

static void job_purged(struct pending *pending)
{
    struct answer answer = answer_new(204, NULL);

    answer_send(pending->call, &answer, NULL);
}

/* Answers a body that was refused, and gives the change up. */
static void refuse_body(struct pending *pending, enum rc rc, const struct problems *problems,
                        const struct err *err)
{
    answer_rejected(pending->call, rc, problems, err);
    pending_drop(pending);
}

/* The Idempotency-Key header, checked. False: it was refused. */
static bool read_idempotency_key(struct call *call, const char **ret_key)
{
    const char *key = http_request_header(call->request, "Idempotency-Key");
    size_t length = key ? strlen(key) : 0;

    if (key && (length == 0 || length > IDEMPOTENCY_KEY_MAX)) {
        answer_bad_field(call, "Idempotency-Key", "must have 1-255 bytes");
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (key[i] > ' ' && key[i] < 127)
            continue;
        answer_bad_field(call, "Idempotency-Key", "must be visible ASCII characters");
        return false;
    }
    *ret_key = key;
    return true;
}

void handle_job_create(struct call *call)
{
    struct pending *pending;
    struct change *change;
    const char *key = NULL;
    struct err err = {0};
    enum rc rc;

    if (!read_idempotency_key(call, &key))
        return;
    pending = pending_new(call, CHANGE_JOB_CREATE, job_created);
    change = &pending->change;
    struct problems problems = {.arena = &change->arena};
    rc = quota_of_jobs(call, &err);
    if (rc == RC_OK)
        rc = job_body_read(call, WIRE_JOB_CREATE, NULL, &problems, &change->job, &err);
    if (rc != RC_OK) {
        refuse_body(pending, rc, &problems, &err);
        return;
    }
    intake_digest(call, change->request_hash);
    change->idempotency_key = arena_strdup(&change->arena, key);
    change->owner = arena_strdup(&change->arena, call->who.account);
    executable_submit(pending);
}

/* The job of the path, into the change's arena, with If-Match obeyed. False: it was refused. */
static bool find_current(struct pending *pending, struct job_found *ret_current)
{
    struct call *call = pending->call;
    const char *match = http_request_header(call->request, "If-Match");
    struct err err = {0};
    enum rc rc =
        job_find_id(call, http_request_parameter(call->request, "id"), &pending->change.id, &err);

    if (rc == RC_OK)
        rc = job_find(call, pending->change.id, &pending->change.arena, ret_current, &err);
    if (rc == RC_OK && match && !etag_list_holds(match, ret_current->revision, false))
        rc =
            err_fail(&err, RC_STALE, "the job has revision %" PRIu64 " now", ret_current->revision);
    if (rc == RC_OK) {
        pending->change.revision = match ? ret_current->revision : 0;
        return true;
    }
    answer_failure(call, rc, &err);
    pending_drop(pending);
    return false;
}

/* Reads the body upon the job as it is and hands the change over. */
static void submit_document(struct pending *pending, const struct job_found *current,
                            enum wire_job_mode mode)
{
    struct change *change = &pending->change;
    struct problems problems = {.arena = &change->arena};
    struct err err = {0};
    enum rc rc;

    if (current->removed)
        rc = err_fail(&err, RC_CONFLICT, "the job was removed and cannot be changed any more");
    else if (current->is_forged) /* a manager would sign what is kept of it */
        rc = err_fail(&err, RC_CONFLICT,
                      "no manager signed what is kept of the job: an administrator is to look at "
                      "it, and to sign it by `cronjob sign`");
    else
        rc = job_body_read(pending->call, mode, current, &problems, &change->job, &err);
    if (rc != RC_OK) {
        refuse_body(pending, rc, &problems, &err);
        return;
    }
    executable_submit(pending);
}

void handle_job_replace(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_JOB_REPLACE, job_changed);
    struct job_found current;

    if (find_current(pending, &current))
        submit_document(pending, &current, WIRE_JOB_REPLACE);
}

/* Applies the patch to the job as it is now; it is refused as stale when somebody else was quicker,
 * and then applied again, unless the client insists on a revision. */
static void submit_patch(struct pending *pending)
{
    struct job_found current;

    if (!find_current(pending, &current))
        return;
    pending->change.revision = current.revision;
    submit_document(pending, &current, WIRE_JOB_PATCH);
}

static bool patch_refused(struct pending *pending)
{
    struct change *change = &pending->change;

    if (change->outcome != RC_STALE || http_request_header(pending->call->request, "If-Match"))
        return false;
    if (++pending->tries >= PATCH_TRIES) {
        change->outcome =
            err_fail(&change->err, RC_BUSY, "others keep changing the job at the same time");
        return false;
    }
    arena_release(&change->arena);
    submit_patch(pending);
    return true;
}

void handle_job_patch(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_JOB_REPLACE, job_changed);

    pending->refused = patch_refused;
    submit_patch(pending);
}

void handle_job_remove(struct call *call)
{
    bool purge = query_boolean(call->request, "purge");
    struct pending *pending = pending_new(call, purge ? CHANGE_JOB_PURGE : CHANGE_JOB_REMOVE,
                                          purge ? job_purged : job_changed);
    struct job_found current;

    if (find_current(pending, &current))
        pending_submit(pending);
}
