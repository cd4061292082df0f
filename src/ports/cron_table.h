/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/cron_table.h: the node's own crontab, as far as it is ours.
 *
 * Contract: keep() makes it say exactly `text` (core/crontab_line.h), all of it or nothing, and
 * tells what it found there: so it is called after every change and once in a while without one.
 * What is right already is not touched. No text at all takes away what is ours. Nothing that others
 * put in its place is followed or kept, links least of all, but what they have beside it stays. It
 * may wait for a disk or a program, for ten seconds at most; one thread uses it.
 */
#ifndef CRONJOB_PORTS_CRON_TABLE_H
#define CRONJOB_PORTS_CRON_TABLE_H

#include <stddef.h>

#include "base/err.h"

#include "core/crontab_line.h"

struct cron_table;

enum cron_found {
    CRON_FOUND_SAME,  /* what it should say */
    CRON_FOUND_NONE,  /* nothing */
    CRON_FOUND_OTHER, /* something else: an older text, or what somebody made of it */
    CRON_FOUND_LINK,  /* no file: a link, a device */
};

struct cron_table_ops {
    const char *name;
    /* The text ends in a NUL that `length` does not count. RC_FORBIDDEN, RC_FULL, RC_IO: it says
     * what it said before. */
    enum rc (*keep)(struct cron_table *table, const char *text, size_t length,
                    enum cron_found *ret_found, struct err *err);
    void (*free)(struct cron_table *table);
};

struct cron_table {
    const struct cron_table_ops *ops;
    struct crontab_frame frame; /* of the lines that belong there; valid as long as the table */
};

MUST_USE static inline enum rc cron_table_keep(struct cron_table *table, const char *text,
                                               size_t length, enum cron_found *ret_found,
                                               struct err *err)
{
    return table->ops->keep(table, text, length, ret_found, err);
}

static inline void cron_table_free(struct cron_table *table)
{
    if (table)
        table->ops->free(table);
}

#endif
