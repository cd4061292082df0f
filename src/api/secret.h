/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/secret.h: random secrets, their digests and their comparison.
 */
#ifndef CRONJOB_API_SECRET_H
#define CRONJOB_API_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    SECRET_DIGEST = 32, /* bytes of a SHA-256 */
    SECRET_TEXT = 48,   /* "dcj_", base64url of 32 random bytes, NUL */
    SECRET_ID_TEXT = 9  /* 8 characters of [a-z2-7], NUL */
};

/* Once, before the others. RC_INTERNAL when the system gives no randomness. */
MUST_USE enum rc secret_init(struct err *err);

/* A new secret, and a new public name for one. */
void secret_new(char text[SECRET_TEXT]);
void secret_new_id(char text[SECRET_ID_TEXT]);
uint64_t secret_random(void);

void secret_digest(const void *data, size_t length, uint8_t ret_digest[SECRET_DIGEST]);

/* Takes the same time wherever the two differ. */
bool secret_equal(const uint8_t a[SECRET_DIGEST], const uint8_t b[SECRET_DIGEST]);

#endif
