/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/store.h: jobs, runs, workers, users, access tokens and who did what, kept for good.
 *
 * Contract:
 * - apply() takes many writes at once (group commit) and answers RC_OK when all that it accepted is
 * durable. Each write then has its own `outcome`: one that is refused changes nothing and does not
 * disturb the others. Any other answer of apply() is about all of them: RC_UNKNOWN: perhaps they
 * were written; every other (RC_BUSY, RC_UNAVAILABLE, RC_FULL, RC_IO): nothing was. Writes of one
 * call take effect in their order.
 * - A claim is decided only by reading back the runs that carry its token (read_runs by token),
 * never by its outcome.
 * - Writes about a run are conditional on its token and on its not being final: a final status is
 * written once. A result that comes too late is kept as a note on the run (its reason grows by
 * "late result: ..."), and its outcome is RC_STALE. The same start or result said again, as after
 * RC_UNKNOWN, changes nothing and is RC_OK.
 * - A read that follows a write's RC_OK sees it, from any thread. Reads give each record to
 * `visit`, whose pointers are valid during the call only; a visit that answers false ends the read
 * (RC_OK). A visit must not call the store.
 * - Time is the store's own clock: now().
 * - A run keeps the revision of its job that it was claimed for, and the hash (`sha256`) which that
 * revision has. What a revision was is kept while a run that may have it is: it goes some time
 * after, once no run of the job is scheduled before REVISION_KEPT past its replacement.
 * All functions are safe from any thread; apply() calls are serialised.
 */
#ifndef CRONJOB_PORTS_STORE_H
#define CRONJOB_PORTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

#include "core/job.h"
#include "core/record.h"
#include "core/run.h"
#include "core/seal.h"

struct store;

/* ---- what is read -------------------------------------------------------------------------- */

enum job_part {
    JOB_PART_DOCUMENT = 1,
    JOB_PART_LAST_RUN = 2,
    JOB_PART_CURSOR = 4,
    JOB_PART_PLACEMENT = 8,
};

/* Which jobs, in order of id. A zero or NULL member does not restrict, except where noted. */
struct job_query {
    const job_id *ids; /* NULL: all; else these `id_count` */
    size_t id_count;
    job_id after; /* id > after */
    size_t limit; /* 0: no limit */
    int status;   /* -1: any, else enum job_status */
    int type;     /* -1: any, else enum job_type */
    const char *owner;
    const char *worker;
    const char *name;       /* exactly */
    const char *label_name; /* with label_value: has this label */
    const char *label_value;
    const char *text; /* part of name, executable or description, any case of ASCII */
    bool active_only; /* enabled, not removed and not finished: what an agenda needs */
    unsigned parts;   /* enum job_part, or-ed */
};

static inline struct job_query job_query_all(void)
{
    return (struct job_query){.status = -1, .type = -1};
}

/* Which runs, newest first: by (scheduled_at, job, attempt, target) descending. */
struct run_query {
    const struct run_key *keys; /* NULL: all; else these `key_count` */
    size_t key_count;
    const struct claim_token *token;  /* NULL: any */
    const struct claim_token *beside; /* NULL, or: claimed and unfinished, by another token, of jobs
                                         that have a run with this one */
    job_id job;                       /* 0: any */
    const char *owner;                /* NULL: any; else runs of jobs of this owner */
    int status;                       /* -1: any, else enum run_status */
    const char *worker;               /* NULL: any */
    bool unfinished_only;
    const struct run_key *before; /* NULL, or only older than this */
    instant_us since;             /* INSTANT_NONE, or scheduled_at >= since */
    instant_us until;             /* INSTANT_NONE, or scheduled_at < until */
    size_t skip;                  /* leave out the newest so many */
    size_t limit;                 /* 0: no limit */
};

static inline struct run_query run_query_all(void)
{
    return (struct run_query){.status = -1, .since = INSTANT_NONE, .until = INSTANT_NONE};
}

typedef bool (*job_visit)(void *context, const struct job_record *job);
typedef bool (*run_visit)(void *context, const struct run_record *run);
typedef bool (*worker_visit)(void *context, const struct worker_record *worker);
typedef bool (*user_visit)(void *context, const struct user_record *user);
typedef bool (*audit_visit)(void *context, const struct audit_record *record);
typedef bool (*token_visit)(void *context, const struct access_token *token);

