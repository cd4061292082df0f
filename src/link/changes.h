/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/changes.h: changes, handed to the leading manager of another process. For API servers.
 *
 * A few threads send what waits, many changes in one call. Who leads is read from the store and
 * asked again when a call fails. While nobody leads, changes wait for `patience`, then they are
 * refused with RC_UNAVAILABLE.
 *
 * A call that is cut off leaves open whether its changes were made. They are sent again, to whoever
 * leads then, and what comes back is understood accordingly:
 *
 *   create   has an idempotency key, its client's or one of ours, so the store makes it once. An
 *            answer that it is not valid is doubtful then (its only tick may just have passed)
 *   replace  of a given revision: refused as stale, it is looked up. The next revision with our
 *            document: done. The next with another document: it is stale indeed. A later one:
 *            RC_UNKNOWN, for ours may have been in between. Of any revision: made twice, harmless
 *   remove   refused as stale and the job is removed: done
 *   purge    of what is not there: done
 *   kill     of what has ended: done
 *   drain    made twice, harmless
 *   remove   of a worker that is not there: done
 *   token    create: refused as a conflict, and the store has it: done; revoke of what is not
 *            there: done
 *   user     create: refused as a conflict, RC_UNKNOWN, for it may be another's of this name;
 *            remove of what is not there: done; change, a token's use, a record:
 *            made twice, harmless
 *   run now  is not sent again, for it could start twice: RC_UNKNOWN, unless the call never reached
 *            the server
 *
 * What is still open after `patience` is RC_UNKNOWN.
 */
#ifndef CRONJOB_LINK_CHANGES_H
#define CRONJOB_LINK_CHANGES_H

#include "ports/changes.h"
#include "ports/clock.h"
#include "ports/store.h"

#include "link/secret.h"

/* The ports are not owned and outlive it; the secret is copied. */
struct link_changes_config {
    struct store *store;
    struct clock *clock;
    const struct link_secret *secret;
    const char *ca_file; /* for https, see link_caller_init() */
    unsigned threads;    /* 0: 3 */
    span_us patience;    /* 0: 8 s; a call that hangs may add LINK_CALL_TIMEOUT to it */
    size_t capacity;     /* changes that may wait; 0: 10000. More: RC_BUSY */
};

/* RC_UNAVAILABLE: there is no HTTP client on this machine. */
MUST_USE enum rc link_changes_new(const struct link_changes_config *config,
                                  struct changes **ret_changes, struct err *err);

/* Answers all that waits or is under way, and refuses what comes from now on, with RC_CLOSED.
 * Before the API server is freed; changes_free() after it. */
void link_changes_stop(struct changes *changes);

#endif
