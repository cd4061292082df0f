/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are one of the answers, or are refused with a reason. */
#include <string.h>

#include "base/check.h"

#include "adapters/s3/answer.h"
#include "fuzz/fuzz.h"

static void read_page(const char *text, size_t size, struct arena *arena)
{
    static struct answer_page page;
    struct err err = {0};
    enum rc rc = answer_read_page(text, size, arena, &page, &err);

    CHECK(rc == RC_OK || (rc == RC_IO && err.message[0]));
    for (size_t i = 0; rc == RC_OK && i < page.count; i++)
        CHECK(page.items[i].key && page.items[i].size >= 0);
    CHECK(rc != RC_OK || !page.is_truncated || *page.continuation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct answer_error error;
    struct arena arena = {0};
    const char *id = NULL;
    struct err err = {0};
    enum rc rc;

    read_page(text, size, &arena);
    if (answer_read_error(text, size, &arena, &error))
        CHECK(error.code && error.message && error.region);
    rc = answer_read_upload(text, size, &arena, &id, &err);
    CHECK((rc == RC_OK && *id) || (rc == RC_IO && err.message[0]));
    rc = answer_read_completed(text, size, &err);
    CHECK(rc == RC_OK || rc == RC_IO);
    arena_release(&arena);
    return 0;
}
