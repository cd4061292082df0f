/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

#include "testing.h"

/* FIPS 180-4's examples. */
static const struct {
    const char *text;
    const char *digest;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void pieces_have_the_digest_of_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        for (size_t cut = 0; cut <= strlen(known[i].text); cut++) {
            uint8_t digest[CRYPTO_DIGEST];
            char text[CRYPTO_DIGEST_TEXT];
            struct crypto_hash hash;

            crypto_hash_begin(&hash);
            crypto_hash_add(&hash, known[i].text, cut);
            crypto_hash_add(&hash, known[i].text + cut, strlen(known[i].text) - cut);
            crypto_hash_end(&hash, digest);
            assert_string_equal(crypto_digest_text(digest, text), known[i].digest);
        }
    }
}

static void a_digest_in_text_is_64_digits(void **state)
{
    uint8_t digest[CRYPTO_DIGEST], again[CRYPTO_DIGEST];
    char text[CRYPTO_DIGEST_TEXT + 1];

    (void)state;
    crypto_digest("abc", 3, digest);
    assert_true(crypto_digest_read(known[1].digest, again));
    assert_memory_equal(again, digest, sizeof(digest));
    (void)snprintf(text, sizeof(text), "%s0", known[1].digest);
    assert_false(crypto_digest_read(text, again));
    text[CRYPTO_DIGEST_TEXT - 2] = '\0';
    assert_false(crypto_digest_read(text, again));
    text[CRYPTO_DIGEST_TEXT - 2] = 'g';
    text[CRYPTO_DIGEST_TEXT - 1] = '\0';
    assert_false(crypto_digest_read(text, again));
    assert_false(crypto_digest_read("", again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_have_the_digest_of_the_whole),
        cmocka_unit_test(a_digest_in_text_is_64_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
