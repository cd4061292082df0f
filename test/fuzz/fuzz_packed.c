/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are an object with a long output: what is read of it is within it and within its text,
 * also when its checksums are right, and its lines are where its newlines are.
 */
#include <string.h>

#include "base/check.h"
#include "base/crc.h"
#include "base/mem.h"

#include "fuzz/fuzz.h"
#include "wire/packed.h"

static void put(uint8_t *bytes, uint32_t number)
{
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
}

/* Past the checksums there is more to find. */
static void mend(uint8_t *object, size_t size)
{
    uint8_t *footer = object + size - PACKED_FOOTER;
    uint64_t index =
        (uint64_t)footer[32] * PACKED_ENTRY + (uint64_t)footer[33] * 256 * PACKED_ENTRY;

    if (index <= size - PACKED_FOOTER)
        put(footer + 40, crc32_extend(0, footer - index, (size_t)index));
    put(footer + 44, crc32_extend(0, footer, 44));
}

static void read_pieces(const struct packed_index *index, const uint8_t *object)
{
    static char text[PACKED_PIECE];
    int64_t size = 0;

    for (uint32_t i = 0; i < index->pieces; i++) {
        const struct packed_entry *entry = &index->entries[i];
        size_t length = packed_piece_length(index, i);

        CHECK(length > 0 && length <= PACKED_PIECE);
        CHECK(entry[0].at >= 0 && entry[0].at < entry[1].at);
        if (entry[1].newlines > entry[0].newlines)
            CHECK(packed_find_newline(index, entry[1].newlines) <= i);
        if (packed_piece_read(index, i, object + entry->at, text, NULL) == RC_OK)
            CHECK(crc32_extend(0, text, length) == entry->crc);
        size += (int64_t)length;
    }
    CHECK(size == index->size);
}

static void read_object(const uint8_t *object, size_t size)
{
    struct packed_footer footer;
    struct packed_index index;

    if (packed_footer_read(object + size - PACKED_FOOTER, (int64_t)size, &footer, NULL) != RC_OK)
        return;
    CHECK((size_t)footer.index_at + packed_index_length(&footer) + PACKED_FOOTER == size);
    if (packed_index_read(&footer, object + footer.index_at, &index, NULL) != RC_OK)
        return;
    read_pieces(&index, object);
    packed_index_release(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *AUTO_FREE copy = NULL;

    if (size < PACKED_FOOTER)
        return 0;
    copy = xmalloc(size);
    memcpy(copy, data, size);
    read_object(copy, size);
    mend(copy, size);
    read_object(copy, size);
    return 0;
}
