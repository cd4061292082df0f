/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes may lie in a row of the store: they have no seal, a wrong one, or one that a manager
 * made. What a manager sealed is known again, and nothing that differs from it. */
#include <string.h>

#include "base/check.h"

#include "core/seal.h"

#include "fuzz/fuzz.h"

static const struct seal_subject subject = {
    .kind = SEAL_JOB, .job = 12, .revision = 3, .owner = "anne"};

static void check_sealed(const struct seal_keys *keys, const char *text, size_t size)
{
    struct buf AUTO_BUF sealed;

    buf_init(&sealed, SIZE_MAX);
    (void)buf_append(&sealed, text, size);
    CHECK(seal_put(keys->own, &subject, &sealed) == RC_OK);
    CHECK(seal_body(sealed.data, sealed.length) == size);
    CHECK(seal_check(keys->known, &subject, sealed.data, sealed.length) == RC_OK);
    sealed.data[size / 2] ^= 1;
    CHECK(seal_check(keys->known, &subject, sealed.data, sealed.length) != RC_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct seal_keys keys;
    const char *text = (const char *)data;
    size_t body = seal_body(text, size);

    if (!keys.known[0])
        seal_keys_derive("the secret", 10, &keys);
    CHECK(body == size || body + 1 + SEAL_TEXT == size);
    CHECK((seal_check(keys.known, &subject, text, size) == RC_NOT_FOUND) == (body == size));
    check_sealed(&keys, text, size);
    return 0;
}
