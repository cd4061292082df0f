/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused or is a signature, which is not ours. */
#include "base/check.h"
#include "base/mem.h"

#include "fuzz/fuzz.h"
#include "link/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct link_secret secret = {.bytes = "sixteen letters.", .length = 16};
    static const struct link_message message = {"GET", "/link/1/events"};
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    struct link_signature signature;
    struct link_guard *guard;
    struct err err = {0};
    enum rc rc = link_signature_read(text, &signature, &err);

    CHECK(rc == RC_OK || rc == RC_UNAUTHORIZED || rc == RC_MALFORMED);
    CHECK(rc == RC_OK || err.message[0]);
    if (rc != RC_OK)
        return 0;
    guard = link_guard_new(&secret, 4);
    CHECK(link_guard_check(guard, &signature, &message, signature.seconds * SECOND, &err) ==
          RC_UNAUTHORIZED);
    link_guard_free(guard);
    return 0;
}
