/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements, found again by their text. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/mysql/session.h"
#include "adapters/mysql/text.h"

enum { COLUMN_CAPACITY = 128 };

struct column {
    int64_t number;
    char *data; /* NULL: the column is a number */
    size_t capacity;
    unsigned long length;
    my_bool null;
};

struct mysql_statement {
    struct sql_statement base;
    struct mysql_connection *connection;
    MYSQL_STMT *handle;
    char *source;
    uint64_t hash;
    uint8_t values[MYSQL_TEXT_VALUES];
    size_t parameter_count;
    unsigned column_count;
    struct column *columns;
    MYSQL_BIND *binds; /* of the columns */
    bool has_row;
    bool open;
};

static struct mysql_connection *of(struct sql_connection *connection)
{
    return container_of(connection, struct mysql_connection, base);
}

static struct mysql_statement *statement_of(struct sql_statement *statement)
{
    return container_of(statement, struct mysql_statement, base);
}

static enum rc fail(struct mysql_statement *statement, mono_us began, struct err *err)
{
    const struct mysql_library *library = statement->connection->library;

    return mysql_session_fail(statement->connection, library->stmt_code(statement->handle),
                              library->stmt_text(statement->handle), began, err);
}

void mysql_statement_free(struct mysql_connection *connection, struct mysql_statement *statement)
{
    for (unsigned i = 0; i < statement->column_count; i++)
        free(statement->columns[i].data);
    free(statement->columns);
    free(statement->binds);
    free(statement->source);
    if (statement->handle)
        (void)connection->library->stmt_close(statement->handle); /* tells the server, no more */
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
    mysql_statement_free(connection, *place);
    *place = statement;
}

static bool is_number(enum enum_field_types type)
{
    switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return true;
    default:
        return false;
    }
}

static void bind_column(MYSQL_BIND *bind, struct column *column)
{
    *bind = (MYSQL_BIND){
        .buffer_type = column->data ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG,
        .buffer = column->data ? (void *)column->data : &column->number,
        .buffer_length = column->data ? column->capacity - 1 : sizeof(column->number),
        .length = &column->length,
        .is_null = &column->null,
    };
}

static void make_columns(struct mysql_statement *statement)
{
    const struct mysql_library *library = statement->connection->library;
    MYSQL_RES *result = library->stmt_result_metadata(statement->handle);

    if (!result)
        return;
    statement->column_count = library->num_fields(result);
    statement->columns = xcalloc(statement->column_count, sizeof(*statement->columns));
    statement->binds = xcalloc(statement->column_count, sizeof(*statement->binds));
    for (unsigned i = 0; i < statement->column_count; i++) {
        struct column *column = &statement->columns[i];

        if (!is_number(library->fetch_field_direct(result, i)->type)) {
            column->capacity = COLUMN_CAPACITY;
            column->data = xcalloc(1, column->capacity);
        }
        bind_column(&statement->binds[i], column);
    }
    library->free_result(result);
}

static enum rc prepare(struct mysql_connection *connection, const char *source, uint64_t hash,
                       struct mysql_statement **ret_statement, struct err *err)
{
    const struct mysql_library *library = connection->library;
    struct mysql_statement *statement = xcalloc(1, sizeof(*statement));
    mono_us began = clock_mono(connection->clock);
    struct mysql_text text;
    enum rc rc = RC_OK;

    statement->base.driver = &mysql_driver;
    statement->connection = connection;
    statement->hash = hash;
    statement->source = xstrdup(source);
    statement->handle = library->stmt_init(connection->handle);
    CHECK(statement->handle);
    mysql_text_init(&text, source, connection->collation, connection->now != NULL);
    memcpy(statement->values, text.values, sizeof(statement->values));
    statement->parameter_count = text.count;
    if (library->stmt_prepare(statement->handle, text.text.data, text.text.length))
        rc = fail(statement, began, err);
    mysql_text_release(&text);
    if (rc != RC_OK) {
        mysql_statement_free(connection, statement);
        return rc;
    }
    CHECK(library->stmt_param_count(statement->handle) == statement->parameter_count);
    make_columns(statement);
    keep(connection, statement);
    *ret_statement = statement;
    return RC_OK;
}

/* ---- executing ------------------------------------------------------------------------------- */

/* The server's library wants pointers that are not const, and reads only. */
static void *unconst(const void *data)
{
    union {
        const void *in;
        void *out;
    } pointer = {.in = data};

    return pointer.out;
}

static MYSQL_BIND bind_value(const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_KIND_NULL:
        break;
    case SQL_KIND_INTEGER:
        return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = unconst(&value->number)};
    case SQL_KIND_TEXT:
    case SQL_KIND_BYTES:
        return (MYSQL_BIND){.buffer_type =
                                value->kind == SQL_KIND_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB,
                            .buffer = unconst(value->data ? value->data : ""),
                            .buffer_length = value->length};
    }
    return (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL};
}

