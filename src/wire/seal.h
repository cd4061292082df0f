/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/seal.h: what a manager vouches for of a user or a token (core/seal.h).
 *
 * The text that is sealed is JSON of every member that gives rights, in one order: of a user name,
 * role, privileged, disabled, accounts and the password's hash; of a token id, name, account,
 * admin, session, scope, the secret's hash and when it expires. When it was made and last used is
 * outside.
 */
#ifndef CRONJOB_WIRE_SEAL_H
#define CRONJOB_WIRE_SEAL_H

#include "base/arena.h"
#include "base/buf.h"

#include "core/record.h"
#include "core/seal.h"

/* Appends the text, and behind it, as seal_put() does, the record's seal if it has one. */
void wire_user_sealed(const struct user_record *user, struct buf *text);
void wire_token_sealed(const struct access_token *token, struct buf *text);

/* A new seal, the arena's; the one that the record has plays no part. */
const char *wire_user_seal(const uint8_t own[CRYPTO_PRIVATE], const struct user_record *user,
                           struct arena *arena);
const char *wire_token_seal(const uint8_t own[CRYPTO_PRIVATE], const struct access_token *token,
                            struct arena *arena);

/* RC_OK: its seal fits. RC_NOT_FOUND: it has none. RC_FORBIDDEN: it is not of this record. */
MUST_USE enum rc wire_user_seal_check(const uint8_t known[CRYPTO_PUBLIC],
                                      const struct user_record *user);
MUST_USE enum rc wire_token_seal_check(const uint8_t known[CRYPTO_PUBLIC],
                                       const struct access_token *token);

#endif
