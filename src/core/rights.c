/* SPDX-License-Identifier: Apache-2.0 */
#include "core/rights.h"

#include <string.h>

#define ROLE_WORD(code, text) [code] = (text),
static const char *const role_words[] = {ROLE_TABLE(ROLE_WORD)};

const char *role_text(enum user_role role)
{
    return role_words[role];
}

enum rc role_parse(const char *text, enum user_role *ret_role, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(role_words); i++) {
        if (strcmp(role_words[i], text) != 0)
            continue;
        *ret_role = (enum user_role)i;
        return RC_OK;
    }
    return err_fail(err, RC_INVALID, "'%.40s' is none of viewer, operator, editor, admin", text);
}

struct rights rights_of_role(enum user_role role)
{
    return (struct rights){.role = role, .sees_all = role != ROLE_EDITOR};
}

struct rights rights_of_all(void)
{
    struct rights rights = rights_of_role(ROLE_ADMIN);

    rights.privileged = true;
    return rights;
}

struct rights rights_capped(const struct rights *rights, enum user_role most)
{
    struct rights capped = *rights;

    capped.role = MIN(rights->role, most);
    capped.sees_all = rights->sees_all && capped.role != ROLE_EDITOR;
    return capped;
}

bool rights_include_account(const struct rights *rights, const char *account)
{
    if (rights->privileged)
        return true;
    for (size_t i = 0; i < rights->accounts.count; i++) {
        if (strcmp(rights->accounts.items[i], account) == 0)
            return true;
    }
    return false;
}

bool rights_cover(const struct rights *mine, const struct rights *theirs)
{
    if (theirs->role > mine->role || (theirs->privileged && !mine->privileged))
        return false;
    for (size_t i = 0; i < theirs->accounts.count; i++) {
        if (!rights_include_account(mine, theirs->accounts.items[i]))
            return false;
    }
    return true;
}
