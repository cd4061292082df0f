/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/account.h: whose uid, gids and home a run gets.
 *
 * Looked up by name each time a run starts, through a small cache that is believed while
 * /etc/passwd, /etc/group and /etc/shadow stay as they are, and never longer than ten seconds, for
 * accounts that come from elsewhere. So one that is deleted, closed or has expired runs nothing
 * more.
 */
#ifndef CRONJOB_GUARDIAN_ACCOUNT_H
#define CRONJOB_GUARDIAN_ACCOUNT_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/list.h"

#include "ports/clock.h"

struct account {
    struct list link;
    char *name;
    char *home;
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* all of its groups, gid among them */
    size_t group_count;
    gid_t *scratch; /* as large, for who reads them back */
    bool own;       /* the guardian's own uid: nothing to change */
};

struct accounts {
    struct list list;
    size_t count;
    mono_us read_at; /* of the oldest entry */
    struct stat passwd, group, shadow;
    struct clock *clock;
};

void accounts_init(struct accounts *accounts, struct clock *clock);
void accounts_release(struct accounts *accounts);

/*
 * *ret_account is valid until the next call. RC_NOT_FOUND: there is no such account; RC_FORBIDDEN:
 * only root can start a run as another account, or this one is shut (guardian/standing.h); RC_IO.
 */
MUST_USE enum rc accounts_find(struct accounts *accounts, const char *name,
                               const struct account **ret_account, struct err *err);

#endif
