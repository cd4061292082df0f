/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/memory/cron_table.h: a crontab in memory, for tests: what it says, and how it fails. One
 * thread. */
#ifndef CRONJOB_ADAPTERS_MEMORY_CRON_TABLE_H
#define CRONJOB_ADAPTERS_MEMORY_CRON_TABLE_H

#include "ports/cron_table.h"

struct cron_table *memory_cron_table_new(void);

/* "" when there is none. Valid until it changes. */
const char *memory_cron_table_text(const struct cron_table *table);
/* How often it was written. */
size_t memory_cron_table_writes(const struct cron_table *table);
/* Somebody else's doing; NULL: it is removed. */
void memory_cron_table_set(struct cron_table *table, const char *text);
/* What keep() answers until further notice. */
void memory_cron_table_fail(struct cron_table *table, enum rc rc);

#endif
