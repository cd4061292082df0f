/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/credentials.h"
#include "testing.h"

static void reads_key_and_secret(void **state)
{
    static const struct {
        const char *text;
        const char *expected; /* "KEY SECRET", or how the message begins */
    } rows[] = {
        {"key = AK\nsecret = SK/+=\n", "AK SK/+="},
        {"# of the bucket\n[objects]\nkey=a:b\nsecret=\"x y\"", "a:b x y"},
        {"key = AK\n", "f: there is no line secret = ..."},
        {"secret = SK\n", "f: there is no line key = ..."},
        {"", "f: there is no line key = ..."},
        {"key = AK\nsecret =\n", "f:2: secret: not 1 to 1024 bytes"},
        {"AK\nSK\n", "f:1: expected `key = value`"},
        {"key = AK\npassword = geheim", "f:2: expected key = ... or secret = ..."},
        {"[x]\n", "f:1: '[x]' is no section"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct credentials credentials;
        char got[2 * CREDENTIAL_MAX + 4];
        struct err err = {0};
        enum rc rc = credentials_read("f", rows[i].text, strlen(rows[i].text), &credentials, &err);

        (void)snprintf(got, sizeof(got), rc == RC_OK ? "%s %s" : "%s%s",
                       rc == RC_OK ? credentials.key : err.message,
                       rc == RC_OK ? credentials.secret : "");
        assert_true(rc == RC_OK || rc == RC_INVALID);
        if (strncmp(got, rows[i].expected, strlen(rows[i].expected)) != 0)
            fail_msg("%s: %s, expected %s", rows[i].text, got, rows[i].expected);
        assert_null(strstr(got, "geheim"));
    }
}

static void others_must_not_read_the_file(void **state)
{
    char path[] = "/tmp/cronjob-credentials-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    struct credentials credentials;
    struct err err = {0};

    (void)state;
    assert_int_equal(write(fd, "key=a\nsecret=b\n", 15), 15);
    assert_int_equal(credentials_load(path, &credentials, &err), RC_OK);
    assert_string_equal(credentials.secret, "b");
    assert_int_equal(fchmod(fd, 0604), 0);
    assert_int_equal(credentials_load(path, &credentials, &err), RC_FORBIDDEN);
    assert_non_null(strstr(err.message, "chmod 0600"));
    close(fd);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(credentials_load(path, &credentials, &err), RC_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(credentials_load("/dev/null", &credentials, &err), RC_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_key_and_secret),
        cmocka_unit_test(others_must_not_read_the_file),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
