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

void sqlite_pool_release(struct sqlite_pool *pool)
{
    CHECK(pool->idle_count == pool->open_count);
    while (pool->idle_count)
        sql_connection_free(pool->idle[--pool->idle_count]);
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

enum rc sqlite_pool_take(struct sqlite_pool *pool, struct sql_connection **ret_reader,
                         struct err *err)
{
    enum rc rc = RC_OK;
    bool opens;

    CHECK(!pthread_mutex_lock(&pool->mutex));
    opens = !pool->idle_count && pool->open_count < READERS;
    if (opens)
        pool->open_count++;
    else
        rc = wait_for_return(pool, err);
    if (rc == RC_OK && !opens)
        *ret_reader = pool->idle[--pool->idle_count];
    CHECK(!pthread_mutex_unlock(&pool->mutex));
    if (!opens)
        return rc;
    rc = sqlite_connection_open(pool->path, SQLITE_READER, ret_reader, err);
    if (rc == RC_OK)
        return rc;
    CHECK(!pthread_mutex_lock(&pool->mutex));
    pool->open_count--;
    CHECK(!pthread_mutex_unlock(&pool->mutex));
    return rc;
}

void sqlite_pool_put(struct sqlite_pool *pool, struct sql_connection *reader)
{
    CHECK(!pthread_mutex_lock(&pool->mutex));
    pool->idle[pool->idle_count++] = reader;
    CHECK(!pthread_cond_signal(&pool->returned));
    CHECK(!pthread_mutex_unlock(&pool->mutex));
}
