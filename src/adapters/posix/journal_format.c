/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/posix/journal_format.h"

#include <stdbool.h>
#include <string.h>

#include "base/crc.h"

const char journal_head[JOURNAL_HEAD] = "CJJOURN1";

static const uint32_t mark = 0x4a424a43; /* "CJBJ" */

struct batch_head {
    uint32_t mark;
    uint32_t length; /* of the data */
    uint64_t sequence;
    uint32_t data_crc;
    uint32_t head_crc; /* of the members above */
};

_Static_assert(sizeof(struct batch_head) == JOURNAL_BATCH_HEAD, "without padding");

static uint32_t head_crc(const struct batch_head *head)
{
    return crc32_extend(0, head, offsetof(struct batch_head, head_crc));
}

enum rc journal_put_record(struct buf *data, const void *record, size_t length)
{
    uint32_t length32 = (uint32_t)length;

    if (length > JOURNAL_RECORD_MAX || buf_reserve(data, sizeof(length32) + length) != RC_OK)
        return RC_TOO_BIG;
    (void)buf_append(data, &length32, sizeof(length32)); /* there is room */
    return buf_append(data, record, length);
}

void journal_batch_head(uint64_t sequence, const char *data, size_t length,
                        char head[JOURNAL_BATCH_HEAD])
{
    struct batch_head fields = {.mark = mark,
                                .length = (uint32_t)length,
                                .sequence = sequence,
                                .data_crc = crc32_extend(0, data, length)};

    fields.head_crc = head_crc(&fields);
    memcpy(head, &fields, sizeof(fields));
}

/* Whether a whole, sound batch begins at `at`. */
static bool read_batch(const char *file, size_t length, size_t at, struct batch_head *ret_head)
{
    struct batch_head head;

    if (length - at < sizeof(head))
        return false;
    memcpy(&head, file + at, sizeof(head));
    if (head.mark != mark || head.head_crc != head_crc(&head) ||
        head.length > length - at - sizeof(head) ||
        head.data_crc != crc32_extend(0, file + at + sizeof(head), head.length))
        return false;
    *ret_head = head;
    return true;
}

static bool has_batch_behind(const char *file, size_t length, size_t at)
{
    const char *found;
    struct batch_head head;

    while ((found = memmem(file + at, length - at, &mark, sizeof(mark)))) {
        at = (size_t)(found - file);
        if (read_batch(file, length, at, &head))
            return true;
        at++;
    }
    return false;
}

/* Visits the records of a batch's data (NULL: only checks them). */
static bool read_records(const char *data, size_t length, journal_visit visit, void *context)
{
    while (length) {
        uint32_t size;

        if (length < sizeof(size))
            return false;
        memcpy(&size, data, sizeof(size));
        data += sizeof(size);
        length -= sizeof(size);
        if (size > length || size > JOURNAL_RECORD_MAX)
            return false;
        if (visit)
            visit(context, &(struct journal_record){.data = data, .length = size});
        data += size;
        length -= size;
    }
    return true;
}

static enum rc find_end(const char *file, size_t length, struct journal_end *ret_end,
                        struct err *err)
{
    size_t at = JOURNAL_HEAD;
    uint64_t sequence = 0;
    struct batch_head head;

    while (at < length && read_batch(file, length, at, &head)) {
        if ((sequence && head.sequence != sequence + 1) ||
            !read_records(file + at + sizeof(head), head.length, NULL, NULL))
            return err_fail(err, RC_IO, "the journal does not make sense at byte %zu", at);
        sequence = head.sequence;
        at += sizeof(head) + head.length;
    }
    if (at < length && has_batch_behind(file, length, at))
        return err_fail(err, RC_IO, "the journal is damaged at byte %zu of %zu", at, length);
    *ret_end = (struct journal_end){at, sequence};
    return RC_OK;
}

enum rc journal_scan(const char *file, size_t length, journal_visit visit, void *context,
                     struct journal_end *ret_end, struct err *err)
{
    struct batch_head head;
    enum rc rc;

    if (length < JOURNAL_HEAD && memcmp(file, journal_head, length) == 0) {
        *ret_end = (struct journal_end){0};
        return RC_OK;
    }
    if (length < JOURNAL_HEAD || memcmp(file, journal_head, JOURNAL_HEAD) != 0)
        return err_fail(err, RC_IO, "the file is not a journal of this version");
    rc = find_end(file, length, ret_end, err);
    if (rc != RC_OK)
        return rc;
    for (size_t at = JOURNAL_HEAD; at < ret_end->at; at += sizeof(head) + head.length) {
        memcpy(&head, file + at, sizeof(head));
        (void)read_records(file + at + sizeof(head), head.length, visit, context); /* checked */
    }
    return RC_OK;
}
