/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/changes.h: what API servers ask of the leading manager. Every change of jobs, runs on
 * demand, workers, users and tokens goes this way.
 *
 * Contract: submit() never waits; `done` is called exactly once, on any thread, when the change is
 * durable or refused, and the change belongs to the manager's side until then. RC_BUSY from
 * submit(): the queue is full, nothing was taken (503 with Retry-After). After close the queue
 * refuses with RC_CLOSED.
 */
#ifndef CRONJOB_PORTS_CHANGES_H
#define CRONJOB_PORTS_CHANGES_H

#include "base/arena.h"
#include "base/mailbox.h"

#include "ports/store.h"

struct changes;
struct change;

enum change_kind {
    CHANGE_JOB_CREATE,    /* job, owner, idempotency_key, request_hash -> id, revision, replayed */
    CHANGE_JOB_REPLACE,   /* id, revision (0: any), job -> revision; RC_NOT_FOUND, RC_STALE,
                             RC_CONFLICT */
    CHANGE_JOB_REMOVE,    /* id, revision (0: any) */
    CHANGE_JOB_PURGE,     /* id */
    CHANGE_RUN_NOW,       /* id, request, revision (0: what the job is) -> run; RC_NOT_FOUND,
                             RC_CONFLICT (the job is removed) */
    CHANGE_RUN_KILL,      /* run; RC_NOT_FOUND, RC_CONFLICT (it has ended) */
    CHANGE_WORKER_DRAIN,  /* worker, draining; RC_NOT_FOUND */
    CHANGE_WORKER_REMOVE, /* worker; RC_NOT_FOUND, RC_CONFLICT (it may live, or has unfinished runs)
                           */
    CHANGE_TOKEN_CREATE,  /* access */
    CHANGE_TOKEN_REVOKE,  /* access.id */
    CHANGE_TOKEN_USED,    /* access.id, .last_used_at; RC_NOT_FOUND */
    CHANGE_USER_CREATE,   /* user; RC_CONFLICT */
    CHANGE_USER_CHANGE,   /* user, of which the parts that `sets` names; RC_NOT_FOUND */
    CHANGE_USER_REMOVE,   /* user.record.name; RC_NOT_FOUND */
    CHANGE_AUDIT,         /* audit: what was asked for and changed nothing */
};

typedef void (*change_callback)(struct change *change);

struct change {
    enum change_kind kind;
    struct arena arena; /* owns everything below */
    job_id id;
    uint64_t revision;
    struct job job;
    const char *owner;
    const char *idempotency_key; /* or NULL */
    uint8_t request_hash[32];
    bool replayed;
    const struct job_record *created; /* CREATE, not replayed: written, the job as it is kept now */
    struct run_key run;
    const char *request; /* "" or JSON, see wire/run.h */
    const char *worker;
    bool draining;
    struct access_token access;
    struct write_user user;
    struct audit_record audit; /* who asks, from where (source), and of a user what it was (before);
                                  the manager fills in the rest. who NULL: none is kept */
    enum rc outcome;
    struct err err;
    change_callback done;
    void *context;    /* the submitter's */
    struct mail mail; /* the queue's */
};

struct changes_ops {
    const char *name;
    enum rc (*submit)(struct changes *changes, struct change *change, struct err *err);
    void (*free)(struct changes *changes);
};

struct changes {
    const struct changes_ops *ops;
};

MUST_USE static inline enum rc changes_submit(struct changes *changes, struct change *change,
                                              struct err *err)
{
    return changes->ops->submit(changes, change, err);
}

static inline void changes_free(struct changes *changes)
{
    if (changes)
        changes->ops->free(changes);
}

#endif
