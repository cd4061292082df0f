/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/batch.h: many writes of a kind as one statement.
 *
 * A statement costs a trip over the network and, on Galera, a place in the order of the cluster;
 * a thousand rows in one cost little more than one row. The rows travel as JSON in one parameter,
 * which the server turns into a table, so the statement's text is always the same. Each row keeps
 * the condition that it has alone: what a batch did not do for sure is then written one by one by
 * adapters/sql, which finds the outcome.
 *
 * Both functions are called inside sql_write()'s transaction, but claims also without one.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_BATCH_H
#define CRONJOB_ADAPTERS_MYSQL_BATCH_H

#include "ports/store.h"

#include "adapters/sql/write.h"

/* Writes `count` claims in as few statements as their size allows; each is a transaction when
 * there is none around it, so RC_UNKNOWN is also the answer when a later one failed. Said again it
 * does no harm. */
MUST_USE enum rc mysql_batch_claim(struct sql_connection *connection, struct store_write *writes,
                                   size_t count, struct err *err);

/* Executes writes in their order, or in another one that comes to the same. */
MUST_USE enum rc mysql_batch_write(struct sql_writer *writer, struct store_write *writes,
                                   size_t count, struct err *err);

#endif
