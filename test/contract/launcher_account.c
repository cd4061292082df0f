/* SPDX-License-Identifier: Apache-2.0 */
/* An account that is closed or deleted runs nothing more, from the next start on. The machine's own
 * files are covered by copies, in a mount namespace of this process and its guardian. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "launcher_fixture.h"
#include "launcher_suite.h"
#include "testing.h"

static struct fixture fixture;
static char folder[] = "/tmp/cronjob-accounts-XXXXXX";
static bool is_covered;

static const char passwd_head[] = "root:x:0:0:root:/root:/bin/sh\n"
                                  "service:x:33:33::/:/usr/sbin/nologin\n";
static const char shadow_head[] = "root:*:20000:0:99999:7:::\n"
                                  "service:*:20000:0:99999:7:::\n";

static void write_text(const char *path, const char *head, const char *line, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, head, strlen(head)), strlen(head));
    assert_int_equal(write(fd, line, strlen(line)), strlen(line));
    assert_int_equal(close(fd), 0);
}

/* The accounts of the machine: root, a service, and what these lines say. */
static void set_accounts(const char *passwd, const char *shadow)
{
    AUTO_FREE char *passwd_path = xasprintf("%s/passwd", folder);
    AUTO_FREE char *shadow_path = xasprintf("%s/shadow", folder);

    write_text(passwd_path, passwd_head, passwd, 0644);
    write_text(shadow_path, shadow_head, shadow, 0600);
}

static bool cover(const char *name)
{
    AUTO_FREE char *from = xasprintf("%s/%s", folder, name);
    AUTO_FREE char *to = xasprintf("/etc/%s", name);

    return mount(from, to, NULL, MS_BIND, NULL) == 0;
}

static int open_suite(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    set_accounts("", "");
    is_covered = unshare(CLONE_NEWNS) == 0 &&
                 mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && cover("passwd") &&
                 cover("shadow");
    if (is_covered)
        fixture_open(&fixture, true);
    return 0;
}

static int close_suite(void **state)
{
    AUTO_FREE char *passwd = xasprintf("%s/passwd", folder);
    AUTO_FREE char *shadow = xasprintf("%s/shadow", folder);

    (void)state;
    if (is_covered)
        fixture_close(&fixture);
    (void)unlink(passwd);
    (void)unlink(shadow);
    return rmdir(folder);
}

struct row {
    const char *account, *passwd, *shadow;
    const char *refusal; /* NULL: it runs */
};

#define PERSON(shell) "anne:x:1500:1500::/:" shell "\n"

/* One after the other, with one guardian: each is noticed at the next start. */
static const struct row rows[] = {
    {"anne", PERSON("/bin/sh"), "anne:!:20000:0:99999:7:::\n", NULL},
    {"anne", "", "anne:!:20000:0:99999:7:::\n", "account 'anne' does not exist"},
    {"anne", PERSON("/bin/sh"), "", NULL},
    {"anne", PERSON("/bin/sh"), "anne:!:20000:0:99999:7::1:\n", "account 'anne' has expired"},
    {"anne", PERSON("/bin/sh"), "anne:!:20000:0:99999:7::99999:\n", NULL},
    {"anne", PERSON("/bin/sh"), "anne:!$6$x$y:20000:0:99999:7:::\n", "account 'anne' is locked"},
    {"anne", PERSON("/usr/sbin/nologin"), "anne:*:20000:0:99999:7:::\n",
     "account 'anne' may not log in, its shell is /usr/sbin/nologin"},
    {"service", "", "", NULL},
    {"root", "", "", NULL},
};

static void what_is_closed_is_noticed_at_the_next_start(void **state)
{
    (void)state;
    if (!is_covered) {
        print_message("only root can test this\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct launch launch = launch_of(&fixture, i + 1, "exit 0");
        const struct heard *heard;

        set_accounts(rows[i].passwd, rows[i].shadow);
        launch.account = rows[i].account;
        launch.working_directory = "/";
        fixture_start(&fixture, &launch);
        heard = fixture_expect(&fixture, LAUNCH_FINISHED, i + 1);
        if (strcmp(heard->reason, rows[i].refusal ? rows[i].refusal : "") != 0)
            fail_msg("row %zu: '%s'", i, heard->reason);
        assert_int_equal(heard->event.result.status, rows[i].refusal ? RUN_FAILED : RUN_SUCCEEDED);
    }
}

int run_guardian_account_suite(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_closed_is_noticed_at_the_next_start),
    };

    return cmocka_run_group_tests_name("launcher account", tests, open_suite, close_suite);
}
