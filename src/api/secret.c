/* SPDX-License-Identifier: Apache-2.0 */
#include "api/secret.h"

#include <string.h>

#include "base/crypto.h"

enum rc secret_init(struct err *err)
{
    return crypto_init(err);
}

void secret_new(char text[SECRET_TEXT])
{
    static const char prefix[] = "dcj_";
    uint8_t bytes[32];

    crypto_random(bytes, sizeof(bytes));
    memcpy(text, prefix, sizeof(prefix));
    crypto_base64(text + sizeof(prefix) - 1, SECRET_TEXT - sizeof(prefix) + 1, bytes,
                  sizeof(bytes));
    crypto_forget(bytes, sizeof(bytes));
}

void secret_new_id(char text[SECRET_ID_TEXT])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t bytes[SECRET_ID_TEXT - 1];

    crypto_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        text[i] = letters[bytes[i] % 32];
    text[sizeof(bytes)] = '\0';
}

uint64_t secret_random(void)
{
    uint64_t number;

    crypto_random(&number, sizeof(number));
    return number;
}

void secret_digest(const void *data, size_t length, uint8_t ret_digest[SECRET_DIGEST])
{
    crypto_digest(data, length, ret_digest);
}

bool secret_equal(const uint8_t a[SECRET_DIGEST], const uint8_t b[SECRET_DIGEST])
{
    return crypto_equal(a, b, SECRET_DIGEST);
}
