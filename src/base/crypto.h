/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/crypto.h: digests, signatures and random bytes. libsodium stands behind it, in crypto.c
 * alone.
 */
#ifndef CRONJOB_BASE_CRYPTO_H
#define CRONJOB_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CRYPTO_DIGEST = 32 }; /* bytes of a SHA-256 and of an HMAC by it */

/* Before the others; again is fine. RC_INTERNAL when the system gives no randomness. */
MUST_USE enum rc crypto_init(struct err *err);

void crypto_random(void *data, size_t length);

void crypto_digest(const void *data, size_t length, uint8_t ret_digest[CRYPTO_DIGEST]);

/* The digest of bytes that come in pieces: begin, add any times, end. */
struct crypto_hash {
    uint64_t state[13];
};
void crypto_hash_begin(struct crypto_hash *hash);
void crypto_hash_add(struct crypto_hash *hash, const void *data, size_t length);
void crypto_hash_end(struct crypto_hash *hash, uint8_t ret_digest[CRYPTO_DIGEST]);

/* A digest in text: lower-case hexadecimal digits and a NUL. */
enum { CRYPTO_DIGEST_TEXT = 2 * CRYPTO_DIGEST + 1 };
const char *crypto_digest_text(const uint8_t digest[CRYPTO_DIGEST], char text[CRYPTO_DIGEST_TEXT]);
/* False when it is anything but 64 hexadecimal digits, of either case. */
bool crypto_digest_read(const char *text, uint8_t ret_digest[CRYPTO_DIGEST]);

/*
 * Passwords, by Argon2id (RFC 9106): 64 MiB and three passes, a tenth of a second or two of one
 * core, so it is for threads that may take their time. The text holds salt and parameters.
 */
enum { CRYPTO_PASSWORD_TEXT = 128 };
/* RC_FULL: no memory for it. */
MUST_USE enum rc crypto_password_hash(const char *password, char text[CRYPTO_PASSWORD_TEXT],
                                      struct err *err);
/* Whether it is the password that the text was made of; any text is fine. */
bool crypto_password_matches(const char *password, const char *text);

struct crypto_key {
    const void *data;
    size_t length;
};

/* RFC 2104 with SHA-256. */
void crypto_authenticate(const struct crypto_key *key, const void *data, size_t length,
                         uint8_t ret_mac[CRYPTO_DIGEST]);

/* Ed25519: who has the private key signs, who has the public one can tell. A seed gives both. */
enum { CRYPTO_SEED = 32, CRYPTO_PRIVATE = 64, CRYPTO_PUBLIC = 32, CRYPTO_SIGNATURE = 64 };
void crypto_signature_keys(const uint8_t seed[CRYPTO_SEED], uint8_t ret_private[CRYPTO_PRIVATE],
                           uint8_t ret_public[CRYPTO_PUBLIC]);
void crypto_signature_make(const uint8_t key[CRYPTO_PRIVATE], const void *data, size_t length,
                           uint8_t ret_signature[CRYPTO_SIGNATURE]);
bool crypto_signature_fits(const uint8_t key[CRYPTO_PUBLIC], const void *data, size_t length,
                           const uint8_t signature[CRYPTO_SIGNATURE]);

/* Takes the same time wherever the two differ. */
bool crypto_equal(const void *a, const void *b, size_t length);

/* Overwrites; never optimised away. */
void crypto_forget(void *data, size_t length);

/* base64url without padding; `capacity` holds it and a NUL. */
void crypto_base64(char *text, size_t capacity, const void *data, size_t length);
/* False when it is anything but the base64url of exactly `size` bytes. */
bool crypto_base64_read(const char *text, size_t length, void *ret_data, size_t size);

#endif
