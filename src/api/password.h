/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/password.h: passwords are compared and hashed, which is slow on purpose: on two threads of
 * their own. Private to api/.
 */
#ifndef CRONJOB_API_PASSWORD_H
#define CRONJOB_API_PASSWORD_H

#include "base/crypto.h"

#include "api/pending.h"
#include "api/transfers.h"

/* Lives in the arena of its change. */
struct password_work {
    struct transfer transfer;
    struct pending *pending;
    const char *given;   /* compared with `hash`; NULL: nothing is */
    const char *hash;    /* NULL: of nobody; takes as long as with a hash, and never matches */
    const char *to_hash; /* then this is hashed into `text`; NULL: nothing is */
    bool matches;        /* written; true when nothing was compared */
    char text[CRYPTO_PASSWORD_TEXT];
    /* Goes on, on a thread that may wait: submits the change, or answers and drops it. */
    void (*done)(struct password_work *work);
};

/* Refuses the request when too many wait. `work` is filled in but for what is written. */
void password_submit(struct password_work *work);

#endif
