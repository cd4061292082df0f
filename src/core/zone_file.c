/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone_file.h"

#include <string.h>

#include "base/mem.h"

enum { HEADER_SIZE = 44, TYPES_MAX = 256, TYPE_SIZE = 6, RULE_TEXT_MAX = 256 };

/* RFC 8536 section 3.2: transition times should not be before -2^59; nor does anything real lie
 * after 2^59. */
#define TIME_LIMIT_S ((int64_t)1 << 59)

struct reader {
    const unsigned char *at;
    size_t left;
};

struct header {
    int version;
    uint32_t isutcnt;
    uint32_t isstdcnt;
    uint32_t leapcnt;
    uint32_t timecnt;
    uint32_t typecnt;
    uint32_t charcnt;
};

/* The parts of a data block that matter here. */
struct block {
    const unsigned char *times;
    const unsigned char *indexes;
    const unsigned char *types;
    const unsigned char *chars;
};

static enum rc damaged(struct err *err, const char *what)
{
    return err_fail(err, RC_INVALID, "not a good TZif file: %s", what);
}

static uint64_t read_big_endian(const unsigned char *bytes, int size)
{
    uint64_t value = 0;

    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static const unsigned char *take(struct reader *reader, size_t length)
{
    const unsigned char *at = reader->at;

    if (length > reader->left)
        return NULL;
    reader->at += length;
    reader->left -= length;
    return at;
}

/* RFC 8536 section 3.1. */
static enum rc read_header(struct reader *reader, struct header *ret_header, struct err *err)
{
    const unsigned char *bytes = take(reader, HEADER_SIZE);
    struct header header;

    if (!bytes || memcmp(bytes, "TZif", 4) != 0)
        return damaged(err, "it does not begin with a header");
    header = (struct header){
        .version = bytes[4] ? bytes[4] - '0' : 1,
        .isutcnt = (uint32_t)read_big_endian(bytes + 20, 4),
        .isstdcnt = (uint32_t)read_big_endian(bytes + 24, 4),
        .leapcnt = (uint32_t)read_big_endian(bytes + 28, 4),
        .timecnt = (uint32_t)read_big_endian(bytes + 32, 4),
        .typecnt = (uint32_t)read_big_endian(bytes + 36, 4),
        .charcnt = (uint32_t)read_big_endian(bytes + 40, 4),
    };
    if (header.version < 1 || header.version > 4 || (bytes[4] && header.version == 1))
        return damaged(err, "its version is not one of 1 to 4");
    if (!header.typecnt || header.typecnt > TYPES_MAX || !header.charcnt ||
        (header.isutcnt && header.isutcnt != header.typecnt) ||
        (header.isstdcnt && header.isstdcnt != header.typecnt))
        return damaged(err, "its header's counts contradict each other");
    *ret_header = header;
    return RC_OK;
}

/* RFC 8536 section 3.2; `time_size` is 4 in the first block and 8 in the second. */
static enum rc read_block(struct reader *reader, const struct header *header, size_t time_size,
                          struct block *ret_block, struct err *err)
{
    /* the counts have 32 bits and the factors are small: none of this can overflow 64 bits */
    size_t times = header->timecnt * time_size;
    size_t size = times + header->timecnt + (size_t)header->typecnt * TYPE_SIZE + header->charcnt +
                  header->leapcnt * (time_size + 4) + header->isstdcnt + header->isutcnt;
    const unsigned char *bytes = take(reader, size);

    if (!bytes)
        return damaged(err, "it is cut off");
    *ret_block = (struct block){
        .times = bytes,
        .indexes = bytes + times,
        .types = bytes + times + header->timecnt,
        .chars = bytes + times + header->timecnt + (size_t)header->typecnt * TYPE_SIZE,
    };
    return RC_OK;
}

static enum rc read_types(const struct header *header, const struct block *block,
                          int32_t offsets[TYPES_MAX], struct err *err)
{
    if (block->chars[header->charcnt - 1] != '\0')
        return damaged(err, "a designation has no end");
    for (uint32_t i = 0; i < header->typecnt; i++) {
        const unsigned char *type = block->types + (size_t)i * TYPE_SIZE;

        offsets[i] = (int32_t)read_big_endian(type, 4);
        if (offsets[i] < ZONE_OFFSET_MIN || offsets[i] > ZONE_OFFSET_MAX)
            return damaged(err, "an offset from UTC is more than a day");
        if (type[4] > 1 || type[5] >= header->charcnt)
            return damaged(err, "a local time type points nowhere");
    }
    return RC_OK;
}

/* Changes that leave the offset as it is (a new abbreviation, say) are left out. */
static enum rc read_changes(const struct header *header, const struct block *block, int time_size,
                            struct zone *zone, struct err *err)
{
    int32_t offsets[TYPES_MAX], offset_s;
    int64_t previous = INT64_MIN;
    enum rc rc = read_types(header, block, offsets, err);

    if (rc != RC_OK)
        return rc;
    zone->offset_s = offset_s = offsets[0];
    for (uint32_t i = 0; i < header->timecnt; i++) {
        uint64_t raw = read_big_endian(block->times + (size_t)i * (size_t)time_size, time_size);
        int64_t at = time_size == 4 ? (int32_t)raw : (int64_t)raw;
        unsigned type = block->indexes[i];

        if (at <= previous || at < -TIME_LIMIT_S || at > TIME_LIMIT_S)
            return damaged(err, "its changes are not in order");
        if (type >= header->typecnt)
            return damaged(err, "a change points nowhere");
        previous = at;
        if (offsets[type] == offset_s)
            continue;
        offset_s = offsets[type];
        zone->changes[zone->count] = at;
        zone->offsets[zone->count++] = offset_s;
    }
    zone->rule_from_s = previous;
    return RC_OK;
}

/* RFC 8536 section 3.3: a newline, a TZ string or nothing, a newline. */
static enum rc read_footer(struct reader *reader, const struct header *header, struct zone *zone,
                           struct err *err)
{
    const unsigned char *text = reader->at + 1;
    const unsigned char *end;
    char copy[RULE_TEXT_MAX];
    size_t length;

    if (reader->left < 2 || reader->at[0] != '\n')
        return damaged(err, "it has no footer");
    end = memchr(text, '\n', reader->left - 1);
    if (!end || end + 1 != reader->at + reader->left || end - text >= RULE_TEXT_MAX)
        return damaged(err, "its footer is not one line");
    length = (size_t)(end - text);
    if (memchr(text, '\0', length))
        return damaged(err, "its footer is not text");
    memcpy(copy, text, length);
    copy[length] = '\0';
    zone->has_rule = length > 0;
    return length ? zone_rule_parse(copy, header->version >= 3, &zone->rule, err) : RC_OK;
}

static enum rc read_zone(const struct header *header, const struct block *block, int time_size,
                         struct reader *footer, struct zone *zone, struct err *err)
{
    enum rc rc;

    if (header->leapcnt)
        return err_fail(err, RC_INVALID, "a zone that counts leap seconds cannot be used");
    zone->changes = xcalloc(header->timecnt, sizeof(*zone->changes));
    zone->offsets = xcalloc(header->timecnt, sizeof(*zone->offsets));
    rc = read_changes(header, block, time_size, zone, err);
    if (rc == RC_OK && footer)
        rc = read_footer(footer, header, zone, err);
    if (!zone->has_rule)
        zone->rule_from_s = INT64_MAX;
    return rc;
}

enum rc zone_parse(const char *name, const void *data, size_t length, struct zone **ret_zone,
                   struct err *err)
{
    struct reader reader = {data, length};
    struct header first, second;
    struct block block;
    struct zone *zone;
    enum rc rc;

    if (!zone_name_is_valid(name))
        return err_fail(err, RC_INVALID, "that is not the name of a time zone");
    rc = read_header(&reader, &first, err);
    if (rc == RC_OK)
        rc = read_block(&reader, &first, 4, &block, err);
    if (rc == RC_OK && first.version > 1) {
        rc = read_header(&reader, &second, err);
        if (rc == RC_OK && second.version != first.version)
            rc = damaged(err, "its two headers differ");
        if (rc == RC_OK)
            rc = read_block(&reader, &second, 8, &block, err);
    }
    if (rc != RC_OK)
        return rc;
    zone = xcalloc(1, sizeof(*zone));
    memcpy(zone->name, name, strlen(name) + 1);
    rc = first.version > 1 ? read_zone(&second, &block, 8, &reader, zone, err)
                           : read_zone(&first, &block, 4, NULL, zone, err);
    if (rc != RC_OK) {
        zone_free(zone);
        return rc;
    }
    *ret_zone = zone;
    return RC_OK;
}
