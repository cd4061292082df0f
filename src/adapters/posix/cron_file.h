/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/cron_file.h: a file in cron's directory, /etc/cron.d, that is ours alone.
 *
 * cron passes over names with a dot: so the next text is written under such a name beside the file
 * and takes its place in one step, also that of a link, which is never followed. The file is the
 * owner's, 0644, and has no second name; if it is not, it is written anew. The directory must be
 * one that nobody else can write.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_CRON_FILE_H
#define CRONJOB_ADAPTERS_POSIX_CRON_FILE_H

#include <sys/types.h>

#include "ports/cron_table.h"

struct cron_file_config {
    const char *path; /* absolute */
    const char *data; /* of the worker, absolute: by it a file is known as ours */
    uid_t owner;      /* 0: cron reads no other's */
};

/* keep() with no text at all removes the file if it is ours. It also answers RC_CONFLICT: the file
 * belongs to the worker of another data directory. RC_FORBIDDEN: this account is not the owner. */
MUST_USE enum rc cron_file_new(const struct cron_file_config *config, struct cron_table **ret_table,
                               struct err *err);

#endif
