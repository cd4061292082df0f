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

enum { SQL_QUERY_VALUES = 24 };

struct sql_query {
    struct buf text;
    struct sql_value values[SQL_QUERY_VALUES]; /* point into the query that it was made of */
    size_t count;
    bool filtered; /* the text has a WHERE */
};

void sql_query_release(struct sql_query *query);
#define AUTO_SQL_QUERY CLEANUP(sql_query_release)

/*
 * Columns: SQL_JOB_COLUMNS, then the document (NULL unless asked for), then the cursor (likewise).
 * With `by_id` the first value is the id of one job, for the caller to set; ids are left out.
 * Derived texts come from the arena.
 */
void sql_query_jobs(struct sql_query *query, const struct job_query *jobs, bool by_id,
                    struct arena *arena);

/*
 * Columns: SQL_RUN_COLUMNS, then the owner. With `by_key` the first four values are a run's key,
 * for the caller to set; keys, skip and limit are left out.
 */
void sql_query_runs(struct sql_query *query, const struct run_query *runs, bool by_key);

/* What documents.search holds: name, executable and description in lower case (ASCII). */
const char *sql_search_text(const struct job *job, struct arena *arena);

#endif
