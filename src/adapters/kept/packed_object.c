/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/kept/packed_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"
#include "base/mem.h"

enum {
    END = 64 * 1024, /* bytes of the end that are asked for at first: the index of 250 MiB */
    AHEAD = 8,       /* pieces that who reads on is given at once */
};

static enum rc explain(enum rc rc, struct err *err)
{
    return rc == RC_MALFORMED ? RC_IO : err_prefix(err, rc, "a stored output");
}

static bool take(void *context, const void *data, size_t length)
{
    return buf_append(context, data, length) == RC_OK;
}

/* So many bytes from `offset` on, no more and no fewer. */
static enum rc fetch(struct packed_object *object, int64_t offset, size_t length, struct err *err)
{
    struct object_range range = {.offset = offset, .length = (int64_t)length};
    struct buf *fetched = &object->fetched;
    enum rc rc;

    buf_reset(fetched);
    fetched->limit = length;
    rc = objects_get(object->objects, object->key, &range, take, fetched, err);
    if (rc == RC_OK && fetched->length != length)
        return err_fail(err, RC_MALFORMED, "a stored output is shorter than it was");
    return rc;
}

/* The index is most often in the end already. */
static enum rc read_end(struct packed_object *object, int64_t size, struct err *err)
{
    size_t length = (size_t)MIN(size, (int64_t)END), index;
    struct packed_footer footer;
    enum rc rc;

    if (size < PACKED_FOOTER)
        return err_fail(err, RC_MALFORMED, "a stored output is damaged");
    rc = fetch(object, size - (int64_t)length, length, err);
    if (rc == RC_OK)
        rc = packed_footer_read(object->fetched.data + length - PACKED_FOOTER, size, &footer, err);
    if (rc != RC_OK)
        return rc;
    index = packed_index_length(&footer);
    if (index + PACKED_FOOTER <= length)
        return packed_index_read(&footer, object->fetched.data + length - PACKED_FOOTER - index,
                                 &object->index, err);
    rc = fetch(object, footer.index_at, index, err);
    return rc == RC_OK ? packed_index_read(&footer, object->fetched.data, &object->index, err) : rc;
}

enum rc packed_object_open(struct packed_object *object, struct objects *objects,
                           const struct run_key *run, struct err *err)
{
    struct object_info info;
    enum rc rc;

    *object = (struct packed_object){.objects = objects};
    (void)output_object_key(run, object->key);
    buf_init(&object->fetched, 0);
    rc = objects_stat(objects, object->key, &info, err);
    if (rc == RC_OK)
        rc = read_end(object, info.size, err);
    return rc == RC_OK ? rc : explain(rc, err);
}

void packed_object_release(struct packed_object *object)
{
    packed_index_release(&object->index);
    buf_release(&object->fetched);
    free(TAKE(object->text));
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static bool has_piece(const struct packed_object *object, uint32_t piece)
{
    return object->text && piece >= object->piece && piece - object->piece < object->pieces;
}

static enum rc read_pieces(struct packed_object *object, uint32_t first, uint32_t count,
                           struct err *err)
{
    const struct packed_entry *entries = object->index.entries;
    int64_t at = entries[first].at;
    enum rc rc = fetch(object, at, (size_t)(entries[first + count].at - at), err);

    object->pieces = 0;
    if (!object->text)
        object->text = xmalloc((size_t)AHEAD * PACKED_PIECE);
    for (uint32_t i = 0; rc == RC_OK && i < count; i++)
        rc = packed_piece_read(&object->index, first + i,
                               object->fetched.data + (entries[first + i].at - at),
                               object->text + (size_t)i * PACKED_PIECE, err);
    if (rc != RC_OK)
        return rc;
    object->piece = first;
    object->pieces = count;
    return RC_OK;
}

/* Who reads on from the last one will read on. */
static enum rc want_piece(struct packed_object *object, uint32_t piece, struct err *err)
{
    bool goes_on = object->pieces && piece == object->piece + object->pieces;
    uint32_t count = goes_on ? MIN((uint32_t)AHEAD, object->index.pieces - piece) : 1;

    return has_piece(object, piece) ? RC_OK : read_pieces(object, piece, count, err);
}

/* The text of a piece that was read. */
static const char *text_of(const struct packed_object *object, uint32_t piece)
{
    return object->text + (size_t)(piece - object->piece) * PACKED_PIECE;
}

enum rc packed_object_read(struct packed_object *object, struct output_piece *piece,
                           struct err *err)
{
    char *data = piece->data;
    int64_t at = piece->offset;
    size_t done = 0;
    enum rc rc;

    while (done < piece->capacity && at < object->index.size) {
        uint32_t number = (uint32_t)(at / PACKED_PIECE);
        size_t from = (size_t)(at % PACKED_PIECE), part;

        if (done && !has_piece(object, number))
            break; /* enough for once */
        rc = want_piece(object, number, err);
        if (rc != RC_OK)
            return explain(rc, err);
        part = MIN(packed_piece_length(&object->index, number) - from, piece->capacity - done);
        memcpy(data + done, text_of(object, number) + from, part);
        done += part;
        at += (int64_t)part;
    }
    piece->length = done;
    return RC_OK;
}

enum rc packed_object_tail(struct packed_object *object, int64_t lines, int64_t *ret_offset,
                           struct err *err)
{
    const struct packed_index *index = &object->index;
    int64_t newline = index->lines - lines; /* the one behind which they begin */
    const char *text, *at, *end;
    uint32_t piece;
    enum rc rc;

    *ret_offset = newline > 0 ? index->size : 0;
    if (newline <= 0 || lines == 0)
        return RC_OK;
    piece = packed_find_newline(index, newline);
    rc = want_piece(object, piece, err);
    if (rc != RC_OK)
        return explain(rc, err);
    at = text = text_of(object, piece);
    end = text + packed_piece_length(index, piece);
    newline -= index->entries[piece].newlines;
    while (newline-- > 0) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at++)
            return err_fail(err, RC_IO, "a stored output is damaged");
    }
    *ret_offset = (int64_t)piece * PACKED_PIECE + (at - text);
    return RC_OK;
}
