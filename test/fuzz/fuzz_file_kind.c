/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes may be a file: what is read of them lies within their head. */
#include <string.h>

#include "base/check.h"

#include "core/file_kind.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_head head = {.data = (const char *)data, .length = MIN(size, (size_t)FILE_HEAD)};
    struct interpreter interpreter;
    struct err err;

    if (file_check_here(JOB_BINARY, &head, &err) == RC_OK)
        CHECK(file_kind(&head) == FILE_ELF);
    if (file_check_here(JOB_SCRIPT, &head, &err) != RC_OK)
        return 0;
    CHECK(file_interpreter(&head, &interpreter, &err) == RC_OK);
    CHECK(interpreter.path[0] == '/' && strlen(interpreter.path) < FILE_HEAD);
    CHECK(!strpbrk(interpreter.path, " \t\n") && !strchr(interpreter.argument, '\n'));
    return 0;
}
