/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sql/query.h: the queries of the store as SQL text with bound values.
 *
 * The same shape of query always gives the same text, so that a connection prepares it once. No
 * value of a user is ever part of the text.
 */
#ifndef CRONJOB_ADAPTERS_SQL_QUERY_H
#define CRONJOB_ADAPTERS_SQL_QUERY_H

#include "base/arena.h"
#include "base/buf.h"

#include "ports/store.h"

#include "adapters/sql/driver.h"
#include "adapters/sql/schema.h"

enum { SQL_QUERY_VALUES = 32 };

struct sql_query {
    struct buf text;
    struct sql_value values[SQL_QUERY_VALUES]; /* point into the query that it was made of */
    size_t count;
    bool filtered; /* the text has a WHERE */
};

void sql_query_release(struct sql_query *query);
#define AUTO_SQL_QUERY CLEANUP(sql_query_release)

/* How a query finds its ids or keys. What they are is for the caller to put in front of the other
 * values. */
enum sql_by {
    SQL_BY_NOTHING, /* it has none */
    SQL_BY_ONE,  /* one: an id, or the four parts of a key; without a limit, and runs unordered */
    SQL_BY_LIST, /* all: what the dialect's list takes */
};

/* Columns: SQL_JOB_COLUMNS, then the document, the cursor and the placement (each NULL unless it
 * is asked for), then, when the dialect has `last_run` and it is asked for, SQL_RUN_COLUMNS of the
 * last run, all NULL when there is none. */
void sql_query_jobs(struct sql_query *query, const struct sql_dialect *dialect,
                    const struct job_query *jobs, enum sql_by by, struct arena *arena);

/* Columns: SQL_RUN_COLUMNS, then the owner. */
void sql_query_runs(struct sql_query *query, const struct sql_dialect *dialect,
                    const struct run_query *runs, enum sql_by by);

/* What documents.search holds: name, executable and description in lower case (ASCII). */
const char *sql_search_text(const struct job *job, struct arena *arena);

#endif
