/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: statements are prepared once a connection, and found again by their text. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/mysql/session.h"
#include "adapters/mysql/text.h"

struct mysql_statement {
    struct sql_statement base;
    struct mysql_connection *connection;
    struct mysql_query *query;
    char *source;
    uint64_t hash;
    uint8_t values[MYSQL_TEXT_VALUES];
    size_t value_count;
};

static struct mysql_connection *of(struct sql_connection *connection)
{
    return container_of(connection, struct mysql_connection, base);
}

static struct mysql_statement *statement_of(struct sql_statement *statement)
{
    return container_of(statement, struct mysql_statement, base);
}

static struct mysql_query *query_of(struct sql_statement *statement)
{
    return statement_of(statement)->query;
}

static void statement_free(struct mysql_statement *statement)
{
    mysql_query_free(statement->query);
    free(statement->source);
    free(statement);
}

/* ---- preparing ------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x9e3779b97f4a7c15u;
    return hash;
}

static struct mysql_statement *find_cached(const struct mysql_connection *connection,
                                           const char *source, uint64_t hash)
{
    for (size_t i = 0; i < connection->cached_count; i++) {
        struct mysql_statement *statement = connection->cached[i];

        if (statement->hash == hash && !strcmp(statement->source, source))
            return statement;
    }
    return NULL;
}

static void keep(struct mysql_connection *connection, struct mysql_statement *statement)
{
    struct mysql_statement **place;

    if (connection->cached_count < MYSQL_CACHED_STATEMENTS) {
        connection->cached[connection->cached_count++] = statement;
        return;
    }
    place = &connection->cached[connection->next_evicted++ % MYSQL_CACHED_STATEMENTS];
    statement_free(*place);
    *place = statement;
}

static enum rc prepare(struct mysql_connection *connection, const char *source, uint64_t hash,
                       struct mysql_statement **ret_statement, struct err *err)
{
    mono_us began = clock_mono(connection->clock);
    struct mysql_statement *statement;
    struct mysql_query *query;
    struct mysql_text text;

    mysql_text_init(&text, source, connection->collation, connection->now != NULL);
    query = mysql_query_new(connection->client, text.text.data, text.text.length);
    mysql_text_release(&text);
    if (!query)
        return mysql_session_fail(connection, began, err);
    statement = xcalloc(1, sizeof(*statement));
    *statement = (struct mysql_statement){.base.driver = &mysql_driver,
                                          .connection = connection,
                                          .query = query,
                                          .source = xstrdup(source),
                                          .hash = hash,
                                          .value_count = text.count};
    memcpy(statement->values, text.values, sizeof(statement->values));
    keep(connection, statement);
    *ret_statement = statement;
    return RC_OK;
}

/* ---- executing ------------------------------------------------------------------------------- */

static enum rc execute(struct mysql_statement *statement, const struct sql_value *values,
                       size_t count, struct err *err)
{
    struct mysql_connection *connection = statement->connection;
    mono_us began = clock_mono(connection->clock);
    struct sql_value ordered[MYSQL_TEXT_VALUES];
    struct sql_value now = sql_null();

    if (connection->now)
        now = sql_number(clock_now(connection->now));
    for (size_t i = 0; i < statement->value_count; i++) {
        size_t index = statement->values[i];

        CHECK(index == MYSQL_TEXT_NOW || index < count);
        ordered[i] = index == MYSQL_TEXT_NOW ? now : values[index];
    }
    if (!mysql_query_execute(statement->query, ordered, statement->value_count))
        return mysql_session_fail(connection, began, err);
    return RC_OK;
}

static enum rc open_statement(struct sql_connection *base, const char *text,
                              const struct sql_value *values, size_t count,
                              struct sql_statement **ret_statement, struct err *err)
{
    struct mysql_connection *connection = of(base);
    uint64_t hash = hash_text(text);
    struct mysql_statement *statement = find_cached(connection, text, hash);
    enum rc rc = RC_OK;

    CHECK(!connection->busy);
    if (!statement)
        rc = prepare(connection, text, hash, &statement, err);
    if (rc == RC_OK)
        rc = execute(statement, values, count, err);
    if (rc != RC_OK)
        return rc;
    connection->busy = true;
    *ret_statement = &statement->base;
    return RC_OK;
}

static enum rc step(struct sql_statement *base, bool *ret_row, struct err *err)
{
    struct mysql_statement *statement = statement_of(base);
    mono_us began = clock_mono(statement->connection->clock);
    enum mysql_fetch fetched = mysql_query_fetch(statement->query);

    if (fetched == MYSQL_FETCH_FAILED)
        return mysql_session_fail(statement->connection, began, err);
    *ret_row = fetched == MYSQL_FETCH_ROW;
    return RC_OK;
}

static void done(struct sql_statement *statement)
{
    mysql_query_end(query_of(statement));
    statement_of(statement)->connection->busy = false;
}

static bool is_null(struct sql_statement *statement, int column)
{
    return mysql_query_is_null(query_of(statement), column);
}

static int64_t number(struct sql_statement *statement, int column)
{
    return mysql_query_number(query_of(statement), column);
}

static const char *text_of(struct sql_statement *statement, int column, size_t *ret_length)
{
    return mysql_query_text(query_of(statement), column, ret_length);
}

static const void *bytes_of(struct sql_statement *statement, int column, size_t *ret_length)
{
    return mysql_query_text(query_of(statement), column, ret_length);
}

static int64_t changes(struct sql_connection *connection)
{
    return mysql_client_changes(of(connection)->client);
}

static int64_t inserted_id(struct sql_connection *connection)
{
    return mysql_client_inserted_id(of(connection)->client);
}

static void connection_free(struct sql_connection *base)
{
    struct mysql_connection *connection = of(base);

    for (size_t i = 0; i < connection->cached_count; i++)
        statement_free(connection->cached[i]);
    mysql_client_free(connection->client);
    free(connection);
}

const struct sql_driver mysql_driver = {
    .name = "mysql",
    .open = open_statement,
    .step = step,
    .done = done,
    .is_null = is_null,
    .number = number,
    .text = text_of,
    .bytes = bytes_of,
    .changes = changes,
    .inserted_id = inserted_id,
    .free = connection_free,
};
