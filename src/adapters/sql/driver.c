/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/driver.h"

enum rc sql_run(struct sql_connection *connection, const char *text, const struct sql_value *values,
                size_t count, int64_t *ret_changes, struct err *err)
{
    struct sql_statement *statement;
    bool row = true;
    enum rc rc = sql_open(connection, text, values, count, &statement, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row)
        rc = sql_step(statement, &row, err);
    if (rc == RC_OK && ret_changes)
        *ret_changes = connection->driver->changes(connection);
    sql_done(statement);
    return rc;
}

void sql_end(struct sql_connection *connection, const char *text)
{
    enum rc rc = sql_run(connection, text, NULL, 0, NULL, NULL);

    (void)rc; /* a connection that is broken says so at its next use */
}

enum rc sql_first(struct sql_connection *connection, const char *text,
                  const struct sql_value *values, size_t count,
                  struct sql_statement **ret_statement, struct err *err)
{
    struct sql_statement *statement;
    bool row;
    enum rc rc = sql_open(connection, text, values, count, &statement, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_step(statement, &row, err);
    if (rc != RC_OK || !row) {
        sql_done(statement);
        statement = NULL;
    }
    if (rc == RC_OK)
        *ret_statement = statement;
    return rc;
}
