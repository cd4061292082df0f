/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/cron_mark.h: where a worker's lines are, noted in its data directory before the
 * first is written: so the next start knows what to clean when the settings have changed.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_CRON_MARK_H
#define CRONJOB_ADAPTERS_POSIX_CRON_MARK_H

#include "base/err.h"

/* At most one of them is set; neither: nowhere. */
struct cron_place {
    const char *file;
    const char *command;
};

/* Takes our lines away from where they were, if that is another place, and notes this one. Any
 * failure but of the note itself leaves the old note. */
MUST_USE enum rc cron_mark_move(const char *data, const struct cron_place *place, struct err *err);

#endif
