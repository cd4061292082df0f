/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sql/schema.h"

#define CREATE_SCHEMA                                                   \
    "CREATE TABLE IF NOT EXISTS `schema` (version INTEGER PRIMARY KEY," \
    " taken_at BIGINT NOT NULL)"

enum rc sql_schema_prepare(struct sql_connection *connection, struct err *err)
{
    return sql_run(connection, CREATE_SCHEMA, NULL, 0, NULL, err);
}

enum rc sql_schema_version(struct sql_connection *connection, int *ret_version, struct err *err)
{
    int known = connection->dialect->step_count;
    struct sql_statement *row;
    int64_t version;
    enum rc rc = sql_first(connection, "SELECT max(version) FROM `schema`", NULL, 0, &row, err);

    if (rc != RC_OK)
        return rc;
    version = row ? sql_column_number(row, 0) : 0;
    sql_done(row);
    if (version > known)
        return err_fail(err, RC_INVALID,
                        "the database has tables of version %lld, this program knows %d: use a "
                        "newer program",
                        (long long)version, known);
    *ret_version = (int)version;
    return RC_OK;
}

enum rc sql_schema_step(struct sql_connection *connection, int version, struct err *err)
{
    struct sql_value values[] = {sql_number(version)};

    for (const char *const *text = connection->dialect->steps[version - 1]; *text; text++) {
        enum rc rc = sql_run(connection, *text, NULL, 0, NULL, err);

        if (rc != RC_OK && rc != RC_CONFLICT) /* what a broken step has left is there already */
            return err_prefix(err, rc, "step %d of the tables", version);
    }
    return sql_run(connection, "INSERT INTO `schema` (version, taken_at) VALUES (?1, store_now())",
                   SQL_VALUES(values), NULL, err);
}
