/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/parcel.h: a change on its way to the leader, for changes.c alone; and what becomes of it
 * when it may have been sent twice. The rules are in link/changes.h.
 */
#ifndef CRONJOB_LINK_PARCEL_H
#define CRONJOB_LINK_PARCEL_H

#include "base/buf.h"
#include "base/list.h"

#include "ports/changes.h"
#include "ports/store.h"

#include "link/change_text.h"

struct parcel {
    struct list link;
    struct change *change;
    struct buf text;   /* as it travels */
    mono_us deadline;  /* then it is given up */
    bool perhaps_done; /* an earlier call may have made it */
    bool own_key;      /* its idempotency key is ours, not the client's */
};

/* Writes the change as it travels, with a key where one is needed. RC_TOO_BIG. */
MUST_USE enum rc parcel_new(struct change *change, mono_us deadline, struct parcel **ret_parcel,
                            struct err *err);

/* Forgets the change, which stays its submitter's. */
void parcel_free(struct parcel *parcel);

/* Must not be made twice, and so not be sent twice. */
bool parcel_is_unique(const struct parcel *parcel);

/*
 * Takes the leader's result, as it is to be understood, into the change. False: it is to be sent
 * again, for it was not made, or nobody knows. `store` is asked about what is doubtful.
 */
bool parcel_settle(struct parcel *parcel, const struct link_result *result, struct store *store);

/* The change's outcome is this failure. */
void parcel_fail(struct parcel *parcel, enum rc rc, const struct err *err);

/* Answers the change, as its outcome is, and frees the parcel. */
void parcel_answer(struct parcel *parcel);

#endif
