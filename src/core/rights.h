/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rights.h: what somebody may do: a role, the accounts that their jobs may run as, and the
 * right `privileged`, which is every account, root's too. Pure.
 *
 *     viewer     sees all jobs and runs
 *     operator   as well: runs, kills and pauses them, as they are
 *     editor     has jobs: makes and changes them, and sees no others
 *     admin      sees and changes all jobs; workers, users, tokens
 *
 * A role says what, never as which account: also an administrator makes a job run as root only with
 * `privileged`, and nobody can give what they do not have (rights_cover), or that right would be
 * worth nothing beside the one to make users.
 */
#ifndef CRONJOB_CORE_RIGHTS_H
#define CRONJOB_CORE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/job.h"

/* In the order of what they may; kept as numbers, so new ones come last. */
#define ROLE_TABLE(X)            \
    X(ROLE_VIEWER, "viewer")     \
    X(ROLE_OPERATOR, "operator") \
    X(ROLE_EDITOR, "editor")     \
    X(ROLE_ADMIN, "admin")

enum user_role {
#define ROLE_ENUM(code, text) code,
    ROLE_TABLE(ROLE_ENUM)
#undef ROLE_ENUM
        ROLE_COUNT
};

const char *role_text(enum user_role role);
/* RC_INVALID: it is none; the message names all. */
MUST_USE enum rc role_parse(const char *text, enum user_role *ret_role, struct err *err);

struct rights {
    enum user_role role;
    bool sees_all; /* jobs of others too; without it they do not exist */
    bool privileged;
    struct strings accounts; /* that jobs may run as, unless privileged */
};

/* Of somebody with this role whose rights nothing has narrowed yet. */
struct rights rights_of_role(enum user_role role);

/* Every right there is. */
struct rights rights_of_all(void);

/* Narrowed to a role: less is done, never more seen. */
struct rights rights_capped(const struct rights *rights, enum user_role most);

bool rights_include_account(const struct rights *rights, const char *account);

/* Whether `mine` hold all of `theirs`: who may give them, or act for who has them. */
bool rights_cover(const struct rights *mine, const struct rights *theirs);

#endif
