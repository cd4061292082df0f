/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

enum rc crypto_init(struct err *err)
{
    if (sodium_init() < 0)
        return err_fail(err, RC_INTERNAL, "the system gives no random numbers");
    return RC_OK;
}

void crypto_random(void *data, size_t length)
{
    randombytes_buf(data, length);
}

void crypto_digest(const void *data, size_t length, uint8_t ret_digest[CRYPTO_DIGEST])
{
    CHECK(crypto_hash_sha256(ret_digest, data, length) == 0);
}

/* ---- in pieces ------------------------------------------------------------------------------- */

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct crypto_hash), "it fits");

static crypto_hash_sha256_state *state_of(struct crypto_hash *hash)
{
    return (crypto_hash_sha256_state *)(void *)hash->state;
}

void crypto_hash_begin(struct crypto_hash *hash)
{
    CHECK(crypto_hash_sha256_init(state_of(hash)) == 0);
}

void crypto_hash_add(struct crypto_hash *hash, const void *data, size_t length)
{
    CHECK(crypto_hash_sha256_update(state_of(hash), data, length) == 0);
}

void crypto_hash_end(struct crypto_hash *hash, uint8_t ret_digest[CRYPTO_DIGEST])
{
    CHECK(crypto_hash_sha256_final(state_of(hash), ret_digest) == 0);
}

/* ---- in text --------------------------------------------------------------------------------- */

const char *crypto_digest_text(const uint8_t digest[CRYPTO_DIGEST], char text[CRYPTO_DIGEST_TEXT])
{
    return sodium_bin2hex(text, CRYPTO_DIGEST_TEXT, digest, CRYPTO_DIGEST);
}

bool crypto_digest_read(const char *text, uint8_t ret_digest[CRYPTO_DIGEST])
{
    size_t length = 0;

    return strlen(text) == CRYPTO_DIGEST_TEXT - 1 &&
           sodium_hex2bin(ret_digest, CRYPTO_DIGEST, text, CRYPTO_DIGEST_TEXT - 1, NULL, &length,
                          NULL) == 0 &&
           length == CRYPTO_DIGEST;
}

/* ---- passwords ------------------------------------------------------------------------------- */

enum { PASSWORD_PASSES = 3, PASSWORD_MEMORY = 64 * 1024 * 1024 };

_Static_assert(crypto_pwhash_STRBYTES == CRYPTO_PASSWORD_TEXT, "it fits");

enum rc crypto_password_hash(const char *password, char text[CRYPTO_PASSWORD_TEXT], struct err *err)
{
    if (crypto_pwhash_str_alg(text, password, strlen(password), PASSWORD_PASSES, PASSWORD_MEMORY,
                              crypto_pwhash_ALG_ARGON2ID13) != 0)
        return err_fail(err, RC_FULL, "there is no memory to hash a password");
    return RC_OK;
}

bool crypto_password_matches(const char *password, const char *text)
{
    return crypto_pwhash_str_verify(text, password, strlen(password)) == 0;
}

/* ---- signatures and others ------------------------------------------------------------------- */

void crypto_authenticate(const struct crypto_key *key, const void *data, size_t length,
                         uint8_t ret_mac[CRYPTO_DIGEST])
{
    crypto_auth_hmacsha256_state state;

    CHECK(crypto_auth_hmacsha256_init(&state, key->data, key->length) == 0);
    CHECK(crypto_auth_hmacsha256_update(&state, data, length) == 0);
    CHECK(crypto_auth_hmacsha256_final(&state, ret_mac) == 0);
    sodium_memzero(&state, sizeof(state));
}

void crypto_signature_keys(const uint8_t seed[CRYPTO_SEED], uint8_t ret_private[CRYPTO_PRIVATE],
                           uint8_t ret_public[CRYPTO_PUBLIC])
{
    CHECK(crypto_sign_seed_keypair(ret_public, ret_private, seed) == 0);
}

void crypto_signature_make(const uint8_t key[CRYPTO_PRIVATE], const void *data, size_t length,
                           uint8_t ret_signature[CRYPTO_SIGNATURE])
{
    CHECK(crypto_sign_detached(ret_signature, NULL, data, length, key) == 0);
}

bool crypto_signature_fits(const uint8_t key[CRYPTO_PUBLIC], const void *data, size_t length,
                           const uint8_t signature[CRYPTO_SIGNATURE])
{
    return crypto_sign_verify_detached(signature, data, length, key) == 0;
}

bool crypto_equal(const void *a, const void *b, size_t length)
{
    return sodium_memcmp(a, b, length) == 0;
}

void crypto_forget(void *data, size_t length)
{
    sodium_memzero(data, length);
}

void crypto_base64(char *text, size_t capacity, const void *data, size_t length)
{
    CHECK(
        sodium_bin2base64(text, capacity, data, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

bool crypto_base64_read(const char *text, size_t length, void *ret_data, size_t size)
{
    size_t got = 0;

    for (size_t i = 0; i < length; i++) /* libsodium does not look at the highest bit of each */
        if ((unsigned char)text[i] > 127)
            return false;
    return sodium_base642bin(ret_data, size, text, length, NULL, &got, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           got == size;
}
