/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/sql/read.h: the reading half of the store over one connection. Contracts: ports/store.h.
 */
#ifndef CRONJOB_ADAPTERS_SQL_READ_H
#define CRONJOB_ADAPTERS_SQL_READ_H

#include "ports/store.h"

#include "adapters/sql/driver.h"

MUST_USE enum rc sql_read_jobs(struct sql_connection *connection, const struct job_query *query,
                               job_visit visit, void *context, struct err *err);
MUST_USE enum rc sql_read_runs(struct sql_connection *connection, const struct run_query *query,
                               run_visit visit, void *context, struct err *err);
MUST_USE enum rc sql_read_workers(struct sql_connection *connection, worker_visit visit,
                                  void *context, struct err *err);
MUST_USE enum rc sql_read_tokens(struct sql_connection *connection, token_visit visit,
                                 void *context, struct err *err);
MUST_USE enum rc sql_read_users(struct sql_connection *connection, user_visit visit, void *context,
                                struct err *err);
MUST_USE enum rc sql_read_audit(struct sql_connection *connection, const struct audit_query *query,
                                audit_visit visit, void *context, struct err *err);
MUST_USE enum rc sql_read_leader(struct sql_connection *connection,
                                 struct leader_record *ret_leader, struct err *err);
MUST_USE enum rc sql_read_now(struct sql_connection *connection, instant_us *ret_now,
                              struct err *err);
MUST_USE enum rc sql_read_summary(struct sql_connection *connection, const char *owner,
                                  struct store_summary *ret_summary, struct err *err);
MUST_USE enum rc sql_read_output(struct sql_connection *connection, const struct run_key *run,
                                 output_visit visit, void *context, struct err *err);
MUST_USE enum rc sql_read_revision(struct sql_connection *connection, job_id job, uint64_t revision,
                                   document_visit visit, void *context, struct err *err);
MUST_USE enum rc sql_read_hashes(struct sql_connection *connection, hash_visit visit, void *context,
                                 struct err *err);

#endif
