/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/mysql/pool.h: connections that read, shared between threads.
 *
 * They are opened when they are needed, up to MYSQL_READERS, and stay open. Who finds all of them
 * in use waits. One to a host that is not the one to use (any more) is closed when it is idle.
 */
#ifndef CRONJOB_ADAPTERS_MYSQL_POOL_H
#define CRONJOB_ADAPTERS_MYSQL_POOL_H

#include <pthread.h>

#include "adapters/mysql/nodes.h"

enum { MYSQL_READERS = 8 };

struct mysql_reader {
    struct sql_connection *connection; /* NULL: to be opened */
    size_t node;
};

struct mysql_pool {
    struct mysql_nodes *nodes; /* borrowed */
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct mysql_reader readers[MYSQL_READERS];
    struct mysql_reader *idle[MYSQL_READERS]; /* the last one used is taken first */
    size_t idle_count;
};

void mysql_pool_init(struct mysql_pool *pool, struct mysql_nodes *nodes);
void mysql_pool_release(struct mysql_pool *pool); /* all connections are back */

/* RC_BUSY: none came back for some seconds; and what mysql_nodes_connect() answers. */
MUST_USE enum rc mysql_pool_take(struct mysql_pool *pool, struct mysql_reader **ret_reader,
                                 struct err *err);

/* Closes the connection when it is of no use any more, and has the host avoided if that is why;
 * `why` is what it said. */
void mysql_pool_put(struct mysql_pool *pool, struct mysql_reader *reader, const struct err *why);

#endif
