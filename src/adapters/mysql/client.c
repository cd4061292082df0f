/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/client.h"

#include <fcntl.h>
#include <mariadb/mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/library.h"
#include "base/mem.h"

enum { PARAMETERS = 64, COLUMN_CAPACITY = 128 };

struct mysql_client {
    MYSQL *handle;
    unsigned code;
    char text[400];
    int64_t changes;
    int64_t inserted_id;
};

struct column {
    int64_t number;
    char *data; /* NULL: the column is a number */
    size_t capacity;
    unsigned long length;
    my_bool null;
};

struct mysql_query {
    struct mysql_client *client;
    MYSQL_STMT *handle;
    size_t parameter_count;
    unsigned column_count;
    struct column *columns;
    MYSQL_BIND *binds; /* of the columns */
    bool moved;        /* a column: the library does not know yet where to */
};

/* ---- the library ----------------------------------------------------------------------------- */

/* clang-format off */
#define LIBRARY_TABLE(X)                                         \
    X(server_init,          mysql_server_init)                   \
    X(init,                 mysql_init)                          \
    X(optionsv,             mysql_optionsv)                      \
    X(real_connect,         mysql_real_connect)                  \
    X(close,                mysql_close)                         \
    X(code,                 mysql_errno)                         \
    X(text,                 mysql_error)                         \
    X(get_server_info,      mysql_get_server_info)               \
    X(get_socket,           mysql_get_socket)                    \
    X(fetch_field_direct,   mysql_fetch_field_direct)            \
    X(num_fields,           mysql_num_fields)                    \
    X(free_result,          mysql_free_result)                   \
    X(stmt_init,            mysql_stmt_init)                     \
    X(stmt_prepare,         mysql_stmt_prepare)                  \
    X(stmt_bind_param,      mysql_stmt_bind_param)               \
    X(stmt_execute,         mysql_stmt_execute)                  \
    X(stmt_result_metadata, mysql_stmt_result_metadata)          \
    X(stmt_bind_result,     mysql_stmt_bind_result)              \
    X(stmt_fetch,           mysql_stmt_fetch)                    \
    X(stmt_fetch_column,    mysql_stmt_fetch_column)             \
    X(stmt_free_result,     mysql_stmt_free_result)              \
    X(stmt_close,           mysql_stmt_close)                    \
    X(stmt_code,            mysql_stmt_errno)                    \
    X(stmt_text,            mysql_stmt_error)                    \
    X(stmt_param_count,     mysql_stmt_param_count)              \
    X(stmt_affected_rows,   mysql_stmt_affected_rows)            \
    X(stmt_insert_id,       mysql_stmt_insert_id)
/* clang-format on */

static struct library {
    LIBRARY_TABLE(LIBRARY_MEMBER)
} library;
static const struct library_symbol symbols[] = {LIBRARY_TABLE(LIBRARY_SYMBOL)};

static enum rc loaded; /* that, and why not, is written once, by load() */
static struct err failure;

static void load(void)
{
    loaded = library_load("libmariadb.so.3", symbols, ARRAY_SIZE(symbols), &library, &failure);
    if (loaded == RC_OK && library.server_init(0, NULL, NULL) != 0)
        loaded = err_fail(&failure, RC_UNAVAILABLE, "libmariadb cannot be initialised");
}

/* ---- connections ----------------------------------------------------------------------------- */

enum rc mysql_client_new(struct mysql_client **ret_client, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct mysql_client *client;

    CHECK(!pthread_once(&once, load));
    if (loaded != RC_OK)
        return err_fail(err, RC_INVALID, "no client of MariaDB: %s", failure.message);
    client = xcalloc(1, sizeof(*client));
    client->handle = library.init(NULL);
    CHECK(client->handle);
    *ret_client = client;
    return RC_OK;
}

void mysql_client_free(struct mysql_client *client)
{
    library.close(client->handle);
    free(client);
}

static void note_failure(struct mysql_client *client, unsigned code, const char *text)
{
    client->code = code;
    (void)snprintf(client->text, sizeof(client->text), "%s", text); /* cut is fine */
}

