/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sqlite/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/sql/read.h"
#include "adapters/sql/write.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/lock.h"
#include "adapters/sqlite/pool.h"

enum { CHECKED_SIZE = 64 * 1024 * 1024 };

struct sqlite_store {
    struct store base;
    char *path;
    struct clock *clock;
    struct sqlite_lock lock;
    pthread_mutex_t writing; /* protects `writer` and its connection */
    struct sql_writer writer;
    struct sqlite_pool readers;
};

static struct sqlite_store *of(struct store *store)
{
    return container_of(store, struct sqlite_store, base);
}

static enum rc now(struct store *store, instant_us *ret_now, struct err *err)
{
    (void)err; /* a clock cannot fail */
    *ret_now = clock_now(of(store)->clock);
    return RC_OK;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static void roll_back(struct sql_connection *connection)
{
    if (sqlite_in_transaction(connection))
        sql_end(connection, "ROLLBACK");
}

/* A commit that failed for want of space wrote nothing. After any other failure of input or output
 * the log's end may be on the disk or not, which only the next recovery would tell. */
static enum rc commit(struct sql_connection *connection, struct err *err)
{
    enum rc rc = sql_run(connection, "COMMIT", NULL, 0, NULL, err);

    return rc == RC_IO ? RC_UNKNOWN : rc;
}

static enum rc transact(struct sql_writer *writer, struct store_write *writes, size_t count,
                        struct err *err)
{
    enum rc rc = sql_run(writer->connection, "BEGIN IMMEDIATE", NULL, 0, NULL, err);

    sql_write_begin(writer);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = sql_write(writer, &writes[i], err);
    if (rc == RC_OK)
        rc = commit(writer->connection, err);
    if (rc != RC_OK)
        roll_back(writer->connection);
    return rc;
}

static enum rc apply(struct store *store, struct store_write *writes, size_t count, struct err *err)
{
    struct sqlite_store *self = of(store);
    enum rc rc;

    if (!count)
        return RC_OK;
    CHECK(!pthread_mutex_lock(&self->writing));
    rc = transact(&self->writer, writes, count, err);
    sqlite_pool_committed(&self->readers);
    CHECK(!pthread_mutex_unlock(&self->writing));
    return rc;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static enum rc read_jobs(struct store *store, const struct job_query *query, job_visit visit,
                         void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_jobs(reader->connection, query, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_runs(struct store *store, const struct run_query *query, run_visit visit,
                         void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_runs(reader->connection, query, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_workers(struct store *store, worker_visit visit, void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_workers(reader->connection, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_tokens(struct store *store, token_visit visit, void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_tokens(reader->connection, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_users(struct store *store, user_visit visit, void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_users(reader->connection, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_audit(struct store *store, const struct audit_query *query, audit_visit visit,
                          void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_audit(reader->connection, query, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_leader(struct store *store, struct leader_record *ret_leader, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_leader(reader->connection, ret_leader, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc summary(struct store *store, const char *owner, struct store_summary *ret_summary,
                       struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_summary(reader->connection, owner, ret_summary, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_output(struct store *store, const struct run_key *run, output_visit visit,
                           void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_output(reader->connection, run, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_revision(struct store *store, job_id job, uint64_t revision,
                             document_visit visit, void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_revision(reader->connection, job, revision, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

static enum rc read_hashes(struct store *store, hash_visit visit, void *context, struct err *err)
{
    struct sqlite_reader *reader;
    enum rc rc = sqlite_pool_take(&of(store)->readers, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = sql_read_hashes(reader->connection, visit, context, err);
    sqlite_pool_put(&of(store)->readers, reader);
    return rc;
}

/* ---- from open to close -----------------------------------------------------------------------
 */

static void release(struct sqlite_store *self, bool clean)
{
    sqlite_pool_release(&self->readers);
    sql_connection_free(self->writer.connection); /* the last one moves the log into the file */
    sqlite_lock_release(&self->lock, clean);
    CHECK(!pthread_mutex_destroy(&self->writing));
    free(self->path);
    free(self);
}

static void store_release(struct store *store)
{
    release(of(store), true);
}

static const struct store_ops ops = {
    .name = "sqlite",
    .now = now,
    .apply = apply,
    .read_jobs = read_jobs,
    .read_runs = read_runs,
    .read_workers = read_workers,
    .read_tokens = read_tokens,
    .read_users = read_users,
    .read_audit = read_audit,
    .read_leader = read_leader,
    .summary = summary,
    .read_output = read_output,
    .read_revision = read_revision,
    .read_hashes = read_hashes,
    .free = store_release,
};

/* SQLite would create the file by the umask; what jobs hold is nobody else's to read. The log and
 * its index take the file's mode. */
static enum rc create_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno != EEXIST)
        return err_errno(err, errno == ENOSPC ? RC_FULL : RC_IO, errno, "creating %s", path);
    if (fd >= 0)
        (void)close(fd);
    return RC_OK;
}

static enum rc take_steps(struct sql_connection *connection, struct err *err)
{
    int version = 0;
    enum rc rc = sql_schema_prepare(connection, err);

    if (rc == RC_OK)
        rc = sql_schema_version(connection, &version, err);
    while (rc == RC_OK && version < connection->dialect->step_count)
        rc = sql_schema_step(connection, ++version, err);
    return rc;
}

static enum rc upgrade(struct sql_connection *connection, struct err *err)
{
    enum rc rc = sql_run(connection, "BEGIN IMMEDIATE", NULL, 0, NULL, err);

    if (rc == RC_OK)
        rc = take_steps(connection, err);
    if (rc == RC_OK)
        rc = sql_run(connection, "COMMIT", NULL, 0, NULL, err);
    if (rc != RC_OK)
        roll_back(connection);
    return rc;
}

static enum rc check_after_crash(const struct sqlite_store *self, struct err *err)
{
    struct stat file;

    if (!self->lock.unclean || stat(self->path, &file) < 0 || file.st_size > CHECKED_SIZE)
        return RC_OK;
    return sqlite_check(self->writer.connection, err);
}

static enum rc open_database(struct sqlite_store *self, struct err *err)
{
    enum rc rc = sqlite_lock_take(self->path, &self->lock, err);

    if (rc == RC_OK)
        rc = create_file(self->path, err);
    if (rc == RC_OK)
        rc = sqlite_connection_open(self->path, SQLITE_WRITER, self->clock,
                                    &self->writer.connection, err);
    if (rc == RC_OK)
        rc = check_after_crash(self, err);
    if (rc == RC_OK)
        rc = upgrade(self->writer.connection, err);
    return rc;
}

enum rc sqlite_store_new(const struct sqlite_store_config *config, struct store **ret_store,
                         struct err *err)
{
    struct sqlite_store *self = xcalloc(1, sizeof(*self));
    enum rc rc;

    *self = (struct sqlite_store){
        .base.ops = &ops,
        .path = xstrdup(config->path),
        .clock = config->clock,
        .lock.fd = -1,
        .writer.clock = config->clock,
    };
    CHECK(!pthread_mutex_init(&self->writing, NULL));
    sqlite_pool_init(&self->readers, self->path);
    rc = open_database(self, err);
    if (rc != RC_OK) {
        release(self, !self->lock.unclean);
        return rc;
    }
    *ret_store = &self->base;
    return RC_OK;
}
