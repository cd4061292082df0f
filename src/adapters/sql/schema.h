/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sql/schema.h: the tables, as numbered steps from an empty database to the newest form.
 *
 * A step is never changed once it is released: a change is a new step, and what the last program
 * without it left in SQLite is kept in test/e2e/stores. Instants and spans are
 * microseconds; an enum is its number, so that enums which are kept grow at their end only.
 * What differs between databases is here and nowhere else: struct sql_dialect.
 *
 *     jobs       what is searched and what the agenda needs; narrow, so that scans are quick
 *     documents  the text of each job, and what a search looks into
 *     labels     of jobs
 *     runs       by (scheduled_at, job, attempt, target): the key that claims compete for
 *     outputs    of runs, the short ones; of a long one only that it is in the objects
 *     revisions  what jobs were, for the runs of that time
 *     leader     one row: the newest manager that led
 *     users      and what they may do; `accounts` is a JSON array; `seal` as in wire/seal.h
 *     audit      who did what
 *     workers, tokens, idempotency (keys of POST), schema (which steps were taken)
 */
#ifndef CRONJOB_ADAPTERS_SQL_SCHEMA_H
#define CRONJOB_ADAPTERS_SQL_SCHEMA_H

#include "adapters/sql/driver.h"

struct sql_dialect {
    const char *const *const *steps; /* each a list of statements that ends with NULL */
    int step_count;
    /* Inserts a claimed run unless its key is taken, its job is not as the claim says, or it is
     * not its time. Values: scheduled_at, job, attempt, target, token, worker, revision, deadline,
     * trigger. NULL: claims are not written one by one. */
    const char *claim;
    /* Erase runs of job ?1 and their outputs; each is said again as long as it finds any. */
    const char *purge[2];
    /* Erases what job ?1 was before any of its runs; ports/store.h, REVISION_KEPT. */
    const char *forget;
    /* Sources of many jobs or runs at once whose first value is a JSON array: of ids, or of
     * [scheduled_at, job, attempt, target]. NULL: they are looked up one by one. */
    const char *jobs_of_list;
    const char *runs_of_list;
    const char *cursor; /* of job j, a subquery */
    /* Joins the newest run of job j as r. NULL: it is looked up while the statement that reads the
     * job is open, which only some drivers allow. */
    const char *last_run;
    /* Whether (a, b) < (?, ?) follows an index; otherwise it is spelt out in ANDs and ORs. */
    bool compares_rows;
};

extern const struct sql_dialect sql_dialect_sqlite;
extern const struct sql_dialect sql_dialect_mysql; /* MariaDB and MySQL */

/* Before the others, for who may create tables: the table that holds the steps taken. */
MUST_USE enum rc sql_schema_prepare(struct sql_connection *connection, struct err *err);

/* The newest step that was taken, 0 when there is none; the newest that is known is the dialect's
 * step_count. RC_INVALID: the database was made by a newer version. */
MUST_USE enum rc sql_schema_version(struct sql_connection *connection, int *ret_version,
                                    struct err *err);

/* Takes the step that leads to `version`. */
MUST_USE enum rc sql_schema_step(struct sql_connection *connection, int version, struct err *err);

#endif
