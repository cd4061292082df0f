/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls, and the secret that proves it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "link/protocol.h"
#include "link/signature.h"
#include "testing.h"

#define NOW ((instant_us)1764000000 * SECOND)

static const struct link_message message = {"POST", "/link/1/changes?a=b"};

static struct link_secret secret_of(const char *text)
{
    struct link_secret secret = {.length = strlen(text)};

    memcpy(secret.bytes, text, secret.length);
    return secret;
}

static struct link_signature sign(const char *secret_text, instant_us at, uint64_t nonce,
                                  const char *body, char text[LINK_SIGNATURE_TEXT])
{
    struct link_secret secret = secret_of(secret_text);
    struct link_signature signature = {.seconds = at / SECOND, .nonce = nonce};

    crypto_digest(body, strlen(body), signature.digest);
    link_sign(&secret, &message, &signature, text);
    return signature;
}

/* What a guard who knows "correct horse battery" says of the header. */
static enum rc check(struct link_guard *guard, const char *header, instant_us now, struct err *err)
{
    struct link_signature signature;
    enum rc rc = link_signature_read(header, &signature, err);

    return rc == RC_OK ? link_guard_check(guard, &signature, &message, now, err) : rc;
}

static int start(void **state)
{
    struct link_secret secret = secret_of("correct horse battery");

    assert_int_equal(crypto_init(NULL), RC_OK);
    *state = link_guard_new(&secret, 0);
    return 0;
}

static int stop(void **state)
{
    link_guard_free(*state);
    return 0;
}

static void accepts_a_call_once(void **state)
{
    char header[LINK_SIGNATURE_TEXT];
    struct err err = {0};

    sign("correct horse battery", NOW, 7, "{}", header);
    assert_int_equal(strncmp(header, "1 1764000000 0000000000000007 ", 30), 0);
    assert_int_equal(check(*state, header, NOW, &err), RC_OK);
    assert_int_equal(check(*state, header, NOW, &err), RC_CONFLICT);
    assert_string_equal(err.message, "this call came before");
    assert_int_equal(check(*state, header, NOW + 30 * SECOND, &err), RC_CONFLICT);
    assert_int_equal(check(*state, header, NOW + 31 * SECOND, &err), RC_UNAUTHORIZED);
}

static void tells_what_is_wrong(void **state)
{
    static const struct {
        const char *secret;
        span_us ahead;
        enum rc rc;
        const char *text;
    } rows[] = {
        {"another secret, longer", 0, RC_UNAUTHORIZED, "have different cluster secrets"},
        {"correct horse battery", 31 * SECOND, RC_UNAUTHORIZED,
         "the caller's clock is 31 s ahead of this one's; at most 30 s are allowed"},
        {"correct horse battery", -40 * SECOND, RC_UNAUTHORIZED, "is 40 s behind this one's"},
        {"correct horse battery", 30 * SECOND, RC_OK, ""},
        {"correct horse battery", -30 * SECOND, RC_OK, ""},
    };
    char header[LINK_SIGNATURE_TEXT];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};

        sign(rows[i].secret, NOW + rows[i].ahead, i + 1, "{}", header);
        assert_int_equal(check(*state, header, NOW, &err), rows[i].rc);
        if (!strstr(err.message, rows[i].text))
            fail_msg("'%s' lacks '%s'", err.message, rows[i].text);
    }
}

static void refuses_what_was_changed(void **state)
{
    char header[LINK_SIGNATURE_TEXT], changed[LINK_SIGNATURE_TEXT];
    size_t length;

    sign("correct horse battery", NOW, 7, "{}", header);
    length = strlen(header);
    for (size_t i = 0; i < length; i++) {
        memcpy(changed, header, sizeof(changed));
        changed[i] = (char)(changed[i] == '2' ? '3' : '2');
        assert_int_not_equal(check(*state, changed, NOW, NULL), RC_OK);
    }
    for (size_t i = 0; i < length; i++) {
        memcpy(changed, header, sizeof(changed));
        changed[i] = '\0';
        assert_int_equal(check(*state, changed, NOW, NULL), RC_UNAUTHORIZED);
    }
    assert_int_equal(check(*state, NULL, NOW, NULL), RC_UNAUTHORIZED);
    assert_int_equal(check(*state, header, NOW, NULL), RC_OK);
}

