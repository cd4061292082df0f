/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body with a file in it: cut anywhere it is understood the same; what is taken out of a text
 * that is JSON is what a plain reader finds there; and BASE64 that is accepted is what a plain
 * writer makes of its bytes.
 */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "fuzz/fuzz.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/sift.h"

enum { MOST = 8, LIMIT = 64 * 1024 };

struct upload {
    struct sift sift;
    struct buf kept, taken;
    enum rc rc;
};

static enum rc take(void *context, const char *text, size_t length, struct err *err)
{
    struct upload *upload = context;

    (void)err;
    return buf_append(&upload->taken, text, length);
}

/* In pieces of so many bytes. */
static void feed(struct upload *upload, const char *text, size_t length, size_t piece)
{
    *upload = (struct upload){
        .sift = {.name = "executable", .most = MOST, .take = take, .context = upload}};
    buf_init(&upload->kept, LIMIT);
    buf_init(&upload->taken, LIMIT);
    for (size_t i = 0; i < length && upload->rc == RC_OK; i += piece)
        upload->rc =
            sift_feed(&upload->sift, text + i, MIN(piece, length - i), &upload->kept, NULL);
}

static void release(struct upload *upload)
{
    buf_release(&upload->kept);
    buf_release(&upload->taken);
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->length == b->length && (!a->length || memcmp(a->data, b->data, a->length) == 0);
}

/* jansson is stricter with what is taken: it refuses a NUL and bytes that are no UTF-8. */
static void compare_with_reader(const struct upload *upload, const char *text, size_t length)
{
    struct json_value *AUTO_JSON whole = NULL;
    struct json_value *AUTO_JSON kept = NULL;
    const char *value;

    if (json_document_read(text, length, &whole, NULL) != RC_OK)
        return;
    CHECK(upload->rc == RC_OK);
    CHECK(json_document_read(upload->kept.data, upload->kept.length, &kept, NULL) == RC_OK);
    if (!upload->sift.taken) {
        CHECK(upload->kept.length == length && memcmp(upload->kept.data, text, length) == 0);
        return;
    }
    value = json_value_string(json_value_member(whole, "executable"));
    if (!strstr(text, "\\ud") && !strstr(text, "\\uD"))
        CHECK(strlen(value) == upload->taken.length &&
              memcmp(value, upload->taken.data, upload->taken.length) == 0);
}

static enum rc decode(const char *text, size_t length, size_t piece, uint8_t *data,
                      size_t *ret_length)
{
    struct base64_reader reader = {0};
    enum rc rc = RC_OK;

    *ret_length = 0;
    for (size_t i = 0; i < length && rc == RC_OK; i += piece) {
        size_t decoded = 0;

        rc = base64_read(&reader, text + i, MIN(piece, length - i), data + *ret_length, &decoded,
                         NULL);
        *ret_length += decoded;
    }
    return rc == RC_OK ? base64_end(&reader, NULL) : rc;
}

static void check_base64(const char *text, size_t length, size_t piece)
{
    uint8_t *AUTO_FREE once = xmalloc(BASE64_ROOM(length) + 1);
    uint8_t *AUTO_FREE pieces = xmalloc(BASE64_ROOM(length) + 4);
    char *AUTO_FREE again = xmalloc(length + 4);
    size_t length_once, length_pieces;
    enum rc rc = decode(text, length, length + 1, once, &length_once);

    CHECK(decode(text, length, piece, pieces, &length_pieces) == rc);
    if (rc != RC_OK)
        return;
    CHECK(length_once == length_pieces && memcmp(once, pieces, length_once) == 0);
    CHECK(BASE64_TEXT(length_once) == length);
    base64_write(once, length_once, again);
    CHECK(memcmp(again, text, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct upload once, pieces;
    char *AUTO_FREE text = NULL;
    size_t piece;

    if (size < 2 || size > LIMIT / 2)
        return 0;
    piece = 1 + data[0] % 32;
    text = xstrndup((const char *)data + 1, size - 1);
    size = strlen(text);
    feed(&once, text, size, size + 1);
    feed(&pieces, text, size, piece);
    CHECK(once.rc == pieces.rc && once.sift.taken == pieces.sift.taken);
    if (once.rc == RC_OK)
        CHECK(same(&once.kept, &pieces.kept) && same(&once.taken, &pieces.taken));
    compare_with_reader(&once, text, size);
    check_base64(text, size, piece);
    if (once.taken.length)
        check_base64(once.taken.data, once.taken.length, piece);
    release(&once);
    release(&pieces);
    return 0;
}
