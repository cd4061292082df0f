/* SPDX-License-Identifier: Apache-2.0 */
#include "api/secret.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

enum rc secret_init(struct err *err)
{
    if (sodium_init() < 0)
        return err_fail(err, RC_INTERNAL, "the system gives no random numbers");
    return RC_OK;
}

void secret_new(char text[SECRET_TEXT])
{
    static const char prefix[] = "dcj_";
    uint8_t bytes[32];

    randombytes_buf(bytes, sizeof(bytes));
    memcpy(text, prefix, sizeof(prefix));
    CHECK(sodium_bin2base64(text + sizeof(prefix) - 1, SECRET_TEXT - sizeof(prefix) + 1, bytes,
                            sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING));
    sodium_memzero(bytes, sizeof(bytes));
}

void secret_new_id(char text[SECRET_ID_TEXT])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t bytes[SECRET_ID_TEXT - 1];

    randombytes_buf(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        text[i] = letters[bytes[i] % 32];
    text[sizeof(bytes)] = '\0';
}

uint64_t secret_random(void)
{
    uint64_t number;

    randombytes_buf(&number, sizeof(number));
    return number;
}

void secret_digest(const void *data, size_t length, uint8_t ret_digest[SECRET_DIGEST])
{
    CHECK(crypto_hash_sha256(ret_digest, data, length) == 0);
}

bool secret_equal(const uint8_t a[SECRET_DIGEST], const uint8_t b[SECRET_DIGEST])
{
    return sodium_memcmp(a, b, SECRET_DIGEST) == 0;
}
