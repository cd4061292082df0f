/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/mysql/pool.h"

#include <errno.h>
#include <time.h>

#include "base/check.h"

enum { WAIT_SECONDS = 10 };

void mysql_pool_init(struct mysql_pool *pool, struct mysql_nodes *nodes)
{
    *pool = (struct mysql_pool){.nodes = nodes, .idle_count = MYSQL_READERS};
    for (size_t i = 0; i < MYSQL_READERS; i++)
        pool->idle[i] = &pool->readers[i];
    CHECK(!pthread_mutex_init(&pool->mutex, NULL));
    CHECK(!pthread_cond_init(&pool->returned, NULL));
}

void mysql_pool_release(struct mysql_pool *pool)
{
    CHECK(pool->idle_count == MYSQL_READERS);
    for (size_t i = 0; i < MYSQL_READERS; i++)
        sql_connection_free(pool->readers[i].connection);
    CHECK(!pthread_cond_destroy(&pool->returned));
    CHECK(!pthread_mutex_destroy(&pool->mutex));
}

static enum rc take_idle(struct mysql_pool *pool, struct mysql_reader **ret_reader, struct err *err)
{
    struct timespec deadline;
    enum rc rc = RC_OK;

    CHECK(!clock_gettime(CLOCK_MONOTONIC, &deadline));
    deadline.tv_sec += WAIT_SECONDS;
    CHECK(!pthread_mutex_lock(&pool->mutex));
    while (rc == RC_OK && !pool->idle_count) {
        if (pthread_cond_clockwait(&pool->returned, &pool->mutex, CLOCK_MONOTONIC, &deadline) ==
            ETIMEDOUT)
            rc = err_fail(err, RC_BUSY, "all %d connections that read are in use", MYSQL_READERS);
    }
    if (rc == RC_OK)
        *ret_reader = pool->idle[--pool->idle_count];
    CHECK(!pthread_mutex_unlock(&pool->mutex));
    return rc;
}

static void give_back(struct mysql_pool *pool, struct mysql_reader *reader)
{
    CHECK(!pthread_mutex_lock(&pool->mutex));
    pool->idle[pool->idle_count++] = reader;
    CHECK(!pthread_cond_signal(&pool->returned));
    CHECK(!pthread_mutex_unlock(&pool->mutex));
}

static void close_reader(struct mysql_reader *reader)
{
    sql_connection_free(reader->connection);
    reader->connection = NULL;
}

static enum rc connect_reader(struct mysql_pool *pool, struct mysql_reader *reader, struct err *err)
{
    size_t node;
    enum rc rc = mysql_nodes_choose(pool->nodes, &node, err);

    if (rc != RC_OK)
        return rc;
    if (reader->connection && reader->node != node)
        close_reader(reader);
    if (reader->connection)
        return RC_OK;
    return mysql_nodes_connect(pool->nodes, MYSQL_READER, &reader->connection, &reader->node, err);
}

enum rc mysql_pool_take(struct mysql_pool *pool, struct mysql_reader **ret_reader, struct err *err)
{
    struct mysql_reader *reader = NULL;
    enum rc rc = take_idle(pool, &reader, err);

    if (rc != RC_OK)
        return rc;
    rc = connect_reader(pool, reader, err);
    if (rc == RC_OK)
        *ret_reader = reader;
    else
        give_back(pool, reader);
    return rc;
}

/* What ended one connection, as the server's restart does, has ended the idle ones too. */
static void close_idle(struct mysql_pool *pool, size_t node)
{
    CHECK(!pthread_mutex_lock(&pool->mutex));
    for (size_t i = 0; i < pool->idle_count; i++) {
        if (pool->idle[i]->node == node)
            close_reader(pool->idle[i]);
    }
    CHECK(!pthread_mutex_unlock(&pool->mutex));
}

void mysql_pool_put(struct mysql_pool *pool, struct mysql_reader *reader, const struct err *why)
{
    enum mysql_condition condition = mysql_connection_condition(reader->connection);

    if (condition == MYSQL_SICK)
        mysql_nodes_avoid(pool->nodes, reader->node, why);
    if (condition != MYSQL_GOOD) {
        close_reader(reader);
        close_idle(pool, reader->node);
    }
    give_back(pool, reader);
}
