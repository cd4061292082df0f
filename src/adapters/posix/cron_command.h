/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/cron_command.h: a block of our lines in the crontab of the worker's own account,
 * which crontab(1) alone may read and write.
 *
 * What else stands there stays, but crontab(1) has no lock: what somebody installs in the
 * milliseconds between our reading and our writing is lost.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_CRON_COMMAND_H
#define CRONJOB_ADAPTERS_POSIX_CRON_COMMAND_H

#include "ports/cron_table.h"

struct cron_command_config {
    const char *program; /* the path of crontab(1) */
    const char *data;    /* of the worker, absolute: names the block */
};

/* keep() with no text takes the block out. It also answers RC_TIMEOUT, RC_TOO_BIG. */
MUST_USE enum rc cron_command_new(const struct cron_command_config *config,
                                  struct cron_table **ret_table, struct err *err);

#endif
