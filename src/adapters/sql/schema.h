/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sql/schema.h: the tables, as numbered steps from an empty database to the newest form.
 *
 * A step is never changed once it is released: a change is a new step. Instants and spans are
 * microseconds; an enum is its number, so that enums which are kept grow at their end only.
 * What differs between databases is here and nowhere else: struct sql_dialect.
 *
 *     jobs       what is searched and what the agenda needs; narrow, so that scans are quick
 *     documents  the text of each job, and what a search looks into
 *     labels     of jobs
 *     runs       by (scheduled_at, job, attempt, target): the key that claims compete for
 *     workers, tokens, idempotency (keys of POST), schema (which steps were taken)
 */
#ifndef CRONJOB_ADAPTERS_SQL_SCHEMA_H
#define CRONJOB_ADAPTERS_SQL_SCHEMA_H

#include "adapters/sql/driver.h"

struct sql_dialect {
    const char *const *const *steps; /* each a list of statements that ends with NULL */
    int step_count;
    /* Inserts a claimed run unless its key is taken or its job is not as the claim says. Values:
     * scheduled_at, job, attempt, target, token, trigger, worker, revision. */
    const char *claim;
};

extern const struct sql_dialect sql_dialect_sqlite;

/* Takes the steps that are missing, inside the caller's transaction. RC_INVALID: the database was
 * made by a newer version. */
MUST_USE enum rc sql_schema_upgrade(struct sql_connection *connection,
                                    const struct sql_dialect *dialect, instant_us now,
                                    struct err *err);

#endif
