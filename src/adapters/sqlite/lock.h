/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sqlite/lock.h: one process at a time uses a database.
 *
 * The lock is a file beside the database ("PATH.lock") with the pid of who holds it; it is empty
 * after a clean end, so that the next process knows whether there was one. The database's own file
 * is never opened for this: closing it would drop the locks that SQLite holds on it.
 */
#ifndef CRONJOB_ADAPTERS_SQLITE_LOCK_H
#define CRONJOB_ADAPTERS_SQLITE_LOCK_H

#include <stdbool.h>

#include "base/err.h"

struct sqlite_lock {
    int fd;
    bool unclean; /* the process before ended without sqlite_lock_release() */
};

/* RC_BUSY: another process holds it. */
MUST_USE enum rc sqlite_lock_take(const char *path, struct sqlite_lock *ret_lock, struct err *err);
/* `clean`: the next process need not look for damage. */
void sqlite_lock_release(struct sqlite_lock *lock, bool clean);

#endif
