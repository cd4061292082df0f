/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/journal_format.h: the bytes of a journal file. Pure functions.
 *
 * A head, then batches: what one sync() made durable, with a head of its own (mark, length,
 * sequence, checksum of the data, checksum of this head) and records of a length and that many
 * bytes. Only the last batch can be torn by a crash, and then all of it is void: none of it was
 * promised. So damage with a sound batch anywhere behind it is damage, and without one it is a torn
 * end.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_JOURNAL_FORMAT_H
#define CRONJOB_ADAPTERS_POSIX_JOURNAL_FORMAT_H

#include <stdint.h>

#include "base/buf.h"

#include "ports/journal.h"

enum {
    JOURNAL_HEAD = 8,                /* bytes of a file's head */
    JOURNAL_BATCH_HEAD = 24,         /* bytes of a batch's head */
    JOURNAL_RECORD_MAX = 64 * 1024,  /* bytes of a record */
    JOURNAL_BATCH_MAX = 1024 * 1024, /* a batch is closed when it is larger than this */
};

extern const char journal_head[JOURNAL_HEAD];

/* Appends a record to the data of a batch. RC_TOO_BIG. */
MUST_USE enum rc journal_put_record(struct buf *data, const void *record, size_t length);

void journal_batch_head(uint64_t sequence, const char *data, size_t length,
                        char head[JOURNAL_BATCH_HEAD]);

struct journal_end {
    size_t at;         /* where the sound part of a file ends; 0: not even a head */
    uint64_t sequence; /* the number of its last batch; 0: there is none */
};

/* Visits the records of a whole file. RC_IO: it is no journal, or damaged in the middle; then
 * nothing was visited. */
MUST_USE enum rc journal_scan(const char *file, size_t length, journal_visit visit, void *context,
                              struct journal_end *ret_end, struct err *err);

#endif