/* Which records of the audit, newest first: by id, descending. */
struct audit_query {
    uint64_t before; /* 0, or id < before */
    const char *who; /* NULL: anybody */
    const char *action;
    instant_us since; /* INSTANT_NONE, or at >= since */
    instant_us until; /* INSTANT_NONE, or at < until */
    size_t limit;     /* 0: no limit */
};

/* What a run wrote: as it is here, or where it is (OBJECT_OUTPUTS of ports/objects.h). */
struct kept_output {
    bool in_objects;
    const void *data; /* unless it is in the objects */
    size_t length;
};
typedef void (*output_visit)(void *context, const struct kept_output *output);
typedef void (*document_visit)(void *context, const char *document, size_t length);
typedef bool (*hash_visit)(void *context, const char *sha256); /* false ends the reading */

#define REVISION_KEPT HOUR

/* ---- what is written ----------------------------------------------------------------------- */

enum write_kind {
    WRITE_JOB_CREATE,  /* job, with .status, .owner and .worker; RC_CONFLICT: the name is taken;
                          RC_INVALID: the idempotency key was used for another request */
    WRITE_JOB_REPLACE, /* job, with .status; owner and worker stay; what it was is kept as a
                          revision; RC_NOT_FOUND, RC_STALE (revision), RC_CONFLICT (the name is
                          taken, or the job was removed) */
    WRITE_JOB_REMOVE,  /* job.id, .at, .revision; RC_NOT_FOUND, RC_STALE; it is finished, its queued
                          runs that nobody claimed too (skipped, "removed"); its name is free again;
                          once removed, RC_OK  and nothing changes */
    WRITE_JOB_PURGE,   /* job.id; RC_NOT_FOUND; the job and all its runs are erased */
    WRITE_JOB_STATUS,  /* job.id, .revision, .status, by the agenda; RC_STALE (also: removed),
                          RC_NOT_FOUND */
    WRITE_JOB_SEAL,    /* job.id, .revision, .document: in the place of the document, which says the
                          same; the revision stays; RC_NOT_FOUND, RC_STALE */
    WRITE_JOB_ASSIGN,  /* job.id, .worker; the revision stays; RC_NOT_FOUND */
    WRITE_RUN_QUEUE,   /* run: a run on demand, queued, without a token; with a .revision (not 0) it
                          is of that one, whoever claims it; RC_NOT_FOUND: the job; RC_CONFLICT: the
                          key is taken, or the job was removed */
    WRITE_RUN_CLAIM,   /* claim; no outcome but RC_OK: read back by token */
    WRITE_RUN_WAITING, /* run.key, .token, .reason: why it is still queued; RC_STALE: it is not, or
                          the token is not the run's */
    WRITE_RUN_STARTED, /* run.key, .token, .result.started_at: queued -> running, and the reason why
                          it waited goes; RC_STALE */
    WRITE_RUN_FINISHED, /* run.key, .token (none: of a run that nobody claimed), .result, .reason,
                           .job_status; RC_STALE, RC_NOT_FOUND */
    WRITE_RUN_RECORD,   /* run: a final run that nobody claimed (skipped, missed, with count and
                           until); RC_CONFLICT: the key is taken, but for the same record said again;
                           RC_NOT_FOUND: the job */
    WRITE_RUN_LOST,     /* run.key, .token, .result, .reason: closes an unfinished run of a worker
                           whose lease has run out by the store's clock; RC_STALE: it has not, or the
                           run has ended; RC_NOT_FOUND */
    WRITE_RUN_OUTPUT, /* output: what a run wrote; the first is kept, and saying it again is RC_OK;
                         RC_STALE: the token is not the run's; RC_NOT_FOUND */
    WRITE_RUN_PURGE,  /* run.key; RC_NOT_FOUND; its output goes too */
    WRITE_WORKER,     /* worker: inserted or replaced, but `draining` only inserted, and
                         `lease_until` never lowered: signs of life may overtake each other */
    WRITE_WORKER_DRAIN,  /* worker.name, .draining; RC_NOT_FOUND */
    WRITE_WORKER_REMOVE, /* worker.name: one that is gone for good; RC_NOT_FOUND; RC_CONFLICT: its
                            lease has not run out, or it has unfinished runs */
    WRITE_LEADER, /* leader: its epoch is kept when none newer is. RC_STALE: a newer one is, and all
                     later writes of the same apply() are RC_STALE too, having changed nothing: a
                     manager that was deposed changes nothing */
    WRITE_TOKEN_CREATE, /* access; RC_CONFLICT: the id is taken */
    WRITE_TOKEN_REVOKE, /* access.id; RC_NOT_FOUND */
    WRITE_TOKEN_USED,   /* access.id, .last_used_at, which is never lowered; RC_NOT_FOUND */
    WRITE_TOKEN_SEAL,   /* access.id, .seal; RC_NOT_FOUND */
    WRITE_TOKEN_EXPIRE, /* access.expires_at: those that expired before are erased */
    WRITE_USER_CREATE,  /* user; RC_CONFLICT: the name is taken */
    WRITE_USER_CHANGE,  /* user.name, what `sets` names, and .seal always, which is about the whole;
                           with a password its sessions are erased; RC_NOT_FOUND */
    WRITE_USER_REMOVE,  /* user.name; its tokens are erased as well; RC_NOT_FOUND */
    WRITE_AUDIT,        /* audit: a record, whose id is given */
    WRITE_AUDIT_EXPIRE, /* audit.record.at: those from before it are erased */
};