static enum rc execute(struct mysql_statement *statement, const struct sql_value *values,
                       size_t count, struct err *err)
{
    struct mysql_connection *connection = statement->connection;
    const struct mysql_library *library = connection->library;
    mono_us began = clock_mono(connection->clock);
    MYSQL_BIND binds[MYSQL_TEXT_VALUES];
    struct sql_value now = sql_null();

    if (connection->now)
        now = sql_number(clock_now(connection->now));
    for (size_t i = 0; i < statement->parameter_count; i++) {
        size_t index = statement->values[i];

        CHECK(index == MYSQL_TEXT_NOW || index < count);
        binds[i] = bind_value(index == MYSQL_TEXT_NOW ? &now : &values[index]);
    }
    if (statement->parameter_count && library->stmt_bind_param(statement->handle, binds))
        return fail(statement, began, err);
    if (library->stmt_execute(statement->handle))
        return fail(statement, began, err);
    if (statement->column_count && library->stmt_bind_result(statement->handle, statement->binds))
        return fail(statement, began, err);
    if (!statement->column_count) {
        connection->changes = (int64_t)library->stmt_affected_rows(statement->handle);
        connection->inserted_id = (int64_t)library->stmt_insert_id(statement->handle);
    }
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
    statement->open = true;
    statement->has_row = false;
    connection->busy = true;
    *ret_statement = &statement->base;
    return RC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Columns that are longer than any before get more room, and are fetched again. */
static enum rc fetch_long_columns(struct mysql_statement *statement, struct err *err)
{
    const struct mysql_library *library = statement->connection->library;
    mono_us began = clock_mono(statement->connection->clock);
    bool grown = false;

    for (unsigned i = 0; i < statement->column_count; i++) {
        struct column *column = &statement->columns[i];

        if (!column->data || column->null || column->length < column->capacity)
            continue;
        column->capacity = column->length + column->length / 2 + 1;
        column->data = xrealloc(column->data, column->capacity, 1);
        bind_column(&statement->binds[i], column);
        if (library->stmt_fetch_column(statement->handle, &statement->binds[i], i, 0))
            return fail(statement, began, err);
        grown = true;
    }
    if (grown && library->stmt_bind_result(statement->handle, statement->binds))
        return fail(statement, began, err);
    return RC_OK;
}

static void end_columns(struct mysql_statement *statement)
{
    for (unsigned i = 0; i < statement->column_count; i++) {
        struct column *column = &statement->columns[i];

        if (column->null) {
            column->number = 0;
            column->length = 0;
        }
        if (column->data)
            column->data[column->length] = '\0';
    }
}

static enum rc step(struct sql_statement *base, bool *ret_row, struct err *err)
{
    struct mysql_statement *statement = statement_of(base);
    mono_us began = clock_mono(statement->connection->clock);
    enum rc rc = RC_OK;
    int code = statement->column_count
                   ? statement->connection->library->stmt_fetch(statement->handle)
                   : MYSQL_NO_DATA;

    if (code == MYSQL_DATA_TRUNCATED)
        rc = fetch_long_columns(statement, err);
    else if (code && code != MYSQL_NO_DATA)
        rc = fail(statement, began, err);
    if (rc != RC_OK)
        return rc;
    if (code != MYSQL_NO_DATA)
        end_columns(statement);
    *ret_row = code != MYSQL_NO_DATA;
    return RC_OK;
}

static void done(struct sql_statement *base)
{
    struct mysql_statement *statement = statement_of(base);

    if (statement->column_count) /* reads what is left; if that fails, the next use says so */
        (void)statement->connection->library->stmt_free_result(statement->handle);
    statement->open = false;
    statement->connection->busy = false;
}

static struct column *column_of(struct sql_statement *base, int column)
{
    struct mysql_statement *statement = statement_of(base);

    CHECK(column >= 0 && (unsigned)column < statement->column_count);
    return &statement->columns[column];
}

static bool is_null(struct sql_statement *statement, int column)
{
    return column_of(statement, column)->null != 0;
}

/* A server may say of a parameter that it selects that it is a text. */
static int64_t number(struct sql_statement *statement, int index)
{
    const struct column *column = column_of(statement, index);

    return column->data ? strtoll(column->data, NULL, 10) : column->number;
}

static const char *text_of(struct sql_statement *statement, int index, size_t *ret_length)
{
    const struct column *column = column_of(statement, index);

    if (ret_length)
        *ret_length = column->data ? column->length : 0;
    return column->data ? column->data : "";
}

static const void *bytes_of(struct sql_statement *statement, int index, size_t *ret_length)
{
    return text_of(statement, index, ret_length);
}

static int64_t changes(struct sql_connection *connection)
{
    return of(connection)->changes;
}

static int64_t inserted_id(struct sql_connection *connection)
{
    return of(connection)->inserted_id;
}

static void connection_free(struct sql_connection *base)
{
    struct mysql_connection *connection = of(base);

    for (size_t i = 0; i < connection->cached_count; i++)
        mysql_statement_free(connection, connection->cached[i]);
    connection->library->close(connection->handle);
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
