/* SPDX-License-Identifier: Apache-2.0 */
/* core/audit.h: what a record of the audit says of what it is about. Pure. */
#ifndef CRONJOB_CORE_AUDIT_H
#define CRONJOB_CORE_AUDIT_H

#include "base/err.h"

#define AUDIT_DONE "done"

/* An outcome in words: "done", or the reason. */
static inline const char *audit_outcome(enum rc outcome, const struct err *err)
{
    return outcome == RC_OK ? AUDIT_DONE : err_message(err, outcome);
}

#endif
