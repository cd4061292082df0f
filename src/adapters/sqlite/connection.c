/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sqlite/connection.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/sql/schema.h"

enum {
    CACHED_STATEMENTS = 64,
    BUSY_MS = 5000, /* between our own connections only, while the log is recovered */
    WRITER_CACHE_KIB = 8192,
    READER_CACHE_KIB = 512,
};

struct sqlite_statement {
    struct sql_statement base;
    sqlite3 *db;
    sqlite3_stmt *statement;
    uint64_t hash;
    bool open;
};

struct sqlite_connection {
    struct sql_connection base;
    sqlite3 *db;
    struct sqlite_statement *cached[CACHED_STATEMENTS];
    size_t cached_count;
    size_t next_evicted;
};

static struct sqlite_connection *of(struct sql_connection *connection)
{
    return container_of(connection, struct sqlite_connection, base);
}

static struct sqlite_statement *statement_of(struct sql_statement *statement)
{
    return container_of(statement, struct sqlite_statement, base);
}

/* SQLite's answer as ours. Extended codes carry the kind in their low byte. */
static enum rc classify(sqlite3 *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
            code == SQLITE_CONSTRAINT_ROWID)
            return RC_CONFLICT;
        return RC_INTERNAL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RC_BUSY;
    case SQLITE_FULL:
        return RC_FULL;
    case SQLITE_TOOBIG:
        return RC_TOO_BIG;
    case SQLITE_IOERR:
        return sqlite3_system_errno(db) == ENOSPC ? RC_FULL : RC_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return RC_IO;
    default:
        return RC_INTERNAL;
    }
}

static enum rc fail(sqlite3 *db, int code, struct err *err)
{
    CHECK((code & 0xff) != SQLITE_NOMEM);
    return err_fail(err, classify(db, code), "database: %s", sqlite3_errmsg(db));
}

/* ---- statements -------------------------------------------------------------------------------
 */

