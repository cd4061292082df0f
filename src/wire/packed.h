/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/packed.h: a long text in compressed pieces, so that any stretch of it is read without the
 * rest. Bytes in and bytes out; where they are kept is the caller's.
 *
 *     piece ...   64 KiB of text each, the last what is left, deflated by itself
 *     index       for each piece: where it begins, how many newlines are before it, and its CRC,
 *                 for deflate's own checksum misses what is changed in a line's middle
 *     footer      "CJPACK1\n", the sizes of all that, a CRC of the index and one of itself
 *
 * Numbers are little-endian. A reader asks for the footer, which is the end of the object, then for
 * the index, then for the pieces it needs. It believes nothing: whatever comes, what it answers is
 * the text or RC_MALFORMED.
 */
#ifndef CRONJOB_WIRE_PACKED_H
#define CRONJOB_WIRE_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#include "core/limits.h"

enum {
    PACKED_PIECE = 64 * 1024, /* bytes of text */
    PACKED_FOOTER = 48,
    PACKED_ENTRY = 16,                                   /* of the index */
    PACKED_PIECES_MAX = LIMIT_OUTPUT / PACKED_PIECE + 1, /* and a line on what was left out */
};

/* ---- writing --------------------------------------------------------------------------------- */

struct packed_writer {
    struct buf text;  /* of the piece that is not full yet */
    struct buf index; /* of those before */
    int64_t size;     /* of all that was added */
    int64_t at;       /* bytes that were made of it */
    int64_t newlines; /* before the piece */
    bool in_line;     /* the last byte is no newline */
};

void packed_begin(struct packed_writer *writer);
void packed_release(struct packed_writer *writer);

/* What is to be written goes behind `out`. RC_TOO_BIG: the text, or `out`. */
MUST_USE enum rc packed_add(struct packed_writer *writer, const void *text, size_t length,
                            struct buf *out);
MUST_USE enum rc packed_end(struct packed_writer *writer, struct buf *out);

/* ---- reading --------------------------------------------------------------------------------- */

struct packed_footer {
    int64_t size;     /* of the text */
    int64_t lines;    /* of it; the last may lack its newline */
    int64_t index_at; /* where the index begins, in the object */
    uint32_t pieces;
    uint32_t index_crc;
};

static inline size_t packed_index_length(const struct packed_footer *footer)
{
    return (size_t)footer->pieces * PACKED_ENTRY;
}

/* Of the last PACKED_FOOTER bytes of an object of `object_size` bytes. */
MUST_USE enum rc packed_footer_read(const void *bytes, int64_t object_size,
                                    struct packed_footer *ret_footer, struct err *err);

struct packed_index {
    int64_t size, lines;
    uint32_t pieces;
    struct packed_entry {
        int64_t at;       /* in the object */
        int64_t newlines; /* before it */
        uint32_t crc;     /* of its text */
    } * entries;          /* and one for the end */
};

/* Of the packed_index_length() bytes at index_at. */
MUST_USE enum rc packed_index_read(const struct packed_footer *footer, const void *bytes,
                                   struct packed_index *ret_index, struct err *err);
void packed_index_release(struct packed_index *index);

/* Bytes of text in a piece; all but the last have PACKED_PIECE. */
size_t packed_piece_length(const struct packed_index *index, uint32_t piece);

/* The text of a piece, from its bytes in the object: all between its `at` and the next one's. */
MUST_USE enum rc packed_piece_read(const struct packed_index *index, uint32_t piece,
                                   const void *bytes, char text[PACKED_PIECE], struct err *err);

/* The piece that has the newline of this number, from 1 on; it is there. */
uint32_t packed_find_newline(const struct packed_index *index, int64_t number);

#endif
