/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager/change.h: a batch of changes, from the queue to its answers; for change*.c alone.
 *
 * Each is prepared (checked against what is in the store), all are written by one apply(), and then
 * each is settled: tasks are handed out, watchers are told, the API server is answered. A job or a
 * user occurs at most once in a batch, so that each change is prepared from what the one before it
 * wrote.
 */
#ifndef CRONJOB_MANAGER_CHANGE_H
#define CRONJOB_MANAGER_CHANGE_H

#include "base/buf.h"

#include "manager/internal.h"

/* What the store knows of the job of a change before it is made. */
struct snapshot {
    bool found;
    bool removed;
    enum job_status status;
    char worker[LIMIT_NAME + 1];
    bool enabled;
    instant_us starts_at;
    char *schedule; /* of the batch's arena, as the next three */
    char *time_zone;
    struct pairs placement;
    char *owner;
    struct job *job;          /* REPLACE: read from its document, NULL when that cannot be */
    bool claimed;             /* of a run */
    struct user_record *user; /* NULL: there is none */
};

struct pending_change {
    struct change *change;
    struct snapshot before;
    struct buf document;
    int worker;   /* who gets the job or run; -1 nobody */
    size_t write; /* index, when it has one */
    bool writes;
    struct run_key *outputs; /* to remove after a purge */
    size_t output_count;
    bool has_objects; /* some of them may be */
};

struct change_batch {
    struct manager *manager;
    struct arena arena;
    struct pending_change *items;
    size_t count;
    instant_us now;             /* the store's, when it was prepared */
    struct store_write *writes; /* the leader's first */
    size_t write_count;
};

/* Whether it is about the job `id`, which is there already. */
bool change_is_of_job(const struct change *change);

/* change_prepare.c: fills the writes; a change that is refused has its outcome. */
MUST_USE enum rc change_prepare(struct change_batch *batch, struct err *err);

/* The next write of the batch, which is the item's. */
struct store_write *change_add_write(struct change_batch *batch, struct pending_change *item,
                                     enum write_kind kind);

/* change_people.c: what is known of the users that changes are about; and what is written. */
MUST_USE enum rc change_read_users(struct change_batch *batch, struct err *err);
void change_prepare_token(struct change_batch *batch, struct pending_change *item);
void change_prepare_user(struct change_batch *batch, struct pending_change *item);
/* RC_CONFLICT: no manager sealed what the user is. */
MUST_USE enum rc change_prepare_user_change(struct change_batch *batch,
                                            struct pending_change *item);

/* change_audit.c: adds to the writes what is to be known of each change. */
void change_audit(struct change_batch *batch);

/* change_settle.c: acts on what the store answered, and answers each change. */
void change_settle(struct change_batch *batch);

#endif