/* Of 8 bytes at a time (Fibonacci hashing): the text of a statement is long and looked up often. */
static uint64_t hash_text(const char *text, size_t length)
{
    uint64_t hash = length;

    for (; length >= 8; text += 8, length -= 8) {
        uint64_t word;

        memcpy(&word, text, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; length; text++, length--)
        hash = (hash ^ (unsigned char)*text) * 0x9e3779b97f4a7c15u;
    return hash;
}

static struct sqlite_statement *find_cached(const struct sqlite_connection *connection,
                                            uint64_t hash, const char *text)
{
    for (size_t i = 0; i < connection->cached_count; i++) {
        struct sqlite_statement *statement = connection->cached[i];

        if (statement->hash == hash && !strcmp(sqlite3_sql(statement->statement), text))
            return statement;
    }
    return NULL;
}

static void statement_free(struct sqlite_statement *statement)
{
    (void)sqlite3_finalize(statement->statement); /* repeats the error of its last step */
    free(statement);
}

/* A place in the cache: the next one whose statement is not open. */
static void keep(struct sqlite_connection *connection, struct sqlite_statement *statement)
{
    struct sqlite_statement **place;

    if (connection->cached_count < CACHED_STATEMENTS) {
        connection->cached[connection->cached_count++] = statement;
        return;
    }
    do {
        place = &connection->cached[connection->next_evicted++ % CACHED_STATEMENTS];
    } while ((*place)->open);
    statement_free(*place);
    *place = statement;
}

static enum rc prepare(struct sqlite_connection *connection, const char *text, size_t length,
                       uint64_t hash, struct sqlite_statement **ret_statement, struct err *err)
{
    struct sqlite_statement *statement;
    sqlite3_stmt *prepared;
    int code = sqlite3_prepare_v3(connection->db, text, (int)length + 1, SQLITE_PREPARE_PERSISTENT,
                                  &prepared, NULL);

    if (code != SQLITE_OK)
        return fail(connection->db, code, err);
    statement = xmalloc(sizeof(*statement));
    *statement = (struct sqlite_statement){.base.driver = connection->base.driver,
                                           .db = connection->db,
                                           .statement = prepared,
                                           .hash = hash};
    keep(connection, statement);
    *ret_statement = statement;
    return RC_OK;
}

static int bind_value(sqlite3_stmt *statement, int index, const struct sql_value *value)
{
    switch (value->kind) {
    case SQL_KIND_NULL:
        return sqlite3_bind_null(statement, index);
    case SQL_KIND_INTEGER:
        return sqlite3_bind_int64(statement, index, value->number);
    case SQL_KIND_TEXT:
        return sqlite3_bind_text64(statement, index, value->data, value->length, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case SQL_KIND_BYTES:
        return sqlite3_bind_blob64(statement, index, value->data, value->length, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static enum rc open_statement(struct sql_connection *base, const char *text,
                              const struct sql_value *values, size_t count,
                              struct sql_statement **ret_statement, struct err *err)
{
    struct sqlite_connection *connection = of(base);
    size_t length = strlen(text);
    uint64_t hash = hash_text(text, length);
    struct sqlite_statement *statement = find_cached(connection, hash, text);
    enum rc rc = RC_OK;

    if (!statement)
        rc = prepare(connection, text, length, hash, &statement, err);
    if (rc != RC_OK)
        return rc;
    CHECK(statement && !statement->open);
    for (size_t i = 0; i < count; i++) {
        int code = bind_value(statement->statement, (int)i + 1, &values[i]);

        if (code != SQLITE_OK)
            return fail(connection->db, code, err);
    }
    statement->open = true;
    *ret_statement = &statement->base;
    return RC_OK;
}

static enum rc step(struct sql_statement *base, bool *ret_row, struct err *err)
{
    struct sqlite_statement *statement = statement_of(base);
    int code = sqlite3_step(statement->statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return fail(statement->db, sqlite3_extended_errcode(statement->db), err);
    *ret_row = code == SQLITE_ROW;
    return RC_OK;
}

static void done(struct sql_statement *base)
{
    struct sqlite_statement *statement = statement_of(base);

    (void)sqlite3_reset(statement->statement); /* repeats the error of its last step */
    statement->open = false;
}

static bool is_null(struct sql_statement *statement, int column)
{
    return sqlite3_column_type(statement_of(statement)->statement, column) == SQLITE_NULL;
}

static int64_t number(struct sql_statement *statement, int column)
{
    return sqlite3_column_int64(statement_of(statement)->statement, column);
}

static const char *text_of(struct sql_statement *statement, int column, size_t *ret_length)
{
    sqlite3_stmt *row = statement_of(statement)->statement;
    const unsigned char *text = sqlite3_column_text(row, column);

    if (ret_length)
        *ret_length = (size_t)sqlite3_column_bytes(row, column);
    return text ? (const char *)text : "";
}

static const void *bytes_of(struct sql_statement *statement, int column, size_t *ret_length)
{
    sqlite3_stmt *row = statement_of(statement)->statement;
    const void *bytes = sqlite3_column_blob(row, column);

    *ret_length = (size_t)sqlite3_column_bytes(row, column);
    return bytes;
}

static int64_t changes(struct sql_connection *connection)
{
    return sqlite3_changes64(of(connection)->db);
}

static int64_t inserted_id(struct sql_connection *connection)
{
    return sqlite3_last_insert_rowid(of(connection)->db);
}

static void connection_free(struct sql_connection *base)
{
    struct sqlite_connection *connection = of(base);

    for (size_t i = 0; i < connection->cached_count; i++)
        statement_free(connection->cached[i]);
    CHECK(sqlite3_close(connection->db) == SQLITE_OK);
    free(connection);
}

static const struct sql_driver driver = {
    .name = "sqlite",
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

/* ---- opening ----------------------------------------------------------------------------------
 */

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* SQLite knows a full disk by ENOSPC only; a quota or a limit of file size is the same to us. */
static ssize_t write_at(int fd, const void *data, size_t length, off64_t offset)
{
    ssize_t written = pwrite64(fd, data, length, offset);

    if (written < 0 && (errno == EDQUOT || errno == EFBIG))
        errno = ENOSPC;
    return written;
}

/* Counting memory takes a lock that all connections share. */
static void configure_library(void)
{
    sqlite3_vfs *vfs;

    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* refused when it runs already: no harm */
    CHECK(sqlite3_initialize() == SQLITE_OK);
    vfs = sqlite3_vfs_find(NULL);
    if (vfs && vfs->iVersion >= 3)
        (void)vfs->xSetSystemCall(vfs, "pwrite64",
                                  (sqlite3_syscall_ptr)(uintptr_t)write_at); /* or as it was */
}

/* The log is synced at every commit: what was answered is kept through a power cut. */
static enum rc configure(sqlite3 *db, enum sqlite_role role, struct err *err)
{
    static const char *const writer[] = {
        "PRAGMA journal_mode = WAL",        "PRAGMA synchronous = FULL",
        "PRAGMA wal_autocheckpoint = 2000", "PRAGMA journal_size_limit = 67108864",
        "PRAGMA foreign_keys = OFF",        "PRAGMA temp_store = MEMORY",
    };
    static const char *const reader[] = {"PRAGMA query_only = ON", "PRAGMA temp_store = MEMORY"};
    const char *const *pragmas = role == SQLITE_WRITER ? writer : reader;
    size_t count = role == SQLITE_WRITER ? ARRAY_SIZE(writer) : ARRAY_SIZE(reader);
    char cache[64];
    int code;

    for (size_t i = 0; i < count; i++) {
        code = sqlite3_exec(db, pragmas[i], NULL, NULL, NULL);
        if (code != SQLITE_OK)
            return fail(db, code, err);
    }
    (void)sqlite3_snprintf(sizeof(cache), cache, "PRAGMA cache_size = -%d",
                           role == SQLITE_WRITER ? WRITER_CACHE_KIB : READER_CACHE_KIB);
    code = sqlite3_exec(db, cache, NULL, NULL, NULL);
    return code == SQLITE_OK ? RC_OK : fail(db, code, err);
}

static void store_now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int64(context, clock_now(sqlite3_user_data(context)));
}

static enum rc add_functions(sqlite3 *db, struct clock *clock, struct err *err)
{
    int code =
        sqlite3_create_function(db, "store_now", 0, SQLITE_UTF8, clock, store_now, NULL, NULL);

    return code == SQLITE_OK ? RC_OK : fail(db, code, err);
}

enum rc sqlite_connection_open(const char *path, enum sqlite_role role, struct clock *clock,
                               struct sql_connection **ret_connection, struct err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (role == SQLITE_WRITER ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    struct sqlite_connection *connection;
    sqlite3 *db;
    int code;
    enum rc rc;

    CHECK(!pthread_once(&once, configure_library));
    code = sqlite3_open_v2(path, &db, flags, NULL);
    rc = code == SQLITE_OK ? RC_OK : fail(db, code, err);
    if (rc == RC_OK) {
        (void)sqlite3_busy_timeout(db, BUSY_MS);
        if (role == SQLITE_READER)
            (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        rc = configure(db, role, err);
    }
    if (rc == RC_OK && clock)
        rc = add_functions(db, clock, err);
    if (rc != RC_OK) {
        (void)sqlite3_close(db); /* nothing is open on it */
        return err_prefix(err, rc, "%s", path);
    }
    connection = xcalloc(1, sizeof(*connection));
    connection->base = (struct sql_connection){&driver, &sql_dialect_sqlite};
    connection->db = db;
    *ret_connection = &connection->base;
    return RC_OK;
}

bool sqlite_in_transaction(struct sql_connection *connection)
{
    return !sqlite3_get_autocommit(of(connection)->db);
}

enum rc sqlite_check(struct sql_connection *connection, struct err *err)
{
    struct sql_statement *row;
    enum rc rc = sql_first(connection, "PRAGMA quick_check(1)", NULL, 0, &row, err);

    if (rc != RC_OK || !row)
        return rc;
    if (strcmp(sql_column_text(row, 0), "ok") != 0)
        rc = err_fail(err, RC_IO, "the database is damaged: %s", sql_column_text(row, 0));
    sql_done(row);
    return rc;
}
