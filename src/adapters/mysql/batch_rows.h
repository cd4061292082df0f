/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/mysql/batch_rows.h: rows of writes as JSON, for one statement. */
#ifndef CRONJOB_ADAPTERS_MYSQL_BATCH_ROWS_H
#define CRONJOB_ADAPTERS_MYSQL_BATCH_ROWS_H

#include "base/buf.h"

#include "core/run.h"

#include "ports/store.h"

#include "adapters/sql/driver.h"
#include "wire/json.h"

/* At most so many rows in a statement, and so many bytes, or a single row that is longer. */
enum { BATCH_ROWS = 1000, BATCH_BYTES = 512 * 1024 };

/* The table b in a statement: the columns every row has, and `more`, from '$[6]' on. */
#define BATCH_TABLE(more)                                                                   \
    "JSON_TABLE(?1, '$[*]' COLUMNS (n BIGINT PATH '$[0]', scheduled_at BIGINT PATH '$[1]'," \
    " job BIGINT PATH '$[2]', attempt BIGINT PATH '$[3]', target BIGINT PATH '$[4]',"       \
    " token CHAR(32) PATH '$[5]'" more ")) b"
#define BATCH_SAME_RUN                                   \
    " r.scheduled_at = b.scheduled_at AND r.job = b.job" \
    " AND r.attempt = b.attempt AND r.target = b.target"

struct batch_rows {
    struct buf text;
    struct json_writer json;
    size_t count;
};

void batch_rows_init(struct batch_rows *rows);
void batch_rows_release(struct batch_rows *rows);
void batch_rows_clear(struct batch_rows *rows);

bool batch_rows_is_full(const struct batch_rows *rows);

/* Begins a row with its number n and the columns every row has; the caller adds the others to
 * rows->json and ends it. */
void batch_rows_begin(struct batch_rows *rows, size_t n, const struct run_key *key,
                      const struct claim_token *token);
void batch_rows_end(struct batch_rows *rows);
void batch_rows_instant(struct batch_rows *rows, instant_us instant);
void batch_rows_bytes(struct batch_rows *rows, const void *data, size_t length); /* for unhex() */

/* The statement with its rows; ret_changes as of sql_run(). */
MUST_USE enum rc batch_rows_run(struct batch_rows *rows, struct sql_connection *connection,
                                const char *text, int64_t *ret_changes, struct err *err);

/* A query for n of rows: `visit` each. */
MUST_USE enum rc batch_rows_query(struct batch_rows *rows, struct sql_connection *connection,
                                  const char *text, void (*visit)(void *context, size_t n),
                                  void *context, struct err *err);

#endif