struct write_job {
    job_id id;         /* CREATE: written by the store */
    uint64_t revision; /* REPLACE, REMOVE, STATUS: what it must be, 0 any; CREATE, REPLACE: written,
                          the new one */
    instant_us at;     /* created_at or updated_at */
    bool due_changed;  /* REPLACE: schedule, time zone, enabled or starts_at changed: due_since
                          becomes `at` */
    const struct job *job;
    const char *document;
    size_t document_length;
    const uint8_t *seal; /* CREATE, REPLACE: NULL, or the key (core/seal.h) by which the document is
                            sealed once id and revision are known: write_job_text() */
    const char *owner;   /* CREATE; REPLACE with .seal: who it is believed to be */
    const char *worker;
    enum job_status status;
    const char *idempotency_key; /* NULL when none; kept for 24 h, per owner */
    const uint8_t *request_hash; /* 32 bytes, with idempotency_key */
    bool replayed; /* CREATE: written; the key was known, id is of the job made then */
};

/*
 * A tick claimed by a worker. Takes effect only if, when it is executed: the job exists, is
 * enabled, not finished and has this revision; now() >= scheduled_at - CLAIM_LEAD; now() <
 * deadline; and the key is free. For `existing`: a queued run without a token is taken over, the
 * job need only exist and not be removed, and a revision that the run was queued with stays.
 */
#define CLAIM_LEAD (250 * MILLISECOND)

/* For adapters: what is kept as the document of a job whose id and new revision are written. */
enum rc write_job_text(const struct write_job *job, struct buf *text);

struct write_claim {
    struct run_key key;
    struct claim_token token;
    const char *worker;
    uint64_t revision;
    enum run_trigger trigger;
    instant_us deadline;
    bool existing;
};

struct write_run {
    struct run_key key;
    struct claim_token token;
    enum run_trigger trigger;
    struct run_result result;
    const char *worker;
    const char *reason;
    const char *request;
    uint64_t revision;
    int64_t count;
    instant_us until;
    enum job_status job_status; /* FINISHED and RECORD: what the job's status becomes */
    bool sets_job_status; /* FINISHED and RECORD: whether it does (never for a removed or newer job)
                           */
};

struct write_output {
    struct run_key key;
    struct claim_token token;
    struct kept_output output; /* at most LIMIT_OUTPUT_SHORT bytes */
};

struct write_user {
    struct user_record record;
    unsigned sets; /* CHANGE: enum user_part, or-ed; the rest stays as it is */
};

struct write_audit {
    struct audit_record record;
    /* A write before it in the same apply(), or NULL: the record tells that write's outcome, and
     * the id of a job that it made. Of a job made before (`replayed`) nothing is recorded. */
    const struct store_write *of;
};

struct store_write {
    enum write_kind kind;
    enum rc outcome; /* written by apply() */
    struct err err;  /* written by apply() when outcome is not RC_OK */
    union {
        struct write_job job;
        struct write_claim claim;
        struct write_run run;
        struct write_output output;
        struct worker_record worker;
        struct access_token access;
        struct write_user user;
        struct write_audit audit;
        struct leader_record leader;
    };
};

