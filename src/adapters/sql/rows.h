/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/sql/rows.h: rows of the tables as the records of the store. */
#ifndef CRONJOB_ADAPTERS_SQL_ROWS_H
#define CRONJOB_ADAPTERS_SQL_ROWS_H

#include "ports/store.h"

#include "adapters/sql/driver.h"

/* What a query must select, in this order, and how many columns that are. */
#define SQL_JOB_COLUMNS                                                                            \
    "j.id, j.revision, j.status, j.removed, j.enabled, j.owner, j.worker, j.created_at,"           \
    " j.updated_at, j.due_since, j.name, j.schedule, j.time_zone, j.type, j.starts_at, j.ends_at," \
    " j.jitter, j.concurrency, j.catch_up, j.catch_up_window, j.on_worker_loss, j.retry_limit,"    \
    " j.retry_delay, j.retry_backoff, j.retry_max_delay, j.retry_elsewhere, j.sha256"
#define SQL_RUN_COLUMNS                                                                            \
    "r.scheduled_at, r.job, r.attempt, r.target, r.token, r.trigger, r.status, r.started_at,"      \
    " r.finished_at, r.exit_code, r.signal, r.output_bytes, r.output_truncated, r.cpu, r.max_rss," \
    " r.revision, r.worker, r.reason, r.request, r.count, r.until, r.sha256"

enum { SQL_JOB_COLUMN_COUNT = 27, SQL_RUN_COLUMN_COUNT = 22 };

/* retries.backoff is kept in millionths. */
enum { SQL_BACKOFF_UNIT = 1000000 };

/* Texts are the statement's own, valid until its next step. */
void sql_row_job(struct sql_statement *row, struct job_record *ret_job);
/* SQL_RUN_COLUMNS begin at column `first`. */
void sql_row_run(struct sql_statement *row, int first, struct run *ret_run);
struct claim_token sql_row_token(struct sql_statement *row);

#endif
