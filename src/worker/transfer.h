/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/transfer.h: what is done with copies of files where it may be waited for.
 *
 * A fetch is a message: the worker's loop fills it, fetch_execute() does it on another thread, or
 * wherever a simulation wants to, and it comes back with its answer. It touches nothing of the
 * worker but the ports. Bytes are hashed as they come, and others than the wanted are not kept.
 */
#ifndef CRONJOB_WORKER_TRANSFER_H
#define CRONJOB_WORKER_TRANSFER_H

#include <stdatomic.h>

#include "base/mailbox.h"

#include "ports/clock.h"
#include "ports/objects.h"

#include "worker/cache.h"
#include "worker/worker.h"

enum fetch_kind {
    FETCH_LIST,     /* which copies there are: found, in the order of their use */
    FETCH_VERIFY,   /* whether the copy is right: stamp; RC_NOT_FOUND: it was not, and is gone */
    FETCH_DOWNLOAD, /* stamp; RC_NOT_FOUND: the objects do not have it; RC_MALFORMED: theirs has
                       other bytes; RC_FULL: no space here; or what else they answer */
    FETCH_REMOVE,
};

struct found_copy {
    char hash[CACHE_HASH];
    int64_t size;
    instant_us used_at;
};

struct fetch {
    struct mail mail;
    enum fetch_kind kind;
    char hash[CACHE_HASH];
    struct files *files;
    struct objects *objects;
    struct clock *clock;
    const atomic_bool *stopping; /* set: a download ends at once, RC_CLOSED */
    /* What fetch_execute() answers: */
    enum rc rc;
    struct err err;
    struct file_stamp stamp;
    span_us took;
    struct found_copy *found;
    size_t found_count, found_capacity;
};

void fetch_free(struct fetch *fetch);

#endif
