/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of each change a record of who asked for it, in the transaction that makes it: neither is there
 * without the other. What only the store can refuse is recorded with the store's answer.
 */
#include <string.h>

#include "base/check.h"

#include "core/audit.h"

#include "manager/change.h"
#include "wire/difference.h"
#include "wire/job.h"
#include "wire/token.h"
#include "wire/user.h"

static const char *const actions[] = {
    [CHANGE_JOB_CREATE] = "job.create",
    [CHANGE_JOB_REPLACE] = "job.change",
    [CHANGE_JOB_REMOVE] = "job.remove",
    [CHANGE_JOB_PURGE] = "job.purge",
    [CHANGE_RUN_NOW] = "run.start",
    [CHANGE_RUN_KILL] = "run.kill",
    [CHANGE_WORKER_DRAIN] = "worker.drain",
    [CHANGE_WORKER_REMOVE] = "worker.remove",
    [CHANGE_TOKEN_CREATE] = "token.create",
    [CHANGE_TOKEN_REVOKE] = "token.revoke",
    [CHANGE_TOKEN_USED] = NULL,
    [CHANGE_USER_CREATE] = "user.create",
    [CHANGE_USER_CHANGE] = "user.change",
    [CHANGE_USER_REMOVE] = "user.remove",
    [CHANGE_AUDIT] = NULL,
};

static const char *action_of(const struct change *change)
{
    if (change->kind == CHANGE_AUDIT)
        return change->audit.action;
    if (change->kind == CHANGE_TOKEN_CREATE && change->access.session)
        return "login";
    return actions[change->kind];
}

static const char *subject_of(const struct change *change, struct arena *arena)
{
    char id[RUN_ID_TEXT];

    switch (change->kind) {
    case CHANGE_JOB_CREATE:
    case CHANGE_JOB_REPLACE:
    case CHANGE_JOB_REMOVE:
    case CHANGE_JOB_PURGE:
        return arena_printf(arena, "%llu", (unsigned long long)change->id);
    case CHANGE_RUN_NOW:
    case CHANGE_RUN_KILL:
        return arena_strdup(arena, run_id_format(&change->run, id));
    case CHANGE_WORKER_DRAIN:
    case CHANGE_WORKER_REMOVE:
        return change->worker;
    case CHANGE_TOKEN_CREATE:
    case CHANGE_TOKEN_REVOKE:
    case CHANGE_TOKEN_USED:
        return change->access.id;
    case CHANGE_USER_CREATE:
    case CHANGE_USER_CHANGE:
    case CHANGE_USER_REMOVE:
        return change->user.record.name;
    case CHANGE_AUDIT:
        return change->audit.subject;
    }
    return "";
}

/* What cannot be written is left out: the change is not to fail for it. */
static const char *keep_text(struct arena *arena, const struct buf *buf)
{
    return buf->failed || !buf->data ? "" : arena_strndup(arena, buf->data, buf->length);
}

static const char *difference(struct arena *arena, const struct buf *document,
                              const struct buf *other)
{
    AUTO_BUF struct buf text;

    buf_init(&text, LIMIT_DOCUMENT);
    return wire_difference(document, other, &text) == RC_OK ? keep_text(arena, &text) : "";
}

static void note_replaced(struct change_batch *batch, const struct pending_change *item,
                          struct audit_record *record)
{
    AUTO_BUF struct buf old;

    buf_init(&old, LIMIT_DOCUMENT);
    if (!item->before.job || wire_job_document(item->before.job, &old) != RC_OK)
        return;
    record->before = difference(&batch->arena, &old, &item->document);
    record->after = difference(&batch->arena, &item->document, &old);
}

static void write_values(const struct change *change, struct json_writer *writer)
{
    if (change->kind == CHANGE_TOKEN_CREATE)
        wire_token_write(writer, &change->access, NULL);
    else if (change->kind == CHANGE_USER_CREATE || change->kind == CHANGE_USER_CHANGE)
        wire_user_write(writer, &change->user.record);
    else
        json_write_boolean(writer, change->draining);
}

static const char *values_of(const struct change *change, struct arena *arena)
{
    struct json_writer writer;
    AUTO_BUF struct buf buf;

    buf_init(&buf, LIMIT_DOCUMENT);
    json_writer_init(&writer, &buf);
    write_values(change, &writer);
    return keep_text(arena, &buf);
}

static void note_values(struct change_batch *batch, const struct pending_change *item,
                        const struct buf *defaults, struct audit_record *record)
{
    const struct change *change = item->change;

    switch (change->kind) {
    case CHANGE_JOB_CREATE:
        record->after = difference(&batch->arena, &item->document, defaults);
        return;
    case CHANGE_JOB_REPLACE:
        note_replaced(batch, item, record);
        return;
    case CHANGE_RUN_NOW:
        record->after = change->request ? change->request : "";
        return;
    case CHANGE_WORKER_DRAIN:
    case CHANGE_TOKEN_CREATE:
    case CHANGE_USER_CREATE:
    case CHANGE_USER_CHANGE:
        record->after = values_of(change, &batch->arena);
        return;
    case CHANGE_JOB_REMOVE:
    case CHANGE_JOB_PURGE:
    case CHANGE_RUN_KILL:
    case CHANGE_WORKER_REMOVE:
    case CHANGE_TOKEN_REVOKE:
    case CHANGE_TOKEN_USED:
    case CHANGE_USER_REMOVE:
    case CHANGE_AUDIT:
        return;
    }
}

static void add_record(struct change_batch *batch, const struct pending_change *item,
                       const struct buf *defaults)
{
    const struct change *change = item->change;
    struct store_write *write = &batch->writes[batch->write_count];
    struct audit_record *record = &write->audit.record;

    *write = (struct store_write){.kind = WRITE_AUDIT};
    *record = change->audit;
    record->at = batch->now;
    record->action = action_of(change);
    record->subject = subject_of(change, &batch->arena);
    record->before = change->audit.before ? change->audit.before : "";
    record->after = "";
    if (change->kind != CHANGE_AUDIT)
        record->outcome = audit_outcome(change->outcome, &change->err);
    if (change->outcome == RC_OK && item->writes)
        write->audit.of = &batch->writes[item->write];
    note_values(batch, item, defaults, record);
    batch->write_count++;
}

/* Of a new job what is not as by default is kept: else most of the log would be defaults. */
void change_audit(struct change_batch *batch)
{
    AUTO_BUF struct buf defaults;
    struct job job = job_default();

    buf_init(&defaults, LIMIT_DOCUMENT);
    CHECK(wire_job_document(&job, &defaults) == RC_OK);
    for (size_t i = 0; i < batch->count; i++) {
        const struct change *change = batch->items[i].change;

        if (change->audit.who && action_of(change))
            add_record(batch, &batch->items[i], &defaults);
    }
}
