/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sqlite/pool.h"

#include <errno.h>
#include <time.h>

#include "base/check.h"

#include "adapters/sqlite/connection.h"

enum { WAIT_SECONDS = 10 };

void sqlite_pool_init(struct sqlite_pool *pool, const char *path)
{
    *pool = (struct sqlite_pool){.path = path};
    CHECK(!pthread_mutex_init(&pool->mutex, NULL));
    CHECK(!pthread_cond_init(&pool->returned, NULL));
}

static void end_snapshot(struct sqlite_reader *reader)
{
    if (reader->begun)
        sql_end(reader->connection, "COMMIT");
    reader->begun = false;
}

static void close_reader(struct sqlite_reader *reader)
{
    end_snapshot(reader);
    sql_connection_free(reader->connection);
}

void sqlite_pool_release(struct sqlite_pool *pool)
{
    CHECK(pool->idle_count == pool->open_count);
    while (pool->idle_count)
        close_reader(pool->idle[--pool->idle_count]);
    CHECK(!pthread_cond_destroy(&pool->returned));
    CHECK(!pthread_mutex_destroy(&pool->mutex));
}

/* With the mutex held. */
static enum rc wait_for_return(struct sqlite_pool *pool, struct err *err)
{
    struct timespec deadline;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &deadline));
    deadline.tv_sec += WAIT_SECONDS;
    while (!pool->idle_count) {
        if (pthread_cond_clockwait(&pool->returned, &pool->mutex, CLOCK_MONOTONIC, &deadline) ==
            ETIMEDOUT)
            return err_fail(err, RC_BUSY, "all %d readers of the database are in use", READERS);
    }
    return RC_OK;
}

/* An idle reader, or a new one that is still to be opened. */
static enum rc take_reader(struct sqlite_pool *pool, struct sqlite_reader **ret_reader,
                           uint64_t *ret_generation, struct err *err)
{
    enum rc rc = RC_OK;

    CHECK(!pthread_mutex_lock(&pool->mutex));
    if (!pool->idle_count && pool->open_count < READERS)
        pool->idle[pool->idle_count++] = &pool->readers[pool->open_count++];
    if (!pool->idle_count)
        rc = wait_for_return(pool, err);
    if (rc == RC_OK)
        *ret_reader = pool->idle[--pool->idle_count];
    *ret_generation = pool->generation;
    CHECK(!pthread_mutex_unlock(&pool->mutex));
    return rc;
}

static enum rc begin_snapshot(struct sqlite_pool *pool, struct sqlite_reader *reader,
                              uint64_t generation, struct err *err)
{
    enum rc rc = RC_OK;

    if (!reader->connection)
        rc = sqlite_connection_open(pool->path, SQLITE_READER, NULL, &reader->connection, err);
    if (rc != RC_OK)
        return rc;
    if (reader->generation != generation)
        end_snapshot(reader);
    if (!reader->begun)
        rc = sql_run(reader->connection, "BEGIN", NULL, 0, NULL, err);
    if (rc != RC_OK)
        return rc;
    reader->begun = true;
    reader->generation = generation;
    return RC_OK;
}

enum rc sqlite_pool_take(struct sqlite_pool *pool, struct sqlite_reader **ret_reader,
                         struct err *err)
{
    struct sqlite_reader *reader = NULL;
    uint64_t generation;
    enum rc rc = take_reader(pool, &reader, &generation, err);

    if (rc != RC_OK)
        return rc;
    rc = begin_snapshot(pool, reader, generation, err);
    if (rc != RC_OK)
        sqlite_pool_put(pool, reader);
    else
        *ret_reader = reader;
    return rc;
}

void sqlite_pool_put(struct sqlite_pool *pool, struct sqlite_reader *reader)
{
    CHECK(!pthread_mutex_lock(&pool->mutex));
    if (reader->generation != pool->generation)
        end_snapshot(reader);
    pool->idle[pool->idle_count++] = reader;
    CHECK(!pthread_cond_signal(&pool->returned));
    CHECK(!pthread_mutex_unlock(&pool->mutex));
}

void sqlite_pool_committed(struct sqlite_pool *pool)
{
    CHECK(!pthread_mutex_lock(&pool->mutex));
    pool->generation++;
    for (size_t i = 0; i < pool->idle_count; i++)
        end_snapshot(pool->idle[i]);
    CHECK(!pthread_mutex_unlock(&pool->mutex));
}
