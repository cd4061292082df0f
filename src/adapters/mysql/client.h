/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/client.h: what is used of Connector/C, which stands behind it in client.c alone.
 *
 * The library is loaded when it is first needed, so that who uses no such database does not pay
 * for it. A failure leaves its code and text with the client, until the next one.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_CLIENT_H
#define CRONJOB_ADAPTERS_MYSQL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#include "adapters/sql/driver.h"

struct mysql_client; /* a connection; one thread at a time */
struct mysql_query;  /* a prepared statement, with its row */

struct mysql_client_options {
    const char *host;
    uint16_t port;
    const char *user;
    const char *password;
    const char *database;
    const char *ca_file;    /* NULL: not encrypted */
    unsigned connect_limit; /* seconds */
    unsigned read_limit;
    unsigned write_limit;
};

/* RC_INVALID: the library is not installed. From any thread. */
MUST_USE enum rc mysql_client_new(struct mysql_client **ret_client, struct err *err);
void mysql_client_free(struct mysql_client *client); /* its queries are freed by now */

/* UPDATEs count the rows that they match, also those that stay as they are. Once a client. */
bool mysql_client_connect(struct mysql_client *client, const struct mysql_client_options *options);

unsigned mysql_client_code(const struct mysql_client *client);
const char *mysql_client_text(const struct mysql_client *client);
const char *mysql_client_server(const struct mysql_client *client); /* its version */

/* Of the last query without rows that was executed. */
int64_t mysql_client_changes(const struct mysql_client *client);
int64_t mysql_client_inserted_id(const struct mysql_client *client);

/* NULL: it failed. */
struct mysql_query *mysql_query_new(struct mysql_client *client, const char *text, size_t length);
void mysql_query_free(struct mysql_query *query);

/* A value for each parameter. Rows come as they are fetched; before anything else is executed the
 * query must be ended. */
bool mysql_query_execute(struct mysql_query *query, const struct sql_value *values, size_t count);

enum mysql_fetch { MYSQL_FETCH_ROW, MYSQL_FETCH_END, MYSQL_FETCH_FAILED };
enum mysql_fetch mysql_query_fetch(struct mysql_query *query);
void mysql_query_end(struct mysql_query *query); /* what is left of the rows is thrown away */

/* Of the row. Texts end with a NUL; NULL reads as 0 and "". */
bool mysql_query_is_null(const struct mysql_query *query, int column);
int64_t mysql_query_number(const struct mysql_query *query, int column);
const char *mysql_query_text(const struct mysql_query *query, int column, size_t *ret_length);

#endif
