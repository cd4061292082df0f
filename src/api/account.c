/* SPDX-License-Identifier: Apache-2.0 */
#include "api/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>

enum { PASSWD_BUFFER = 16 * 1024 };

/* getpwnam(3): 0, ENOENT, ESRCH, EBADF and EPERM may all stand for "not found". */
static bool is_absence(int error)
{
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

enum rc account_name(uid_t uid, char ret_name[ACCOUNT_NAME], struct err *err)
{
    char buffer[PASSWD_BUFFER];
    struct passwd entry, *found = NULL;
    int error = getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);

    if (!found && !is_absence(error))
        return err_errno(err, RC_UNAVAILABLE, error, "asking for the account of uid %u", uid);
    if (!found || strlen(entry.pw_name) >= ACCOUNT_NAME)
        return err_fail(err, RC_NOT_FOUND, "uid %u has no account", uid);
    memcpy(ret_name, entry.pw_name, strlen(entry.pw_name) + 1);
    return RC_OK;
}

enum rc account_exists(const char *name, struct err *err)
{
    char buffer[PASSWD_BUFFER];
    struct passwd entry, *found = NULL;
    int error = getpwnam_r(name, &entry, buffer, sizeof(buffer), &found);

    if (!found && !is_absence(error))
        return err_errno(err, RC_UNAVAILABLE, error, "asking for the account %s", name);
    if (!found)
        return err_fail(err, RC_NOT_FOUND, "there is no account %s", name);
    return RC_OK;
}
