/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/secret.h: what all servers of a cluster know and nobody else does.
 *
 * Who has it may change every job and so run anything as anybody: it is kept like a private key.
 */
#ifndef CRONJOB_LINK_SECRET_H
#define CRONJOB_LINK_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { LINK_SECRET_MIN = 16, LINK_SECRET_MAX = 1024 }; /* bytes */

struct link_secret {
    uint8_t bytes[LINK_SECRET_MAX];
    size_t length;
};

/*
 * Reads the secret from a file: all of it but line ends at its end. Make one by `openssl rand -hex
 * 32`. RC_INVALID: too short, or too long. Also as file_read_secret() fails.
 */
MUST_USE enum rc link_secret_read(const char *path, struct link_secret *ret_secret,
                                  struct err *err);

/* Overwrites it. */
void link_secret_forget(struct link_secret *secret);

#endif
