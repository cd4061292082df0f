/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/change.h"

#include <string.h>

#include "base/log.h"

bool change_is_of_job(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_JOB_REPLACE:
    case CHANGE_JOB_REMOVE:
    case CHANGE_JOB_PURGE:
    case CHANGE_RUN_NOW:
        return true;
    case CHANGE_JOB_CREATE:
    case CHANGE_RUN_KILL:
    case CHANGE_WORKER_DRAIN:
    case CHANGE_WORKER_REMOVE:
    case CHANGE_TOKEN_CREATE:
    case CHANGE_TOKEN_REVOKE:
    case CHANGE_TOKEN_USED:
    case CHANGE_USER_CREATE:
    case CHANGE_USER_CHANGE:
    case CHANGE_USER_REMOVE:
    case CHANGE_AUDIT:
        return false;
    }
    return false;
}

static bool is_of_user(const struct change *change)
{
    return change->kind == CHANGE_USER_CREATE || change->kind == CHANGE_USER_CHANGE ||
           change->kind == CHANGE_USER_REMOVE;
}

static bool are_of_one(const struct change *a, const struct change *b)
{
    if (change_is_of_job(a) && change_is_of_job(b))
        return a->id == b->id;
    return is_of_user(a) && is_of_user(b) && !strcmp(a->user.record.name, b->user.record.name);
}

static bool must_wait(const struct change_batch *batch, const struct change *change)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (are_of_one(batch->items[i].change, change))
            return true;
    }
    return false;
}

static size_t count_waiting(const struct manager *manager)
{
    size_t count = 0;

    for (const struct mail *mail = manager->waiting; mail && count < CHANGES_A_STEP;
         mail = mail->next)
        count++;
    return count;
}

/* Moves changes from the queue into the batch; those that must wait for the next one stay. */
static void take_changes(struct change_batch *batch)
{
    struct manager *manager = batch->manager;
    size_t most = count_waiting(manager);

    batch->items = arena_alloc(&batch->arena, most * sizeof(*batch->items));
    batch->writes = arena_alloc(&batch->arena, (2 * most + 1) * sizeof(*batch->writes));
    batch->write_count = 1; /* that of the leader */
    while (manager->waiting && batch->count < most) {
        struct change *change = container_of(manager->waiting, struct change, mail);

        if (must_wait(batch, change))
            break;
        manager->waiting = change->mail.next;
        batch->items[batch->count] = (struct pending_change){.change = change, .worker = -1};
        buf_init(&batch->items[batch->count].document, LIMIT_DOCUMENT);
        batch->count++;
    }
}

/* All that were not refused share the fate of the whole. */
static void refuse_all(struct change_batch *batch, enum rc rc, const struct err *err)
{
    log_warn("changes were not stored", LOG_U64("changes", batch->count), LOG_ERR(err, rc));
    for (size_t i = 0; i < batch->count; i++) {
        struct change *change = batch->items[i].change;

        if (change->outcome == RC_OK) {
            change->outcome = rc;
            change->err = *err;
        }
    }
}

static enum rc commit(struct change_batch *batch, struct err *err)
{
    enum rc rc = change_prepare(batch, err);

    if (rc == RC_OK)
        change_audit(batch);
    if (rc != RC_OK || batch->write_count == 1)
        return rc;
    return manager_apply(batch->manager, batch->writes, batch->write_count, err);
}

bool manager_work_off_changes(struct manager *manager)
{
    struct change_batch batch = {.manager = manager};
    struct err err = {0};
    enum rc rc;

    if (!manager->waiting)
        manager->waiting = mailbox_take_all(&manager->inbox);
    if (!manager->waiting)
        return false;
    take_changes(&batch);
    rc = commit(&batch, &err);
    if (rc != RC_OK)
        refuse_all(&batch, rc, &err);
    if (rc == RC_UNKNOWN) /* what was perhaps written is found */
        manager_reconcile(manager, false);
    change_settle(&batch);
    arena_release(&batch.arena);
    return manager->waiting != NULL;
}

void manager_refuse_changes(struct manager *manager, enum rc rc, const char *why)
{
    while (manager->waiting || (manager->waiting = mailbox_take_all(&manager->inbox))) {
        struct change *change = container_of(manager->waiting, struct change, mail);

        manager->waiting = change->mail.next;
        atomic_fetch_sub(&manager->queued, 1);
        change->outcome = err_fail(&change->err, rc, "%s", why);
        change->done(change);
    }
}
