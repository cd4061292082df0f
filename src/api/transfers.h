/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/transfers.h: work that waits for other servers (files into the object store and out of it),
 * on a few threads that may. Private to api/.
 *
 * Threads are made when there is work for them, so a server that never has any costs nothing.
 */
#ifndef CRONJOB_API_TRANSFERS_H
#define CRONJOB_API_TRANSFERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct transfers;

/* One piece of work; part of what it works on, which lives until `run` is called. */
struct transfer {
    struct transfer *next;
    /* Called once. `cancelled`: the server stops, only say so. */
    void (*run)(struct transfer *transfer, bool cancelled);
};

/* At most so many threads; at most so many pieces that wait. */
struct transfers *transfers_new(unsigned threads, size_t capacity);

/* RC_BUSY: too many wait already; RC_CLOSED. Then `run` is not called. From any thread. */
MUST_USE enum rc transfers_submit(struct transfers *transfers, struct transfer *transfer,
                                  struct err *err);

/* Cancels what waits and waits for what goes on. */
void transfers_stop(struct transfers *transfers);
void transfers_free(struct transfers *transfers);

#endif
