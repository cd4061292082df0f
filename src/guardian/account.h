/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/account.h: whose uid, gids and home a run gets.
 *
 * Looked up by name each time a run starts, through a small cache that is believed while
 * /etc/passwd and /etc/group stay as they are, and never longer than ten seconds, for accounts that
 * come from elsewhere.
 */
#ifndef CRONJOB_GUARDIAN_ACCOUNT_H
#define CRONJOB_GUARDIAN_ACCOUNT_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/list.h"

struct account {
    struct list link;
    char *name;
    char *home;
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* all of its groups, gid among them */
    size_t group_count;
    bool own; /* the guardian's own uid: nothing to change */
};

struct accounts {
    struct list list;
    size_t count;
    mono_us read_at; /* of the oldest entry */
    struct stat passwd, group;
};

void accounts_init(struct accounts *accounts);
void accounts_release(struct accounts *accounts);

/*
 * *ret_account is valid until the next call. RC_NOT_FOUND: there is no such account; RC_FORBIDDEN:
 * only root can start a run as another account; RC_IO.
 */
MUST_USE enum rc accounts_find(struct accounts *accounts, const char *name, mono_us now,
                               const struct account **ret_account, struct err *err);

#endif
