/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are an account's crontab: what is put into it can be taken out again, and what is not
 * ours stays. Likewise a file's head, a call, an answer. */
#include <string.h>

#include "base/check.h"

#include "core/backend.h"
#include "core/crontab_line.h"

#include "ports/fires.h"

#include "fuzz/fuzz.h"

#define LINE "* * * * * /c fire 1 --data /d 2>/dev/null\n"

static void put(const char *old, size_t length, const char *block, struct buf *buf)
{
    buf_init(buf, SIZE_MAX);
    CHECK(crontab_put_block(old, length, "/d", block, buf, NULL) == RC_OK);
}

static const char *text_of(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}

static void check_block(const char *old, size_t length)
{
    struct buf AUTO_BUF with;
    struct buf AUTO_BUF again;
    struct buf AUTO_BUF without;
    struct buf AUTO_BUF never;

    buf_init(&with, SIZE_MAX);
    if (crontab_put_block(old, length, "/d", LINE, &with, NULL) != RC_OK) {
        CHECK(memchr(old, '\0', length));
        buf_init(&again, 0);
        buf_init(&without, 0);
        buf_init(&never, 0);
        return;
    }
    CHECK(strstr(text_of(&with), LINE));
    put(text_of(&with), with.length, LINE, &again);
    CHECK(strcmp(text_of(&with), text_of(&again)) == 0);
    put(text_of(&with), with.length, "", &without);
    put(old, length, "", &never);
    CHECK(strcmp(text_of(&without), text_of(&never)) == 0);
    CHECK(!strstr(text_of(&without), LINE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char line[FIRE_TEXT], name[BACKEND_TEXT] = {0};
    enum fire_answer answer;
    size_t length;
    const char *owner = crontab_owner(text, size, &length);
    job_id job;

    CHECK(!owner || (owner > text && owner + length <= text + size));
    if (fire_parse(text, size, &job))
        CHECK(fire_print(job, line) == size && memcmp(line, text, size) == 0);
    if (fire_answer_parse(text, size, &answer))
        CHECK(strlen(fire_answer_text(answer)) == size);
    memcpy(name, text, size < sizeof(name) - 1 ? size : sizeof(name) - 1);
    if (backend_parse(name).crontab)
        CHECK(zone_name_is_valid(backend_parse(name).time_zone));
    check_block(text, size);
    return 0;
}
