/* SPDX-License-Identifier: Apache-2.0 */
/* A seal fits what it was made for and nothing else. */
#include <string.h>

#include "core/seal.h"

#include "testing.h"

#define TEXT "{\"executable\":\"date\"}"

static struct seal_keys keys;

static struct seal_subject job_of(job_id id, uint64_t revision, const char *owner)
{
    return (struct seal_subject){.kind = SEAL_JOB, .job = id, .revision = revision, .owner = owner};
}

static struct seal_subject run_of(job_id id, instant_us scheduled_at)
{
    return (struct seal_subject){.kind = SEAL_RUN, .job = id, .scheduled_at = scheduled_at};
}

static int setup(void **state)
{
    (void)state;
    seal_keys_derive("0123456789abcdef", 16, &keys);
    return crypto_init(NULL) != RC_OK;
}

static void seal(const struct seal_subject *subject, const char *text, struct buf *ret_sealed)
{
    buf_init(ret_sealed, SIZE_MAX);
    (void)buf_puts(ret_sealed, text);
    assert_int_equal(seal_put(keys.own, subject, ret_sealed), RC_OK);
}

static void finds_its_text_again(void **state)
{
    static const char *const texts[] = {TEXT, "", "{}", "a\nb"};
    struct seal_subject subject = job_of(7, 3, "anne");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        AUTO_BUF struct buf sealed;

        seal(&subject, texts[i], &sealed);
        assert_int_equal(sealed.length, strlen(texts[i]) + 1 + SEAL_TEXT);
        assert_int_equal(seal_body(sealed.data, sealed.length), strlen(texts[i]));
        assert_memory_equal(sealed.data, texts[i], strlen(texts[i]));
        assert_int_equal(seal_check(keys.known, &subject, sealed.data, sealed.length), RC_OK);
    }
}

static void fits_nothing_else(void **state)
{
    const struct seal_subject about = job_of(7, 3, "anne");
    const struct seal_subject others[] = {
        job_of(8, 3, "anne"), job_of(7, 4, "anne"), job_of(7, 3, "ann"), job_of(7, 3, "annE"),
        job_of(7, 3, ""),     run_of(7, 3),         run_of(7, 0),
    };
    AUTO_BUF struct buf sealed;

    (void)state;
    seal(&about, TEXT, &sealed);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_int_equal(seal_check(keys.known, &others[i], sealed.data, sealed.length),
                         RC_FORBIDDEN);
}

/* The end of an owner is not the beginning of a text. */
static void keeps_owner_and_text_apart(void **state)
{
    const struct seal_subject about = job_of(7, 3, "anne"), other = job_of(7, 3, "ann");
    AUTO_BUF struct buf sealed, moved;

    (void)state;
    seal(&about, "x", &sealed);
    buf_init(&moved, SIZE_MAX);
    (void)buf_printf(&moved, "ex%s", sealed.data + 1);
    assert_int_equal(seal_check(keys.known, &other, moved.data, moved.length), RC_FORBIDDEN);
}

static void sees_each_changed_byte(void **state)
{
    const struct seal_subject about = run_of(7, 1893456000000000);
    AUTO_BUF struct buf sealed;

    (void)state;
    seal(&about, TEXT, &sealed);
    for (size_t i = 0; i < sealed.length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            sealed.data[i] = (char)(sealed.data[i] ^ (1 << bit));
            if (seal_check(keys.known, &about, sealed.data, sealed.length) == RC_OK)
                fail_msg("byte %zu of %zu, bit %d", i, sealed.length, bit);
            sealed.data[i] = (char)(sealed.data[i] ^ (1 << bit));
        }
    }
    assert_int_equal(seal_check(keys.known, &about, sealed.data, sealed.length), RC_OK);
}

static void sees_that_there_is_none(void **state)
{
    static const char *const texts[] = {
        "", "\n", TEXT, TEXT "\n",
        "x 2345678901234567890123456789012345678901234567890123456789012345678901234567890123456"};
    const struct seal_subject about = job_of(7, 3, "anne");
    AUTO_BUF struct buf sealed;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(seal_body(texts[i], strlen(texts[i])), strlen(texts[i]));
        assert_int_equal(seal_check(keys.known, &about, texts[i], strlen(texts[i])), RC_NOT_FOUND);
    }
    seal(&about, TEXT, &sealed);
    for (size_t length = 0; length < sealed.length; length++)
        assert_int_not_equal(seal_check(keys.known, &about, sealed.data, length), RC_OK);
}

static void is_made_by_who_knows_the_secret(void **state)
{
    const struct seal_subject about = job_of(7, 3, "anne");
    struct seal_keys same, other;
    AUTO_BUF struct buf sealed;

    (void)state;
    seal_keys_derive("0123456789abcdef", 16, &same);
    seal_keys_derive("0123456789abcdeF", 16, &other);
    seal(&about, TEXT, &sealed);
    assert_int_equal(seal_check(same.known, &about, sealed.data, sealed.length), RC_OK);
    assert_int_equal(seal_check(other.known, &about, sealed.data, sealed.length), RC_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_its_text_again),
        cmocka_unit_test(fits_nothing_else),
        cmocka_unit_test(keeps_owner_and_text_apart),
        cmocka_unit_test(sees_each_changed_byte),
        cmocka_unit_test(sees_that_there_is_none),
        cmocka_unit_test(is_made_by_who_knows_the_secret),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
