/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/packed.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "base/deflate.h"
#include "base/mem.h"

static const char magic[8] = "CJPACK1\n";

static void put(uint8_t *bytes, size_t length, uint64_t number)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, size_t length)
{
    uint64_t number = 0;

    for (size_t i = length; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

/* ---- writing --------------------------------------------------------------------------------- */

void packed_begin(struct packed_writer *writer)
{
    *writer = (struct packed_writer){.size = 0};
    buf_init(&writer->text, PACKED_PIECE);
    buf_init(&writer->index, (size_t)PACKED_PIECES_MAX * PACKED_ENTRY);
}

void packed_release(struct packed_writer *writer)
{
    buf_release(&writer->text);
    buf_release(&writer->index);
}

static enum rc add_entry(struct packed_writer *writer)
{
    uint8_t entry[PACKED_ENTRY];

    put(entry, 8, (uint64_t)writer->at);
    put(entry + 8, 4, (uint64_t)writer->newlines);
    put(entry + 12, 4, crc32_extend(0, writer->text.data, writer->text.length));
    return buf_append(&writer->index, entry, sizeof(entry));
}

static int64_t count_newlines(const char *text, size_t length)
{
    const char *end = text + length;
    int64_t count = 0;

    for (const char *at = text; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        count++;
    return count;
}

static enum rc close_piece(struct packed_writer *writer, struct buf *out)
{
    struct buf *text = &writer->text;
    size_t length;

    if (add_entry(writer) != RC_OK || buf_reserve(out, deflate_bound(text->length)) != RC_OK)
        return RC_TOO_BIG;
    CHECK(deflate_piece(text->data, text->length, out->data + out->length, &length));
    out->length += length;
    writer->at += (int64_t)length;
    writer->newlines += count_newlines(text->data, text->length);
    writer->in_line = text->data[text->length - 1] != '\n';
    buf_reset(text);
    return RC_OK;
}

enum rc packed_add(struct packed_writer *writer, const void *text, size_t length, struct buf *out)
{
    const char *data = text;
    enum rc rc = RC_OK;

    while (rc == RC_OK && length) {
        size_t part = MIN(length, PACKED_PIECE - writer->text.length);

        rc = buf_append(&writer->text, data, part);
        data += part;
        length -= part;
        writer->size += (int64_t)part;
        if (rc == RC_OK && writer->text.length == PACKED_PIECE)
            rc = close_piece(writer, out);
    }
    return rc;
}

enum rc packed_end(struct packed_writer *writer, struct buf *out)
{
    const struct buf *index = &writer->index;
    uint8_t footer[PACKED_FOOTER];
    enum rc rc = writer->text.length ? close_piece(writer, out) : RC_OK;

    if (rc != RC_OK)
        return rc;
    memcpy(footer, magic, sizeof(magic));
    put(footer + 8, 8, (uint64_t)writer->size);
    put(footer + 16, 8, (uint64_t)(writer->newlines + writer->in_line));
    put(footer + 24, 8, (uint64_t)writer->at);
    put(footer + 32, 4, index->length / PACKED_ENTRY);
    put(footer + 36, 4, PACKED_PIECE);
    put(footer + 40, 4, crc32_extend(0, index->data, index->length));
    put(footer + 44, 4, crc32_extend(0, footer, 44));
    rc = buf_append(out, index->data, index->length);
    return rc == RC_OK ? buf_append(out, footer, sizeof(footer)) : rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum rc damaged(struct err *err)
{
    return err_fail(err, RC_MALFORMED, "a stored output is damaged");
}

enum rc packed_footer_read(const void *bytes, int64_t object_size, struct packed_footer *ret_footer,
                           struct err *err)
{
    const uint8_t *at = bytes;
    struct packed_footer footer = {
        .size = (int64_t)get(at + 8, 8),
        .lines = (int64_t)get(at + 16, 8),
        .index_at = (int64_t)get(at + 24, 8),
        .pieces = (uint32_t)get(at + 32, 4),
        .index_crc = (uint32_t)get(at + 40, 4),
    };

    if (memcmp(at, magic, sizeof(magic)) != 0 || get(at + 36, 4) != PACKED_PIECE ||
        crc32_extend(0, at, 44) != get(at + 44, 4) || footer.pieces > PACKED_PIECES_MAX ||
        footer.index_at < 0 ||
        footer.index_at != object_size - PACKED_FOOTER - (int64_t)packed_index_length(&footer))
        return damaged(err);
    if (footer.size < 0 || footer.size > (int64_t)footer.pieces * PACKED_PIECE ||
        footer.size <= ((int64_t)footer.pieces - 1) * PACKED_PIECE || footer.lines < 0 ||
        footer.lines > footer.size)
        return damaged(err);
    *ret_footer = footer;
    return RC_OK;
}

static int64_t text_before(const struct packed_index *index, uint32_t piece)
{
    return MIN((int64_t)piece * PACKED_PIECE, index->size);
}

/* Whether the piece can be between its entry and the next one. */
static bool is_possible(const struct packed_index *index, uint32_t piece)
{
    const struct packed_entry *entry = &index->entries[piece], *next = entry + 1;

    return next->at > entry->at && next->newlines >= entry->newlines &&
           next->at - entry->at <= (int64_t)deflate_bound(PACKED_PIECE) &&
           next->newlines - entry->newlines <=
               text_before(index, piece + 1) - text_before(index, piece);
}

enum rc packed_index_read(const struct packed_footer *footer, const void *bytes,
                          struct packed_index *ret_index, struct err *err)
{
    struct packed_index index = {
        .size = footer->size, .lines = footer->lines, .pieces = footer->pieces};
    const uint8_t *at = bytes;
    bool possible = true;

    if (crc32_extend(0, bytes, packed_index_length(footer)) != footer->index_crc)
        return damaged(err);
    index.entries = xcalloc((size_t)footer->pieces + 1, sizeof(*index.entries));
    for (uint32_t i = 0; i < footer->pieces; i++, at += PACKED_ENTRY)
        index.entries[i] = (struct packed_entry){.at = (int64_t)get(at, 8),
                                                 .newlines = (int64_t)get(at + 8, 4),
                                                 .crc = (uint32_t)get(at + 12, 4)};
    index.entries[footer->pieces] =
        (struct packed_entry){.at = footer->index_at, .newlines = footer->lines};
    if (index.entries[0].at != 0 || index.entries[0].newlines != 0)
        possible = footer->pieces == 0 && footer->index_at == 0 && footer->lines == 0;
    for (uint32_t i = 0; possible && i < footer->pieces; i++)
        possible = is_possible(&index, i);
    if (!possible) {
        packed_index_release(&index);
        return damaged(err);
    }
    *ret_index = index;
    return RC_OK;
}

void packed_index_release(struct packed_index *index)
{
    free(index->entries);
    *index = (struct packed_index){.size = 0};
}

size_t packed_piece_length(const struct packed_index *index, uint32_t piece)
{
    return (size_t)(text_before(index, piece + 1) - text_before(index, piece));
}

enum rc packed_piece_read(const struct packed_index *index, uint32_t piece, const void *bytes,
                          char text[PACKED_PIECE], struct err *err)
{
    const struct packed_entry *entry = &index->entries[piece];
    size_t length = packed_piece_length(index, piece);

    if (!inflate_piece(bytes, (size_t)(entry[1].at - entry->at), text, length) ||
        crc32_extend(0, text, length) != entry->crc)
        return damaged(err);
    return RC_OK;
}

uint32_t packed_find_newline(const struct packed_index *index, int64_t number)
{
    uint32_t low = 0, high = index->pieces;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (index->entries[middle].newlines < number)
            low = middle;
        else
            high = middle;
    }
    return low;
}
