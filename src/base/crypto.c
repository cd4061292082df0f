/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"

#include <sodium.h>

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

void crypto_authenticate(const struct crypto_key *key, const void *data, size_t length,
                         uint8_t ret_mac[CRYPTO_DIGEST])
{
    crypto_auth_hmacsha256_state state;

    CHECK(crypto_auth_hmacsha256_init(&state, key->data, key->length) == 0);
    CHECK(crypto_auth_hmacsha256_update(&state, data, length) == 0);
    CHECK(crypto_auth_hmacsha256_final(&state, ret_mac) == 0);
    sodium_memzero(&state, sizeof(state));
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
