/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#include "guardian/standing.h"

enum { CACHE_MAX = 256, ENTRY_MAX = 1 << 20, GROUPS_MAX = 65536 };

static const span_us believed = 10 * SECOND;

void accounts_init(struct accounts *accounts, struct clock *clock)
{
    *accounts = (struct accounts){.clock = clock};
    list_init(&accounts->list);
}

static void account_free(struct account *account)
{
    list_remove(&account->link);
    free(account->name);
    free(account->home);
    free(account->groups);
    free(account->scratch);
    free(account);
}

void accounts_release(struct accounts *accounts)
{
    while (!list_is_empty(&accounts->list))
        account_free(list_take(&accounts->list, struct account, link));
    accounts->count = 0;
}

/* Whether the file is another one than `seen`, which then becomes what was seen. */
static bool has_changed(const char *path, struct stat *seen)
{
    struct stat now = {0};
    bool same;

    if (stat(path, &now) != 0)
        now = (struct stat){0};
    same = now.st_ino == seen->st_ino && now.st_size == seen->st_size &&
           now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
    *seen = now;
    return !same;
}

static void forget_what_is_old(struct accounts *accounts, mono_us now)
{
    bool changed = has_changed("/etc/passwd", &accounts->passwd);

    changed |= has_changed("/etc/group", &accounts->group);
    changed |= has_changed("/etc/shadow", &accounts->shadow);
    if (changed || accounts->count >= CACHE_MAX || now - accounts->read_at > believed)
        accounts_release(accounts);
}

static struct account *find_cached(const struct accounts *accounts, const char *name)
{
    struct account *account;

    list_for_each (account, &accounts->list, link)
        if (strcmp(account->name, name) == 0)
            return account;
    return NULL;
}

static enum rc read_passwd(const char *name, struct passwd *ret_entry, char **ret_memory,
                           struct err *err)
{
    struct passwd *found;
    size_t size = 1024;
    char *memory = NULL;
    int error;

    do {
        size *= 2;
        memory = xrealloc(memory, size, 1);
        error = getpwnam_r(name, ret_entry, memory, size, &found);
    } while (error == EINTR || (error == ERANGE && size < ENTRY_MAX));
    if (found) {
        *ret_memory = memory;
        return RC_OK;
    }
    free(memory);
    /* getpwnam_r(3): "not found" is 0 or one of these, depending on where accounts come from. */
    if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
        return err_fail(err, RC_NOT_FOUND, "account '%s' does not exist", name);
    return err_errno(err, RC_IO, error, "account '%s'", name);
}

/* An account that is not in shadow(5) has nothing there that could shut it. */
static enum rc read_shadow(const char *name, struct standing *standing, char **ret_memory,
                           struct err *err)
{
    struct spwd entry, *found;
    size_t size = 1024;
    int error;

    do {
        size *= 2;
        *ret_memory = xrealloc(*ret_memory, size, 1);
        error = getspnam_r(name, &entry, *ret_memory, size, &found);
    } while (error == EINTR || (error == ERANGE && size < ENTRY_MAX));
    if (error != 0 && error != ENOENT)
        return err_errno(err, RC_IO, error, "whether account '%s' has expired", name);
    if (error == 0 && found) {
        standing->password = found->sp_pwdp ? found->sp_pwdp : "";
        standing->expires = found->sp_expire;
    }
    return RC_OK;
}

static void read_groups(struct account *account)
{
    int count = 32;

    for (;;) {
        int room = count;

        account->groups = xrealloc(account->groups, (size_t)room, sizeof(gid_t));
        if (getgrouplist(account->name, account->gid, account->groups, &count) >= 0)
            break;
        count = MIN(MAX(count, room * 2), GROUPS_MAX);
        if (room == GROUPS_MAX)
            break;
    }
    account->group_count = (size_t)count;
    account->scratch = xcalloc(account->group_count, sizeof(gid_t));
}

static struct account *account_new(const struct passwd *entry)
{
    struct account *account = xcalloc(1, sizeof(*account));

    account->name = xstrdup(entry->pw_name);
    account->home = xstrdup(entry->pw_dir && *entry->pw_dir ? entry->pw_dir : "/");
    account->uid = entry->pw_uid;
    account->gid = entry->pw_gid;
    account->own = entry->pw_uid == geteuid();
    list_init(&account->link);
    if (!account->own)
        read_groups(account);
    return account;
}

/* Only root can read when an account expires; another guardian runs nothing but its own. */
static enum rc check_standing(const struct passwd *entry, instant_us now, struct err *err)
{
    struct standing standing = {.name = entry->pw_name,
                                .shell = entry->pw_shell ? entry->pw_shell : "",
                                .uid = entry->pw_uid,
                                .password = "",
                                .expires = STANDING_NEVER};
    char *memory = NULL;
    enum rc rc;

    if (geteuid() != 0)
        return RC_OK;
    rc = read_shadow(entry->pw_name, &standing, &memory, err);
    if (rc == RC_OK)
        rc = standing_check(&standing, now, err);
    free(memory);
    return rc;
}

static enum rc read_account(const struct accounts *accounts, const char *name,
                            struct account **ret_account, struct err *err)
{
    struct passwd entry;
    char *memory;
    enum rc rc = read_passwd(name, &entry, &memory, err);

    if (rc != RC_OK)
        return rc;
    rc = check_standing(&entry, clock_now(accounts->clock), err);
    if (rc == RC_OK)
        *ret_account = account_new(&entry);
    free(memory);
    return rc;
}

enum rc accounts_find(struct accounts *accounts, const char *name,
                      const struct account **ret_account, struct err *err)
{
    mono_us now = clock_mono(accounts->clock);
    struct account *account;
    enum rc rc;

    forget_what_is_old(accounts, now);
    account = find_cached(accounts, name);
    if (!account) {
        rc = read_account(accounts, name, &account, err);
        if (rc != RC_OK)
            return rc;
        if (accounts->count++ == 0)
            accounts->read_at = now;
        list_append(&accounts->list, &account->link);
    }
    if (!account->own && geteuid() != 0)
        return err_fail(err, RC_FORBIDDEN,
                        "only root can start a run as another account, here '%s'", name);
    *ret_account = account;
    return RC_OK;
}