struct store_ops {
    const char *name;
    enum rc (*now)(struct store *store, instant_us *ret_now, struct err *err);
    enum rc (*apply)(struct store *store, struct store_write *writes, size_t count,
                     struct err *err);
    enum rc (*read_jobs)(struct store *store, const struct job_query *query, job_visit visit,
                         void *context, struct err *err);
    enum rc (*read_runs)(struct store *store, const struct run_query *query, run_visit visit,
                         void *context, struct err *err);
    enum rc (*read_workers)(struct store *store, worker_visit visit, void *context,
                            struct err *err);
    enum rc (*read_tokens)(struct store *store, token_visit visit, void *context, struct err *err);
    enum rc (*read_users)(struct store *store, user_visit visit, void *context, struct err *err);
    enum rc (*read_audit)(struct store *store, const struct audit_query *query, audit_visit visit,
                          void *context, struct err *err);
    enum rc (*read_leader)(struct store *store, struct leader_record *ret_leader, struct err *err);
    enum rc (*summary)(struct store *store, const char *owner, struct store_summary *ret_summary,
                       struct err *err); /* owner NULL: all */
    /* RC_NOT_FOUND: it is not here, perhaps not yet. */
    enum rc (*read_output)(struct store *store, const struct run_key *run, output_visit visit,
                           void *context, struct err *err);
    /* The document that a job had or has. RC_NOT_FOUND: it is not kept. */
    enum rc (*read_revision)(struct store *store, job_id job, uint64_t revision,
                             document_visit visit, void *context, struct err *err);
    /* The hashes that jobs and kept runs have, each at least once, in no order. */
    enum rc (*read_hashes)(struct store *store, hash_visit visit, void *context, struct err *err);
    void (*free)(struct store *store);
};

struct store {
    const struct store_ops *ops;
};

MUST_USE static inline enum rc store_now(struct store *store, instant_us *ret_now, struct err *err)
{
    return store->ops->now(store, ret_now, err);
}

MUST_USE static inline enum rc store_apply(struct store *store, struct store_write *writes,
                                           size_t count, struct err *err)
{
    return store->ops->apply(store, writes, count, err);
}

MUST_USE static inline enum rc store_read_jobs(struct store *store, const struct job_query *query,
                                               job_visit visit, void *context, struct err *err)
{
    return store->ops->read_jobs(store, query, visit, context, err);
}

MUST_USE static inline enum rc store_read_runs(struct store *store, const struct run_query *query,
                                               run_visit visit, void *context, struct err *err)
{
    return store->ops->read_runs(store, query, visit, context, err);
}

MUST_USE static inline enum rc store_read_workers(struct store *store, worker_visit visit,
                                                  void *context, struct err *err)
{
    return store->ops->read_workers(store, visit, context, err);
}

MUST_USE static inline enum rc store_read_tokens(struct store *store, token_visit visit,
                                                 void *context, struct err *err)
{
    return store->ops->read_tokens(store, visit, context, err);
}

/* All, by name. */
MUST_USE static inline enum rc store_read_users(struct store *store, user_visit visit,
                                                void *context, struct err *err)
{
    return store->ops->read_users(store, visit, context, err);
}

MUST_USE static inline enum rc store_read_audit(struct store *store,
                                                const struct audit_query *query, audit_visit visit,
                                                void *context, struct err *err)
{
    return store->ops->read_audit(store, query, visit, context, err);
}

/* The newest leader; epoch 0 when there never was one. */
MUST_USE static inline enum rc store_read_leader(struct store *store,
                                                 struct leader_record *ret_leader, struct err *err)
{
    return store->ops->read_leader(store, ret_leader, err);
}

MUST_USE static inline enum rc store_read_summary(struct store *store, const char *owner,
                                                  struct store_summary *ret_summary,
                                                  struct err *err)
{
    return store->ops->summary(store, owner, ret_summary, err);
}

MUST_USE static inline enum rc store_read_output(struct store *store, const struct run_key *run,
                                                 output_visit visit, void *context, struct err *err)
{
    return store->ops->read_output(store, run, visit, context, err);
}

MUST_USE static inline enum rc store_read_revision(struct store *store, job_id job,
                                                   uint64_t revision, document_visit visit,
                                                   void *context, struct err *err)
{
    return store->ops->read_revision(store, job, revision, visit, context, err);
}

MUST_USE static inline enum rc store_read_hashes(struct store *store, hash_visit visit,
                                                 void *context, struct err *err)
{
    return store->ops->read_hashes(store, visit, context, err);
}

static inline void store_free(struct store *store)
{
    if (store)
        store->ops->free(store);
}

#endif
