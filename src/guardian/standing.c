/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/standing.h"

#include <stdbool.h>
#include <string.h>

enum { PERSONS_FIRST = 1000, PERSONS_LAST = 59999, PERSONS_AGAIN = 65536 };

static bool is_person(uid_t uid)
{
    return (uid >= PERSONS_FIRST && uid <= PERSONS_LAST) || uid >= PERSONS_AGAIN;
}

/* pam_unix(8): from that day on. */
static bool has_expired(const struct standing *standing, instant_us now)
{
    return standing->expires >= 0 && now / DAY >= standing->expires;
}

/* usermod(8): "This puts a '!' in front of the encrypted password". Alone, there never was one. */
static bool is_locked(const struct standing *standing)
{
    size_t marks = strspn(standing->password, "!");

    return marks > 0 && standing->password[marks] != '\0' && standing->password[marks] != '*';
}

static bool has_no_shell(const struct standing *standing)
{
    const char *slash = strrchr(standing->shell, '/');
    const char *name = slash ? slash + 1 : standing->shell;

    return strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0;
}

enum rc standing_check(const struct standing *standing, instant_us now, struct err *err)
{
    if (has_expired(standing, now))
        return err_fail(err, RC_FORBIDDEN, "account '%s' has expired", standing->name);
    if (!is_person(standing->uid))
        return RC_OK;
    if (is_locked(standing))
        return err_fail(err, RC_FORBIDDEN, "account '%s' is locked", standing->name);
    if (has_no_shell(standing))
        return err_fail(err, RC_FORBIDDEN, "account '%s' may not log in, its shell is %s",
                        standing->name, standing->shell);
    return RC_OK;
}
