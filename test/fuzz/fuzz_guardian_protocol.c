/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a body; a START that is read is written again as the same bytes. */
#include <string.h>

#include "base/check.h"

#include "ports/guardian_protocol.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    struct guardian_message message;
    AUTO_BUF struct buf buf;
    size_t frame;

    buf_init(&buf, GUARDIAN_FRAME_MAX);
    if (guardian_frame((const char *)data, size, &frame) == RC_OK)
        CHECK(frame <= size);
    if (guardian_decode((const char *)data, size, &arena, &message, NULL) != RC_OK ||
        message.kind != GUARDIAN_START)
        return 0;
    CHECK(guardian_put_start(&buf, &message.launch) == RC_OK);
    CHECK(buf.length == size + GUARDIAN_HEAD && memcmp(buf.data + GUARDIAN_HEAD, data, size) == 0);
    return 0;
}
