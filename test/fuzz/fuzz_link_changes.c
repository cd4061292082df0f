/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are refused or are changes, which written and read again are the same. */
#include <string.h>

#include "base/check.h"

#include "fuzz/fuzz.h"
#include "link/change_text.h"
#include "link/protocol.h"
#include "link/text.h"

static void write_changes(const struct link_changes *changes, struct buf *buf)
{
    struct json_writer writer;

    link_document_begin(&writer, buf);
    json_write_name(&writer, "changes");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < changes->count; i++)
        CHECK(link_change_write(&writer, &changes->items[i], NULL) == RC_OK);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_changes changes, again;
    struct err err = {0};
    AUTO_BUF struct buf first, second;
    enum rc rc;

    buf_init(&first, SIZE_MAX);
    buf_init(&second, SIZE_MAX);
    if (size > LIMIT_DOCUMENT) /* a document grows by its defaults */
        return 0;
    rc = link_changes_read((const char *)data, size, &changes, &err);
    if (rc != RC_OK) {
        CHECK(rc == RC_MALFORMED || rc == RC_INVALID || rc == RC_TOO_BIG);
        CHECK(err.message[0]);
        return 0;
    }
    write_changes(&changes, &first);
    CHECK(link_changes_read(first.data, first.length, &again, NULL) == RC_OK);
    write_changes(&again, &second);
    CHECK(!strcmp(first.data, second.data));
    link_changes_release(&changes);
    link_changes_release(&again);
    return 0;
}
