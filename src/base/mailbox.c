/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

enum rc mailbox_init(struct mailbox *mailbox, struct err *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return err_errno(err, RC_IO, errno, "eventfd");
    *mailbox = (struct mailbox){.fd = fd};
    return RC_OK;
}

void mailbox_release(struct mailbox *mailbox)
{
    CHECK(!mailbox->newest);
    (void)close(mailbox->fd); /* an eventfd has nothing to lose */
}

void mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
    struct mail *below = __atomic_load_n(&mailbox->newest, __ATOMIC_RELAXED);
    uint64_t one = 1;

    do {
        mail->next = below;
    } while (!__atomic_compare_exchange_n(&mailbox->newest, &below, mail, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    /* Whoever pushes onto an empty stack wakes the receiver; it cannot fail before 2^64 - 1. */
    if (!below)
        CHECK(write(mailbox->fd, &one, sizeof(one)) == sizeof(one));
}

struct mail *mailbox_take_all(struct mailbox *mailbox)
{
    struct mail *mail, *oldest = NULL;
    uint64_t wakes;

    /* Cleared before taking: a message that comes in between wakes once too often, never too
     * seldom. EAGAIN says that there was no wake. */
    (void)!read(mailbox->fd, &wakes, sizeof(wakes));
    mail = __atomic_exchange_n(&mailbox->newest, NULL, __ATOMIC_ACQUIRE);
    while (mail) {
        struct mail *below = mail->next;

        mail->next = oldest;
        oldest = mail;
        mail = below;
    }
    return oldest;
}
