/* SPDX-License-Identifier: Apache-2.0 */
/* adapters/posix/journal.h: the journal as the file DIR/journal. */
#ifndef CRONJOB_ADAPTERS_POSIX_JOURNAL_H
#define CRONJOB_ADAPTERS_POSIX_JOURNAL_H

#include "ports/journal.h"

/* Opens it, or makes an empty one. RC_IO, RC_FULL. */
MUST_USE enum rc posix_journal_open(const char *directory, struct journal **ret_journal,
                                    struct err *err);

#endif
