/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/mailbox.h: messages from many threads to one.
 *
 * A message is any struct with a `struct mail` in it, reached again with container_of(). Its memory
 * belongs to the sender until mailbox_post() and to the receiver from then on. Posting never blocks
 * and never fails; the mailbox's descriptor is readable while there may be something to take, so a
 * loop watches it. The receiver outlives the senders: whatever is left at the end it takes first.
 */
#ifndef CRONJOB_BASE_MAILBOX_H
#define CRONJOB_BASE_MAILBOX_H

#include "base/err.h"

struct mail {
    struct mail *next;
};

struct mailbox {
    struct mail *newest; /* a stack, pushed and emptied atomically */
    int fd;              /* an eventfd, to watch for reading */
};

MUST_USE enum rc mailbox_init(struct mailbox *mailbox, struct err *err);
void mailbox_release(struct mailbox *mailbox); /* it is empty by now */

/* From any thread. What happened before it is visible to the receiver. */
void mailbox_post(struct mailbox *mailbox, struct mail *mail);

/* By the receiver: all that was posted, oldest first, linked by `next`; NULL when nothing was. */
struct mail *mailbox_take_all(struct mailbox *mailbox);

#endif
