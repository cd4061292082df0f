/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/memory/store_kept.h: what is kept beside runs, with the store's mutex held: their
 * outputs, what their jobs were, and the hashes of both. */
#ifndef CRONJOB_ADAPTERS_MEMORY_STORE_KEPT_H
#define CRONJOB_ADAPTERS_MEMORY_STORE_KEPT_H

#include "adapters/memory/store_data.h"

/* Answers the outcome. */
MUST_USE enum rc memory_write_output(struct memory_store *store, struct store_write *write);

/* What the job is, before it is replaced. */
void memory_keep_revision(struct memory_job *job, instant_us now);
/* What the job was before any of its runs goes. */
void memory_forget_revisions(const struct memory_store *store, struct memory_job *job);

/* What the job was then, NULL when it is not kept. */
struct memory_revision *memory_revision_find(const struct memory_job *job, uint64_t revision);
/* The hash of what the job is, or was then; "" when there is none. */
const char *memory_hash_of(const struct memory_job *job, uint64_t revision);

/* False: it is not kept. */
bool memory_show_revision(const struct memory_job *job, uint64_t revision, document_visit visit,
                          void *context);
/* False: the visit ended it. */
bool memory_show_hashes(const struct memory_job *job, hash_visit visit, void *context);

#endif
