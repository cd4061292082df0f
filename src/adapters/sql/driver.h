/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sql/driver.h: one connection to an SQL database, as the shared SQL layer sees it.
 *
 * Texts are what all databases take: names that some reserve are in backquotes (`key`, `signal`,
 * `trigger`, `schema`), and store_now() is the store's clock in microseconds, read when the
 * statement is executed. What cannot be said in common words is in the dialect.
 *
 * Contract of a driver:
 * - A connection serves one thread at a time. Statements are prepared once per connection and
 *   found again by their text; one that is open must be closed with done() before it is opened
 *   again, and, where the dialect has `last_run`, before any other.
 * - open() binds `values` to ?1, ?2, ... (or, in a text without numbers, to each ?), which must
 *   live until done(). step() moves to the next row; with the last one, or for a statement without
 *   rows, ret_row is false.
 * - A statement that fails changes nothing by itself. RC_CONFLICT: a key that must be unique is
 *   taken. Every other failure (RC_FULL, RC_BUSY, RC_IO, RC_UNAVAILABLE, ...) voids the whole
 *   transaction; after RC_UNKNOWN the connection is gone, and so is the answer.
 * - Columns count from 0; texts are valid until the next step() or done(), and end with a NUL.
 *   NULL reads as 0 and "".
 */
#ifndef CRONJOB_ADAPTERS_SQL_DRIVER_H
#define CRONJOB_ADAPTERS_SQL_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/instant.h"

struct sql_connection;
struct sql_dialect; /* adapters/sql/schema.h */
struct sql_statement;

enum sql_kind { SQL_KIND_NULL, SQL_KIND_INTEGER, SQL_KIND_TEXT, SQL_KIND_BYTES };

struct sql_value {
    enum sql_kind kind;
    int64_t number;
    const void *data;
    size_t length;
};

static inline struct sql_value sql_null(void)
{
    return (struct sql_value){.kind = SQL_KIND_NULL};
}

static inline struct sql_value sql_number(int64_t number)
{
    return (struct sql_value){.kind = SQL_KIND_INTEGER, .number = number};
}

static inline struct sql_value sql_text_of(const char *text, size_t length)
{
    return (struct sql_value){.kind = SQL_KIND_TEXT, .data = text, .length = length};
}

static inline struct sql_value sql_text(const char *text)
{
    return text ? sql_text_of(text, strlen(text)) : sql_text_of("", 0);
}

static inline struct sql_value sql_bytes(const void *data, size_t length)
{
    return (struct sql_value){.kind = SQL_KIND_BYTES, .data = data, .length = length};
}

/* INSTANT_NONE is kept as NULL. */
static inline struct sql_value sql_instant(instant_us instant)
{
    return instant == INSTANT_NONE ? sql_null() : sql_number(instant);
}

struct sql_driver {
    const char *name;
    enum rc (*open)(struct sql_connection *connection, const char *text,
                    const struct sql_value *values, size_t count,
                    struct sql_statement **ret_statement, struct err *err);
    enum rc (*step)(struct sql_statement *statement, bool *ret_row, struct err *err);
    void (*done)(struct sql_statement *statement);
    bool (*is_null)(struct sql_statement *statement, int column);
    int64_t (*number)(struct sql_statement *statement, int column);
    const char *(*text)(struct sql_statement *statement, int column, size_t *ret_length);
    const void *(*bytes)(struct sql_statement *statement, int column, size_t *ret_length);
    /* Of the last statement that changed rows: how many it matched, the id that was given. */
    int64_t (*changes)(struct sql_connection *connection);
    int64_t (*inserted_id)(struct sql_connection *connection);
    void (*free)(struct sql_connection *connection);
};

struct sql_connection {
    const struct sql_driver *driver;
    const struct sql_dialect *dialect;
};

struct sql_statement {
    const struct sql_driver *driver;
};

MUST_USE static inline enum rc sql_open(struct sql_connection *connection, const char *text,
                                        const struct sql_value *values, size_t count,
                                        struct sql_statement **ret_statement, struct err *err)
{
    return connection->driver->open(connection, text, values, count, ret_statement, err);
}

MUST_USE static inline enum rc sql_step(struct sql_statement *statement, bool *ret_row,
                                        struct err *err)
{
    return statement->driver->step(statement, ret_row, err);
}

static inline void sql_done(struct sql_statement *statement)
{
    if (statement)
        statement->driver->done(statement);
}

static inline bool sql_is_null(struct sql_statement *statement, int column)
{
    return statement->driver->is_null(statement, column);
}

static inline int64_t sql_column_number(struct sql_statement *statement, int column)
{
    return statement->driver->number(statement, column);
}

static inline instant_us sql_column_instant(struct sql_statement *statement, int column)
{
    return sql_is_null(statement, column) ? INSTANT_NONE : sql_column_number(statement, column);
}

static inline const char *sql_column_text(struct sql_statement *statement, int column)
{
    return statement->driver->text(statement, column, NULL);
}

static inline const char *sql_column_text_of(struct sql_statement *statement, int column,
                                             size_t *ret_length)
{
    return statement->driver->text(statement, column, ret_length);
}

static inline const void *sql_column_bytes(struct sql_statement *statement, int column,
                                           size_t *ret_length)
{
    return statement->driver->bytes(statement, column, ret_length);
}

static inline int64_t sql_inserted_id(struct sql_connection *connection)
{
    return connection->driver->inserted_id(connection);
}

static inline void sql_connection_free(struct sql_connection *connection)
{
    if (connection)
        connection->driver->free(connection);
}

/* Opens, steps to the end and closes a statement; ret_changes (may be NULL): rows it matched. */
MUST_USE enum rc sql_run(struct sql_connection *connection, const char *text,
                         const struct sql_value *values, size_t count, int64_t *ret_changes,
                         struct err *err);

/* Ends a transaction whose end has nothing to lose: of a reader, or rolled back. */
void sql_end(struct sql_connection *connection, const char *text);

/* Opens a statement and steps to its first row. ret_statement is NULL when there is none, else the
 * caller calls sql_done(). */
MUST_USE enum rc sql_first(struct sql_connection *connection, const char *text,
                           const struct sql_value *values, size_t count,
                           struct sql_statement **ret_statement, struct err *err);

/* The arguments of a statement, from an array: SQL_VALUES(values) is values, count. */
#define SQL_VALUES(array) (array), ARRAY_SIZE(array)

#endif
