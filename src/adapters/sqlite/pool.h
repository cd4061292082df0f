/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sqlite/pool.h: connections that read, shared between threads.
 *
 * They are opened when they are first needed, up to READERS, and stay open. Who finds all of them
 * in use waits.
 */
#ifndef CRONJOB_ADAPTERS_SQLITE_POOL_H
#define CRONJOB_ADAPTERS_SQLITE_POOL_H

#include <pthread.h>

#include "adapters/sql/driver.h"

enum { READERS = 8 };

struct sqlite_pool {
    const char *path; /* borrowed */
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct sql_connection *idle[READERS];
    size_t idle_count;
    size_t open_count;
};

void sqlite_pool_init(struct sqlite_pool *pool, const char *path);
void sqlite_pool_release(struct sqlite_pool *pool); /* all connections are back */

/* RC_BUSY: none came back for some seconds. */
MUST_USE enum rc sqlite_pool_take(struct sqlite_pool *pool, struct sql_connection **ret_reader,
                                  struct err *err);
void sqlite_pool_put(struct sqlite_pool *pool, struct sql_connection *reader);

#endif
