/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/journal.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { RECORD_MAX = 64 * 1024 };

struct record {
    struct record *next;
    size_t length;
    char data[];
};

/* In order; `tail` is where the next one goes. */
struct records {
    struct record *first;
    struct record **tail;
    size_t size;
};

struct memory_disk {
    struct records synced;
    bool open;
    int fail_in; /* calls until the one that fails, 0: none does */
    enum rc fail_with;
    bool fail_applied;
};

struct memory_journal {
    struct journal base;
    struct memory_disk *disk;
    struct records pending;
    bool broken;
};

static struct memory_journal *self_of(struct journal *journal)
{
    return container_of(journal, struct memory_journal, base);
}

static void records_init(struct records *records)
{
    *records = (struct records){.first = NULL};
    records->tail = &records->first;
}

static void records_release(struct records *records)
{
    while (records->first) {
        struct record *next = records->first->next;

        free(records->first);
        records->first = next;
    }
    records_init(records);
}

static void records_add(struct records *records, const void *data, size_t length)
{
    struct record *record = xmalloc(sizeof(*record) + length);

    *record = (struct record){.length = length};
    memcpy(record->data, data, length);
    *records->tail = record;
    records->tail = &record->next;
    records->size += length;
}

static void records_move(struct records *from, struct records *to)
{
    if (from->first) {
        *to->tail = from->first;
        to->tail = from->tail;
        to->size += from->size;
    }
    records_init(from);
}

struct memory_disk *memory_disk_new(void)
{
    struct memory_disk *disk = xcalloc(1, sizeof(*disk));

    records_init(&disk->synced);
    return disk;
}

void memory_disk_free(struct memory_disk *disk)
{
    if (!disk)
        return;
    CHECK(!disk->open);
    records_release(&disk->synced);
    free(disk);
}

void memory_disk_fail(struct memory_disk *disk, int nth, enum rc rc, bool applied)
{
    disk->fail_in = nth;
    disk->fail_with = rc;
    disk->fail_applied = applied;
}

/* RC_OK, or the fault that was ordered for this call. */
static enum rc pass(struct memory_journal *self, struct err *err)
{
    if (self->broken)
        return err_fail(err, RC_IO, "the journal has failed before");
    if (!self->disk->fail_in || --self->disk->fail_in)
        return RC_OK;
    return err_fail(err, self->disk->fail_with, "a fault made to order");
}

static enum rc memory_replay(struct journal *journal, journal_visit visit, void *context,
                             struct err *err)
{
    const struct record *record = self_of(journal)->disk->synced.first;

    (void)err;
    for (; record; record = record->next)
        visit(context, &(struct journal_record){.data = record->data, .length = record->length});
    return RC_OK;
}

static enum rc memory_append(struct journal *journal, const void *data, size_t length,
                             struct err *err)
{
    struct memory_journal *self = self_of(journal);
    enum rc rc = pass(self, err);

    if (rc != RC_OK)
        return rc;
    if (length > RECORD_MAX)
        return err_fail(err, RC_TOO_BIG, "a record of %zu bytes is too large for the journal",
                        length);
    records_add(&self->pending, data, length);
    return RC_OK;
}

static enum rc memory_sync(struct journal *journal, struct err *err)
{
    struct memory_journal *self = self_of(journal);
    enum rc rc = pass(self, err);

    if (rc == RC_OK || (!self->broken && rc == RC_IO && self->disk->fail_applied))
        records_move(&self->pending, &self->disk->synced);
    self->broken |= rc == RC_IO;
    records_release(&self->pending);
    return rc;
}

static enum rc memory_compact(struct journal *journal, const struct journal_record *records,
                              size_t count, struct err *err)
{
    struct memory_journal *self = self_of(journal);
    enum rc rc = pass(self, err);
    struct records fresh;

    if (rc != RC_OK)
        return rc;
    records_init(&fresh);
    for (size_t i = 0; i < count; i++)
        records_add(&fresh, records[i].data, records[i].length);
    records_release(&self->disk->synced);
    records_release(&self->pending);
    records_move(&fresh, &self->disk->synced);
    return RC_OK;
}

static size_t memory_size(struct journal *journal)
{
    return self_of(journal)->disk->synced.size + self_of(journal)->pending.size;
}

static void memory_free(struct journal *journal)
{
    struct memory_journal *self = self_of(journal);

    self->disk->open = false;
    records_release(&self->pending);
    free(self);
}

struct journal *memory_journal_open(struct memory_disk *disk)
{
    static const struct journal_ops ops = {.name = "memory",
                                           .replay = memory_replay,
                                           .append = memory_append,
                                           .sync = memory_sync,
                                           .compact = memory_compact,
                                           .size = memory_size,
                                           .free = memory_free};
    struct memory_journal *self = xcalloc(1, sizeof(*self));

    CHECK(!disk->open);
    disk->open = true;
    self->base.ops = &ops;
    self->disk = disk;
    records_init(&self->pending);
    return &self->base;
}
