/* SPDX-License-Identifier: Apache-2.0 */
/* Whom an administrator has shut out, and what is no sign of it. */
#include "base/compiler.h"

#include "guardian/standing.h"
#include "testing.h"

#define HASH "$y$j9T$abcdefghijklmnop$ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefg"

struct row {
    uid_t uid;
    const char *shell, *password;
    long expires;
    const char *refusal; /* NULL: none */
};

static const struct row rows[] = {
    {1000, "/bin/bash", HASH, -1, NULL},
    {1000, "/bin/bash", "!", -1, NULL}, /* useradd without a password */
    {1000, "/bin/bash", "*", -1, NULL},
    {1000, "/bin/bash", "!*", -1, NULL},
    {1000, "/bin/bash", "!!", -1, NULL},
    {1000, "/bin/bash", "", -1, NULL},
    {1000, "/bin/bash", "!" HASH, -1, "account 'anne' is locked"},
    {1000, "/bin/bash", "!!" HASH, -1, "account 'anne' is locked"},
    {59999, "/bin/bash", "!" HASH, -1, "account 'anne' is locked"},
    {70000, "/bin/bash", "!" HASH, -1, "account 'anne' is locked"},
    {0, "/bin/bash", "!" HASH, -1, NULL}, /* root without a password is common */
    {999, "/bin/bash", "!" HASH, -1, NULL},
    {1000, "/usr/sbin/nologin", HASH, -1,
     "account 'anne' may not log in, its shell is /usr/sbin/nologin"},
    {1000, "/bin/false", "*", -1, "account 'anne' may not log in, its shell is /bin/false"},
    {1000, "nologin", "*", -1, "account 'anne' may not log in, its shell is nologin"},
    {1000, "/bin/nologin-not", "*", -1, NULL},
    {33, "/usr/sbin/nologin", "*", -1, NULL},
    {65534, "/usr/sbin/nologin", "*", -1, NULL},
    {1000, "/bin/bash", HASH, 20000, "account 'anne' has expired"}, /* that very day */
    {1000, "/bin/bash", HASH, 20001, NULL},
    {1000, "/bin/bash", HASH, 0, "account 'anne' has expired"},
    {33, "/usr/sbin/nologin", "*", 1, "account 'anne' has expired"},
    {0, "/bin/bash", HASH, 1, "account 'anne' has expired"},
};

static void tells_who_is_shut_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct standing standing = {.name = "anne",
                                          .shell = rows[i].shell,
                                          .uid = rows[i].uid,
                                          .password = rows[i].password,
                                          .expires = rows[i].expires};
        struct err err = {0};
        enum rc rc = standing_check(&standing, 20000 * DAY + HOUR, &err);

        if ((rc == RC_OK) != !rows[i].refusal)
            fail_msg("row %zu: %s", i, err.message);
        if (rows[i].refusal)
            assert_string_equal(err.message, rows[i].refusal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_who_is_shut_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