static void names_both_versions(void **state)
{
    char header[LINK_SIGNATURE_TEXT];
    struct err err = {0};

    sign("correct horse battery", NOW, 7, "{}", header);
    header[0] = '2';
    assert_int_equal(check(*state, header, NOW, &err), RC_MALFORMED);
    assert_string_equal(err.message, "the call is of version 2 of the link, and this server of 1");
}

static void knows_the_body(void **state)
{
    char header[LINK_SIGNATURE_TEXT];
    struct link_signature signature = sign("correct horse battery", NOW, 7, "{}", header);

    (void)state;
    assert_int_equal(link_signature_check_body(&signature, "{}", 2, NULL), RC_OK);
    assert_int_equal(link_signature_check_body(&signature, "{ ", 2, NULL), RC_UNAUTHORIZED);
    assert_int_equal(link_signature_check_body(&signature, "", 0, NULL), RC_UNAUTHORIZED);
}

/* With room for three: what is forgotten cannot come again all the same. */
static void remembers_within_bounds(void **state)
{
    struct link_secret secret = secret_of("correct horse battery");
    struct link_guard *guard = link_guard_new(&secret, 3);
    char header[5][LINK_SIGNATURE_TEXT], late[LINK_SIGNATURE_TEXT];
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        sign("correct horse battery", NOW + (instant_us)i * SECOND, i + 1, "{}", header[i]);
        assert_int_equal(check(guard, header[i], NOW + 5 * SECOND, NULL), RC_OK);
    }
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(check(guard, header[i], NOW + 5 * SECOND, &err),
                         i < 2 ? RC_UNAUTHORIZED : RC_CONFLICT);
    sign("correct horse battery", NOW + SECOND, 99, "{}", late);
    assert_int_equal(check(guard, late, NOW + 5 * SECOND, &err), RC_UNAUTHORIZED);
    assert_string_equal(err.message, "the call is older than the last 3 that are remembered");
    link_guard_free(guard);
}

/* ---- the file ------------------------------------------------------------------------------ */

static enum rc read_file(const char *content, mode_t mode, struct link_secret *ret_secret,
                         struct err *err)
{
    char directory[] = "/tmp/cronjob-link-XXXXXX";
    AUTO_FREE char *path = NULL;
    enum rc rc;
    int fd;

    assert_non_null(mkdtemp(directory));
    path = xasprintf("%s/secret", directory);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    rc = link_secret_read(path, ret_secret, err);
    unlink(path);
    rmdir(directory);
    return rc;
}

static void reads_the_secret(void **state)
{
    AUTO_FREE char *long_text = xcalloc(LINK_SECRET_MAX + 2, 1);
    struct link_secret secret;
    struct err err = {0};

    (void)state;
    assert_int_equal(read_file("0123456789abcdef\n", 0600, &secret, &err), RC_OK);
    assert_int_equal(secret.length, 16);
    assert_memory_equal(secret.bytes, "0123456789abcdef", 16);
    assert_int_equal(read_file("0123456789abcdef\r\n", 0640, &secret, &err), RC_OK);
    assert_int_equal(secret.length, 16);
    assert_int_equal(read_file("0123456789abcde\n", 0600, &secret, &err), RC_INVALID);
    assert_non_null(strstr(err.message, "holds 15 bytes"));
    assert_int_equal(read_file("0123456789abcdef\n", 0644, &secret, &err), RC_FORBIDDEN);
    assert_non_null(strstr(err.message, "can be read or changed by others (its mode is 0644)"));
    assert_int_equal(read_file("0123456789abcdef\n", 0620, &secret, &err), RC_FORBIDDEN);
    memset(long_text, 'x', LINK_SECRET_MAX);
    assert_int_equal(read_file(long_text, 0600, &secret, &err), RC_OK);
    long_text[LINK_SECRET_MAX] = 'x';
    assert_int_equal(read_file(long_text, 0600, &secret, &err), RC_INVALID);
    assert_int_equal(link_secret_read("/nowhere/secret", &secret, &err), RC_NOT_FOUND);
    assert_int_equal(link_secret_read("/tmp", &secret, &err), RC_FORBIDDEN);
    assert_non_null(strstr(err.message, "/tmp is not a regular file"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepts_a_call_once),
        TEST(tells_what_is_wrong),
        TEST(refuses_what_was_changed),
        TEST(names_both_versions),
        TEST(knows_the_body),
        TEST(remembers_within_bounds),
        cmocka_unit_test(reads_the_secret),
    };

    return cmocka_run_group_tests_name("link signature", tests, NULL, NULL);
}
