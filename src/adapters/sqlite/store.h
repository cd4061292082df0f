/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/sqlite/store.h: the store in one SQLite file, for one process.
 *
 * Beside PATH there are PATH.lock, and while it is in use PATH-wal and PATH-shm. A commit is one
 * fsync, whatever the number of writes in it. A full disk refuses writes with RC_FULL and takes
 * them again when there is space. After an end that was not clean a file of up to 64 MiB is
 * checked for damage (about a second); a larger one is trusted, as SQLite's log makes it safe.
 */
#ifndef CRONJOB_ADAPTERS_SQLITE_STORE_H
#define CRONJOB_ADAPTERS_SQLITE_STORE_H

#include "ports/clock.h"
#include "ports/store.h"

struct sqlite_store_config {
    const char *path;    /* copied; created with mode 0600, its folder must exist */
    struct clock *clock; /* borrowed until store_free() */
};

/* RC_BUSY: another process uses it. RC_IO: it cannot be opened or is damaged. RC_INVALID: it was
 * made by a newer version. */
MUST_USE enum rc sqlite_store_new(const struct sqlite_store_config *config,
                                  struct store **ret_store, struct err *err);

#endif
