/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/memory/journal.h: a journal whose disk is memory and whose faults are made to order.
 *
 * The disk outlives the journals opened on it, one at a time. journal_free() is the death of the
 * process: what was not synced is gone.
 */
#ifndef CRONJOB_ADAPTERS_MEMORY_JOURNAL_H
#define CRONJOB_ADAPTERS_MEMORY_JOURNAL_H

#include <stdbool.h>

#include "ports/journal.h"

struct memory_disk;

struct memory_disk *memory_disk_new(void);
void memory_disk_free(struct memory_disk *disk); /* no journal is open on it */

struct journal *memory_journal_open(struct memory_disk *disk);

/* The n-th call from now on of append(), sync() or compact() fails with `rc`, RC_IO or RC_FULL; 0:
 * none. With `applied`, a sync() that fails has nevertheless written. */
void memory_disk_fail(struct memory_disk *disk, int nth, enum rc rc, bool applied);

#endif
