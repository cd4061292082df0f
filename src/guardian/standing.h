/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/standing.h: whether an account may have anything run now. Pure.
 *
 * An account that has expired (shadow(5), usermod --expiredate) has no runs, whosever it is: Debian
 * cron refuses it too, through PAM. A person whose password was locked (`!` before the hash, by
 * usermod --lock) or whose shell is nologin or false was shut out by the administrator, and has no
 * runs either. Accounts of services (daemon, www-data, nobody, root) are made without a password
 * and with such a shell, and run cron jobs all the same: of them both mean nothing.
 * Persons are those that Debian policy 9.2.2 numbers 1000-59999, or 65536 and above.
 * (doc/decisions/0016)
 */
#ifndef CRONJOB_GUARDIAN_STANDING_H
#define CRONJOB_GUARDIAN_STANDING_H

#include <sys/types.h>

#include "base/err.h"
#include "base/instant.h"

#define STANDING_NEVER (-1)

struct standing {
    const char *name;
    const char *shell;
    uid_t uid;
    const char *password; /* as shadow(5) has it; "" when it is not there */
    long expires;         /* in days since 1970; STANDING_NEVER */
};

/* RC_FORBIDDEN, and why. */
MUST_USE enum rc standing_check(const struct standing *standing, instant_us now, struct err *err);

#endif
