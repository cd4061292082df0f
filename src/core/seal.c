/* SPDX-License-Identifier: Apache-2.0 */
#include "core/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void seal_keys_derive(const void *secret, size_t length, struct seal_keys *ret_keys)
{
    static const char purpose[] = "cronjob: seals of jobs and runs, 1";
    const struct crypto_key key = {secret, length};
    uint8_t seed[CRYPTO_SEED];

    _Static_assert((int)CRYPTO_SEED == (int)CRYPTO_DIGEST, "a digest is a seed");
    crypto_authenticate(&key, purpose, sizeof(purpose) - 1, seed);
    crypto_signature_keys(seed, ret_keys->own, ret_keys->known);
    crypto_forget(seed, sizeof(seed));
}

/* What is signed is a digest: of a head that says what follows, of the owner, whose length the head
 * has, and of the text. So no two subjects and texts are the same bytes. */
static void digest(const struct seal_subject *subject, const char *text, size_t length,
                   uint8_t ret_digest[CRYPTO_DIGEST])
{
    static const char *const kinds[] = {
        [SEAL_JOB] = "job", [SEAL_RUN] = "run", [SEAL_USER] = "user", [SEAL_TOKEN] = "token"};
    const char *owner = subject->kind == SEAL_JOB ? subject->owner : "";
    struct crypto_hash hash;
    char head[128];
    int size = snprintf(
        head, sizeof(head), "cronjob-seal-1 %s %" PRIu64 " %" PRIu64 " %" PRId64 " %zu\n",
        kinds[subject->kind], subject->job, subject->kind == SEAL_JOB ? subject->revision : 0,
        subject->kind == SEAL_RUN ? subject->scheduled_at : 0, strlen(owner));

    CHECK(size > 0 && (size_t)size < sizeof(head));
    crypto_hash_begin(&hash);
    crypto_hash_add(&hash, head, (size_t)size);
    crypto_hash_add(&hash, owner, strlen(owner));
    crypto_hash_add(&hash, text, length);
    crypto_hash_end(&hash, ret_digest);
}

enum rc seal_put(const uint8_t own[CRYPTO_PRIVATE], const struct seal_subject *subject,
                 struct buf *text)
{
    uint8_t signature[CRYPTO_SIGNATURE], signed_digest[CRYPTO_DIGEST];
    char seal[SEAL_TEXT + 1];

    digest(subject, text->data, text->length, signed_digest);
    crypto_signature_make(own, signed_digest, sizeof(signed_digest), signature);
    crypto_base64(seal, sizeof(seal), signature, sizeof(signature));
    (void)buf_putc(text, '\n'); /* the buffer remembers */
    return buf_puts(text, seal);
}

size_t seal_body(const char *text, size_t length)
{
    return length > SEAL_TEXT && text[length - SEAL_TEXT - 1] == '\n' ? length - SEAL_TEXT - 1
                                                                      : length;
}

enum rc seal_check(const uint8_t known[CRYPTO_PUBLIC], const struct seal_subject *subject,
                   const char *text, size_t length)
{
    uint8_t signature[CRYPTO_SIGNATURE], signed_digest[CRYPTO_DIGEST];
    size_t body = seal_body(text, length);

    if (body == length)
        return RC_NOT_FOUND;
    if (!crypto_base64_read(text + body + 1, SEAL_TEXT, signature, sizeof(signature)))
        return RC_FORBIDDEN;
    digest(subject, text, body, signed_digest);
    return crypto_signature_fits(known, signed_digest, sizeof(signed_digest), signature)
               ? RC_OK
               : RC_FORBIDDEN;
}
