/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/drop.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All calls are raw: glibc's tell every thread of a process to change, and our parent's threads are
 * not ours. Raw calls also leave nothing to a library that was put before glibc. */

IN_CHILD static bool is_among(gid_t gid, const struct account *account)
{
    for (size_t i = 0; i < account->group_count; i++)
        if (account->groups[i] == gid)
            return true;
    return false;
}

IN_CHILD static bool has_its_groups(const struct account *account)
{
    long count = syscall(SYS_getgroups, account->group_count, account->scratch);

    if (count < 0 || (size_t)count != account->group_count)
        return false;
    for (long i = 0; i < count; i++)
        if (!is_among(account->scratch[i], account))
            return false;
    return true;
}

IN_CHILD static bool has_its_gid(const struct account *account)
{
    gid_t real, effective, saved;

    return syscall(SYS_getresgid, &real, &effective, &saved) == 0 && real == account->gid &&
           effective == account->gid && saved == account->gid;
}

IN_CHILD static bool has_its_uid(const struct account *account)
{
    uid_t real, effective, saved;

    return syscall(SYS_getresuid, &real, &effective, &saved) == 0 && real == account->uid &&
           effective == account->uid && saved == account->uid;
}

/* capabilities(7): they go with the last uid of 0, unless the bits of the thread say otherwise. */
IN_CHILD static bool has_capabilities(void)
{
    struct __user_cap_header_struct head;
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

    head.version = _LINUX_CAPABILITY_VERSION_3;
    head.pid = 0;
    if (syscall(SYS_capget, &head, sets) != 0)
        return true;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
        if (sets[i].effective || sets[i].permitted)
            return true;
    return false;
}

IN_CHILD static bool can_come_back(const struct account *account)
{
    if (syscall(SYS_setuid, 0) == 0 || syscall(SYS_setresuid, -1, 0, -1) == 0)
        return true;
    return account->gid != 0 && syscall(SYS_setgid, 0) == 0;
}

/* What was set is not what is there: errno would say "success". */
IN_CHILD static const char *not_taken(const char *step)
{
    errno = EPERM;
    return step;
}

IN_CHILD const char *drop_to(const struct account *account)
{
    if (syscall(SYS_setgroups, account->group_count, account->groups) != 0)
        return "setgroups";
    if (syscall(SYS_setresgid, account->gid, account->gid, account->gid) != 0)
        return "setgid";
    if (syscall(SYS_setresuid, account->uid, account->uid, account->uid) != 0)
        return "setuid";
    if (!has_its_groups(account))
        return not_taken("setgroups had no effect");
    if (!has_its_gid(account))
        return not_taken("setgid had no effect");
    if (!has_its_uid(account))
        return not_taken("setuid had no effect");
    if (account->uid != 0 && (has_capabilities() || can_come_back(account)))
        return not_taken("giving up root");
    return NULL;
}

IN_CHILD const char *drop_gains(void)
{
    if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return "no_new_privs";
    if (syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return not_taken("no_new_privs had no effect");
    return NULL;
}
