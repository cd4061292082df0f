/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/audit.h: what was refused is recorded too. Private to api/.
 *
 * Changes are recorded by the manager with the change itself. Refusals and failed sign-ins change
 * nothing: their records are handed to the manager like changes, without waiting, and travel and
 * are written many at once. Who sends thousands of bad requests cannot fill the store: beyond
 * AUDIT_BURST at once, and AUDIT_RATE a second, they are only counted.
 */
#ifndef CRONJOB_API_AUDIT_H
#define CRONJOB_API_AUDIT_H

#include <pthread.h>

#include "base/err.h"
#include "base/instant.h"

struct call;

enum { AUDIT_RATE = 10, AUDIT_BURST = 200 };

/* How many may be recorded now. */
struct audit_budget {
    pthread_mutex_t mutex; /* protects all below */
    mono_us filled_at;
    unsigned left;
    unsigned dropped;
};

void audit_init(struct audit_budget *budget);
void audit_release(struct audit_budget *budget);

/* A request was refused, by RC_UNAUTHORIZED or RC_FORBIDDEN. */
void audit_refusal(struct call *call, enum rc rc, const struct err *err);

/* Somebody who says to be `user` could not sign in. */
void audit_failed_login(struct call *call, const char *user);

#endif
