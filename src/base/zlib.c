/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "base/crc.h"
#include "base/deflate.h"

uint32_t crc32_extend(uint32_t crc, const void *data, size_t length)
{
    return (uint32_t)crc32_z(crc, data, length);
}

size_t deflate_bound(size_t length)
{
    return compressBound(length);
}

bool deflate_piece(const void *data, size_t length, void *packed, size_t *ret_length)
{
    uLongf room = compressBound(length);

    /* The quickest level: logs become a quarter, where more effort would make a fifth of them. */
    if (compress2(packed, &room, data, length, Z_BEST_SPEED) != Z_OK)
        return false;
    *ret_length = room;
    return true;
}

bool inflate_piece(const void *packed, size_t packed_length, void *data, size_t length)
{
    uLongf room = length, taken = packed_length;

    return uncompress2(data, &room, packed, &taken) == Z_OK && room == length &&
           taken == packed_length;
}
