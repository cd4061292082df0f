/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/pending.h: a change on its way to the manager, and the request that waits for it. Private to
 * api/.
 *
 * The handler makes it, fills in `change` and hands it over; from then on the handler must not
 * touch the request. The answer is made on the manager's thread, by `answered` when the change is
 * made.
 */
#ifndef CRONJOB_API_PENDING_H
#define CRONJOB_API_PENDING_H

#include "ports/changes.h"

#include "api/call.h"

struct pending {
    struct change change;
    struct call *call;
    /* The change is made: answers the request. */
    void (*answered)(struct pending *pending);
    /* The change was refused with change.outcome. False: the answer is that failure; true: it has
     * handed the change over once more by pending_submit(). NULL: as false. */
    bool (*refused)(struct pending *pending);
    unsigned tries;
    const char *secret; /* of a new token; the change's arena's */
    void *context;      /* the handler's; the change's arena's */
};

struct pending *pending_new(struct call *call, enum change_kind kind,
                            void (*answered)(struct pending *pending));

/* Hands the change over; a queue that does not take it is answered with the reason. */
void pending_submit(struct pending *pending);

/* Gives it up, with the answer to the request already given. */
void pending_drop(struct pending *pending);

#endif
