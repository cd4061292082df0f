/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

void user_record_change(struct user_record *user, const struct user_record *change, unsigned parts)
{
    if (parts & USER_ROLE)
        user->role = change->role;
    if (parts & USER_PRIVILEGED)
        user->privileged = change->privileged;
    if (parts & USER_DISABLED)
        user->disabled = change->disabled;
    if (parts & USER_ACCOUNTS)
        user->accounts = change->accounts;
    if (parts & USER_PASSWORD)
        user->password = change->password;
}
