/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/journal.h: what this worker must not forget when it dies. A local, append-only file.
 *
 * Contract: records appended come back, in order, after sync() answered RC_OK and whatever happens
 * next. A torn end is dropped silently; damage in the middle is RC_IO with words for the operator.
 * compact() replaces everything by the records given, atomically; records that were not synced are
 * dropped. When sync() answers RC_FULL, the records since the last one are not kept, the journal is
 * as it was, and they may be appended again later. RC_IO of sync() leaves the journal unusable
 * (every later call fails): a disk that failed an fsync is not believed again. One thread uses a
 * journal.
 */
#ifndef CRONJOB_PORTS_JOURNAL_H
#define CRONJOB_PORTS_JOURNAL_H

#include <stddef.h>

#include "base/err.h"

struct journal;

struct journal_record {
    const void *data;
    size_t length; /* up to 64 KiB */
};

typedef void (*journal_visit)(void *context, const struct journal_record *record);

struct journal_ops {
    const char *name;
    /* Every record there is, oldest first; called once, before anything is appended. */
    enum rc (*replay)(struct journal *journal, journal_visit visit, void *context, struct err *err);
    enum rc (*append)(struct journal *journal, const void *data, size_t length, struct err *err);
    enum rc (*sync)(struct journal *journal, struct err *err); /* RC_FULL, RC_IO */
    enum rc (*compact)(struct journal *journal, const struct journal_record *records, size_t count,
                       struct err *err);
    size_t (*size)(struct journal *journal); /* bytes, to decide when to compact */
    void (*free)(struct journal *journal);
};

struct journal {
    const struct journal_ops *ops;
};

MUST_USE static inline enum rc journal_replay(struct journal *journal, journal_visit visit,
                                              void *context, struct err *err)
{
    return journal->ops->replay(journal, visit, context, err);
}

MUST_USE static inline enum rc journal_append(struct journal *journal, const void *data,
                                              size_t length, struct err *err)
{
    return journal->ops->append(journal, data, length, err);
}

MUST_USE static inline enum rc journal_sync(struct journal *journal, struct err *err)
{
    return journal->ops->sync(journal, err);
}

MUST_USE static inline enum rc journal_compact(struct journal *journal,
                                               const struct journal_record *records, size_t count,
                                               struct err *err)
{
    return journal->ops->compact(journal, records, count, err);
}

static inline size_t journal_size(struct journal *journal)
{
    return journal->ops->size(journal);
}

static inline void journal_free(struct journal *journal)
{
    if (journal)
        journal->ops->free(journal);
}

#endif
