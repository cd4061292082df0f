/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sql/copy.h: everything of one database into another of the same version: jobs with
 * their ids and what they were, runs with their outputs, tokens, workers, idempotency keys. Who
 * leads is not copied.
 *
 * Nobody else uses the source meanwhile. A copy that broke off can be made again: what is there
 * already stays.
 */
#ifndef CRONJOB_ADAPTERS_SQL_COPY_H
#define CRONJOB_ADAPTERS_SQL_COPY_H

#include "adapters/sql/driver.h"

/* Called for each table when it is done: the rows it has, and those that were new. */
typedef void (*sql_copied)(void *context, const char *table, int64_t rows, int64_t added);

MUST_USE enum rc sql_copy(struct sql_connection *from, struct sql_connection *to, sql_copied told,
                          void *context, struct err *err);

/* Whether the database has any job. */
MUST_USE enum rc sql_copy_is_empty(struct sql_connection *connection, bool *ret_empty,
                                   struct err *err);

#endif