static void set_options(MYSQL *handle, const struct mysql_client_options *options)
{
    unsigned protocol = MYSQL_PROTOCOL_TCP;
    my_bool yes = 1, no = 0;

    /* None of these is refused by the library that the header is of. */
    (void)library.optionsv(handle, MYSQL_OPT_CONNECT_TIMEOUT, &options->connect_limit);
    (void)library.optionsv(handle, MYSQL_OPT_READ_TIMEOUT, &options->read_limit);
    (void)library.optionsv(handle, MYSQL_OPT_WRITE_TIMEOUT, &options->write_limit);
    (void)library.optionsv(handle, MYSQL_OPT_PROTOCOL, &protocol);
    (void)library.optionsv(handle, MYSQL_OPT_RECONNECT, &no);
    (void)library.optionsv(handle, MYSQL_REPORT_DATA_TRUNCATION, &yes);
    (void)library.optionsv(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!options->ca_file)
        return;
    (void)library.optionsv(handle, MYSQL_OPT_SSL_CA, options->ca_file);
    (void)library.optionsv(handle, MYSQL_OPT_SSL_ENFORCE, &yes);
    (void)library.optionsv(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
}

/* Runs are executed by processes that must not inherit the connection. */
static void close_on_exec(MYSQL *handle)
{
    int fd = library.get_socket(handle);
    int flags = fcntl(fd, F_GETFD);

    if (flags >= 0)
        (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC); /* it cannot fail for an open file */
}

bool mysql_client_connect(struct mysql_client *client, const struct mysql_client_options *options)
{
    set_options(client->handle, options);
    if (!library.real_connect(client->handle, options->host, options->user, options->password,
                              options->database, options->port, NULL, CLIENT_FOUND_ROWS)) {
        note_failure(client, library.code(client->handle), library.text(client->handle));
        return false;
    }
    close_on_exec(client->handle);
    return true;
}

unsigned mysql_client_code(const struct mysql_client *client)
{
    return client->code;
}

const char *mysql_client_text(const struct mysql_client *client)
{
    return client->text;
}

const char *mysql_client_server(const struct mysql_client *client)
{
    return library.get_server_info(client->handle);
}

int64_t mysql_client_changes(const struct mysql_client *client)
{
    return client->changes;
}

int64_t mysql_client_inserted_id(const struct mysql_client *client)
{
    return client->inserted_id;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static bool fail(struct mysql_query *query)
{
    note_failure(query->client, library.stmt_code(query->handle), library.stmt_text(query->handle));
    return false;
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

static void make_columns(struct mysql_query *query)
{
    MYSQL_RES *result = library.stmt_result_metadata(query->handle);

    if (!result)
        return;
    query->column_count = library.num_fields(result);
    query->columns = xcalloc(query->column_count, sizeof(*query->columns));
    query->binds = xcalloc(query->column_count, sizeof(*query->binds));
    for (unsigned i = 0; i < query->column_count; i++) {
        struct column *column = &query->columns[i];

        if (!is_number(library.fetch_field_direct(result, i)->type)) {
            column->capacity = COLUMN_CAPACITY;
            column->data = xcalloc(1, column->capacity);
        }
        bind_column(&query->binds[i], column);
    }
    library.free_result(result);
}

struct mysql_query *mysql_query_new(struct mysql_client *client, const char *text, size_t length)
{
    struct mysql_query *query = xcalloc(1, sizeof(*query));

    query->client = client;
    query->handle = library.stmt_init(client->handle);
    CHECK(query->handle);
    if (library.stmt_prepare(query->handle, text, length)) {
        (void)fail(query);
        mysql_query_free(query);
        return NULL;
    }
    query->parameter_count = library.stmt_param_count(query->handle);
    CHECK(query->parameter_count <= PARAMETERS);
    make_columns(query);
    return query;
}

void mysql_query_free(struct mysql_query *query)
{
    for (unsigned i = 0; i < query->column_count; i++)
        free(query->columns[i].data);
    free(query->columns);
    free(query->binds);
    (void)library.stmt_close(query->handle); /* tells the server, which may be gone */
    free(query);
}

/* ---- executing ------------------------------------------------------------------------------- */

/* The library wants pointers that are not const, and only reads. */
static void *unconst(const void *data)
{
    void *pointer;

    memcpy(&pointer, &data, sizeof(pointer));
    return pointer;
}

static MYSQL_BIND bind_value(const struct sql_value *value)
{
    MYSQL_BIND bind = {.buffer_type = MYSQL_TYPE_NULL};

    switch (value->kind) {
    case SQL_KIND_NULL:
        break;
    case SQL_KIND_INTEGER:
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.buffer = unconst(&value->number);
        break;
    case SQL_KIND_TEXT:
    case SQL_KIND_BYTES:
        bind.buffer_type = value->kind == SQL_KIND_TEXT ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
        bind.buffer = unconst(value->data ? value->data : "");
        bind.buffer_length = value->length;
        break;
    }
    return bind;
}

bool mysql_query_execute(struct mysql_query *query, const struct sql_value *values, size_t count)
{
    MYSQL_BIND binds[PARAMETERS];

    CHECK(count == query->parameter_count);
    for (size_t i = 0; i < count; i++)
        binds[i] = bind_value(&values[i]);
    if (count && library.stmt_bind_param(query->handle, binds))
        return fail(query);
    if (library.stmt_execute(query->handle))
        return fail(query);
    query->moved = query->column_count > 0;
    if (query->moved)
        return true;
    query->client->changes = (int64_t)library.stmt_affected_rows(query->handle);
    query->client->inserted_id = (int64_t)library.stmt_insert_id(query->handle);
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Before a row, not after it: Connector/C 10.11.18 then also forgets how long its columns are. */
static bool tell_where(struct mysql_query *query)
{
    if (!query->moved)
        return true;
    query->moved = false;
    return !library.stmt_bind_result(query->handle, query->binds) || fail(query);
}

/* Columns that are longer than any before get more room, and are fetched again. */
static bool fetch_long_columns(struct mysql_query *query)
{
    for (unsigned i = 0; i < query->column_count; i++) {
        struct column *column = &query->columns[i];

        if (!column->data || column->null || column->length < column->capacity)
            continue;
        column->capacity = column->length + column->length / 2 + 1;
        column->data = xrealloc(column->data, column->capacity, 1);
        bind_column(&query->binds[i], column);
        query->moved = true;
        if (library.stmt_fetch_column(query->handle, &query->binds[i], i, 0))
            return fail(query);
    }
    return true;
}

static void end_columns(struct mysql_query *query)
{
    for (unsigned i = 0; i < query->column_count; i++) {
        struct column *column = &query->columns[i];

        if (column->null) {
            column->number = 0;
            column->length = 0;
        }
        if (column->data)
            column->data[column->length] = '\0';
    }
}

enum mysql_fetch mysql_query_fetch(struct mysql_query *query)
{
    int code;

    if (!tell_where(query))
        return MYSQL_FETCH_FAILED;
    code = query->column_count ? library.stmt_fetch(query->handle) : MYSQL_NO_DATA;
    if (code == MYSQL_NO_DATA)
        return MYSQL_FETCH_END;
    if (code && code != MYSQL_DATA_TRUNCATED) {
        (void)fail(query);
        return MYSQL_FETCH_FAILED;
    }
    if (code == MYSQL_DATA_TRUNCATED && !fetch_long_columns(query))
        return MYSQL_FETCH_FAILED;
    end_columns(query);
    return MYSQL_FETCH_ROW;
}

void mysql_query_end(struct mysql_query *query)
{
    if (query->column_count) /* if that fails, the next use says so */
        (void)library.stmt_free_result(query->handle);
}

static const struct column *column_of(const struct mysql_query *query, int column)
{
    CHECK(column >= 0 && (unsigned)column < query->column_count);
    return &query->columns[column];
}

bool mysql_query_is_null(const struct mysql_query *query, int column)
{
    return column_of(query, column)->null != 0;
}

/* A server may say of a parameter that it selects that it is a text. */
int64_t mysql_query_number(const struct mysql_query *query, int column)
{
    const struct column *value = column_of(query, column);

    return value->data ? strtoll(value->data, NULL, 10) : value->number;
}

const char *mysql_query_text(const struct mysql_query *query, int column, size_t *ret_length)
{
    const struct column *value = column_of(query, column);

    if (ret_length)
        *ret_length = value->data ? value->length : 0;
    return value->data ? value->data : "";
}
