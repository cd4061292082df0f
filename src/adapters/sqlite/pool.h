/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sqlite/pool.h: connections that read, shared between threads.
 *
 * They are opened when they are first needed, up to READERS, and stay open. Who finds all of them
 * in use waits. A reader is handed out inside a transaction, so all that is read through it is one
 * snapshot; it keeps that snapshot for the next one who takes it until something is committed,
 * since taking and dropping the locks of a snapshot costs more than reading a row. The writer says
 * when it has committed; idle readers then let go of their snapshots, so that none holds up a
 * checkpoint.
 */
#ifndef CRONJOB_ADAPTERS_SQLITE_POOL_H
#define CRONJOB_ADAPTERS_SQLITE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapters/sql/driver.h"

enum { READERS = 8 };

struct sqlite_reader {
    struct sql_connection *connection;
    bool begun;          /* it has a snapshot */
    uint64_t generation; /* how many commits the snapshot has seen, at least */
};

struct sqlite_pool {
    const char *path; /* borrowed */
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    struct sqlite_reader readers[READERS];
    struct sqlite_reader *idle[READERS];
    size_t idle_count;
    size_t open_count;
    uint64_t generation; /* commits so far */
};

void sqlite_pool_init(struct sqlite_pool *pool, const char *path);
void sqlite_pool_release(struct sqlite_pool *pool); /* all connections are back */

/* RC_BUSY: none came back for some seconds. */
MUST_USE enum rc sqlite_pool_take(struct sqlite_pool *pool, struct sqlite_reader **ret_reader,
                                  struct err *err);
void sqlite_pool_put(struct sqlite_pool *pool, struct sqlite_reader *reader);

/* Before a commit is answered: no reader that is taken from now on may miss it. */
void sqlite_pool_committed(struct sqlite_pool *pool);

#endif
