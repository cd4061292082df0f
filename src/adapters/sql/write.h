/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sql/write.h: the writing half of the store over one connection, inside its transaction.
 *
 * sql_write() executes one write and sets its outcome; RC_OK, whatever the outcome is. Any other
 * answer voids the transaction.
 *
 * A write decides by one statement whose condition is part of it, so that it is right whoever else
 * writes at the same time, on this node of a cluster or on another; only when that statement found
 * nothing to change is it read why. What a write changes beyond its decision follows afterwards.
 */
#ifndef CRONJOB_ADAPTERS_SQL_WRITE_H
#define CRONJOB_ADAPTERS_SQL_WRITE_H

#include "ports/clock.h"
#include "ports/store.h"

#include "adapters/sql/driver.h"
#include "adapters/sql/schema.h"

/* Owned by the thread that is inside apply(). */
struct sql_writer {
    struct sql_connection *connection; /* borrowed */
    struct clock *clock;               /* borrowed; only its mono() is used */
    bool swept;                        /* old idempotency keys were removed, */
    mono_us swept_at;                  /* then */
    bool deposed;                      /* a newer leader was found in this transaction */
};

/* At the beginning of a transaction. */
void sql_write_begin(struct sql_writer *writer);

MUST_USE enum rc sql_write(struct sql_writer *writer, struct store_write *write, struct err *err);

/* ---- the parts of sql_write(), by what they write ------------------------------------------- */

/* The outcome of a write that is refused; answers RC_OK: the transaction goes on. */
MUST_USE enum rc sql_refuse(struct store_write *write, enum rc outcome, const char *format, ...)
    PRINTF(3, 4);

MUST_USE enum rc sql_write_job_create(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_job_replace(struct sql_writer *writer, struct store_write *write,
                                       struct err *err);
MUST_USE enum rc sql_write_job_remove(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_job_purge(struct sql_writer *writer, struct store_write *write,
                                     struct err *err);
MUST_USE enum rc sql_write_job_status(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_job_seal(struct sql_writer *writer, struct store_write *write,
                                    struct err *err);
MUST_USE enum rc sql_write_job_assign(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_run_queue(struct sql_writer *writer, struct store_write *write,
                                     struct err *err);
MUST_USE enum rc sql_write_run_claim(struct sql_writer *writer, struct store_write *write,
                                     struct err *err);
MUST_USE enum rc sql_write_run_waiting(struct sql_writer *writer, struct store_write *write,
                                       struct err *err);
MUST_USE enum rc sql_write_run_started(struct sql_writer *writer, struct store_write *write,
                                       struct err *err);
MUST_USE enum rc sql_write_run_finished(struct sql_writer *writer, struct store_write *write,
                                        struct err *err);
MUST_USE enum rc sql_write_run_record(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_run_lost(struct sql_writer *writer, struct store_write *write,
                                    struct err *err);
MUST_USE enum rc sql_write_run_output(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_run_purge(struct sql_writer *writer, struct store_write *write,
                                     struct err *err);
MUST_USE enum rc sql_write_worker(struct sql_writer *writer, struct store_write *write,
                                  struct err *err);
MUST_USE enum rc sql_write_worker_drain(struct sql_writer *writer, struct store_write *write,
                                        struct err *err);
MUST_USE enum rc sql_write_worker_remove(struct sql_writer *writer, struct store_write *write,
                                         struct err *err);
MUST_USE enum rc sql_write_leader(struct sql_writer *writer, struct store_write *write,
                                  struct err *err);
MUST_USE enum rc sql_write_token_create(struct sql_writer *writer, struct store_write *write,
                                        struct err *err);
MUST_USE enum rc sql_write_token_revoke(struct sql_writer *writer, struct store_write *write,
                                        struct err *err);
MUST_USE enum rc sql_write_token_used(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_token_seal(struct sql_writer *writer, struct store_write *write,
                                      struct err *err);
MUST_USE enum rc sql_write_token_expire(struct sql_writer *writer, struct store_write *write,
                                        struct err *err);
MUST_USE enum rc sql_write_user_create(struct sql_writer *writer, struct store_write *write,
                                       struct err *err);
MUST_USE enum rc sql_write_user_change(struct sql_writer *writer, struct store_write *write,
                                       struct err *err);
MUST_USE enum rc sql_write_user_remove(struct sql_writer *writer, struct store_write *write,
                                       struct err *err);
MUST_USE enum rc sql_write_audit(struct sql_writer *writer, struct store_write *write,
                                 struct err *err);
/* Several in a row by one statement. */
enum { SQL_AUDIT_ROWS = 8 };
MUST_USE enum rc sql_write_audits(struct sql_writer *writer, struct store_write *writes,
                                  size_t count, struct err *err);
MUST_USE enum rc sql_write_audit_expire(struct sql_writer *writer, struct store_write *write,
                                        struct err *err);

/* Keeps what a job is, before it is replaced: if it is there and has the revision (0: any). */
MUST_USE enum rc sql_keep_revision(struct sql_writer *writer, const struct write_job *job,
                                   struct err *err);
/* It was not replaced. */
MUST_USE enum rc sql_drop_revision(struct sql_writer *writer, job_id job, struct err *err);
/* A run was queued that is of this revision. */
MUST_USE enum rc sql_use_revision(struct sql_writer *writer, const struct write_run *run,
                                  struct err *err);
/* After runs of the job were erased: what it was that no run needs any more. */
MUST_USE enum rc sql_forget_revisions(struct sql_writer *writer, job_id job, struct err *err);

/* The revision of a job and whether it was removed; ret_revision is 0 when there is no such job. */
MUST_USE enum rc sql_find_job(struct sql_writer *writer, job_id id, uint64_t *ret_revision,
                              bool *ret_removed, struct err *err);

#endif
