/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of ports/objects.h: contract_objects memory|directory|s3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#include "contract/objects_suite.h"

enum { SKIPPED = 77, MEBIBYTE = 1024 * 1024 };

static const struct objects_maker *maker;
static struct objects_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    fixture = (struct objects_fixture){0};
    maker->open(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    maker->close(&fixture);
    return 0;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void what_was_put_is_there(void **state)
{
    (void)state;
    objects_put_text(fixture.objects, "executables/one", "#!/bin/sh\necho one\n");
    objects_put_text(fixture.objects, "outputs/7/1-2.3-1", "two");
    objects_assert_text(fixture.objects, "executables/one", "#!/bin/sh\necho one\n");
    objects_assert_text(fixture.objects, "outputs/7/1-2.3-1", "two");
}

static void an_empty_one_is_there_too(void **state)
{
    struct object_info info;

    (void)state;
    objects_put_text(fixture.objects, "empty", "");
    objects_assert_text(fixture.objects, "empty", "");
    assert_int_equal(objects_stat(fixture.objects, "empty", &info, NULL), RC_OK);
    assert_int_equal(info.size, 0);
}

static void putting_again_replaces_all_of_it(void **state)
{
    (void)state;
    objects_put_text(fixture.objects, "a/b", "a long text");
    objects_put_text(fixture.objects, "a/b", "short");
    objects_assert_text(fixture.objects, "a/b", "short");
}

static void bytes_of_any_size_stay_as_they_are(void **state)
{
    static const size_t sizes[] = {1,
                                   OBJECT_PIECE - 1,
                                   OBJECT_PIECE,
                                   OBJECT_PIECE + 1,
                                   8 * MEBIBYTE,
                                   16 * MEBIBYTE + 1,
                                   33 * MEBIBYTE};
    AUTO_FREE char *noise = objects_noise(33 * MEBIBYTE);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct objects_got got;

        assert_int_equal(objects_put_bytes(fixture.objects, "noise", noise, sizes[i]), RC_OK);
        got = objects_get_all(fixture.objects, "noise", 0, -1);
        assert_int_equal(got.rc, RC_OK);
        assert_int_equal(got.length, sizes[i]);
        assert_true(!memcmp(got.data, noise, sizes[i]));
        free(got.data);
    }
}

static void a_source_that_ends_early_leaves_what_was(void **state)
{
    struct object_source source = objects_source("short", 5);

    (void)state;
    source.size = 4096;
    objects_put_text(fixture.objects, "kept", "as it was");
    assert_int_equal(objects_put(fixture.objects, "kept", &source, NULL), RC_IO);
    assert_int_equal(objects_put(fixture.objects, "new", &source, NULL), RC_IO);
    objects_source_close(&source);
    objects_assert_text(fixture.objects, "kept", "as it was");
    objects_assert_missing(fixture.objects, "new");
}

/* The descriptor's own position counts for nothing. */
static void a_source_is_read_from_its_beginning(void **state)
{
    struct object_source source = objects_source("from here", 9);

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(objects_put(fixture.objects, "twice", &source, NULL), RC_OK);
    objects_source_close(&source);
    objects_assert_text(fixture.objects, "twice", "from here");
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static void any_stretch_is_read(void **state)
{
    static const struct {
        int64_t offset, length;
        const char *expected;
    } rows[] = {
        {0, -1, "0123456789"}, {0, 3, "012"},    {4, 2, "45"},  {9, 1, "9"},
        {8, 100, "89"},        {5, -1, "56789"}, {0, 0, ""},    {3, 0, ""},
        {10, -1, ""},          {10, 5, ""},      {1000, 5, ""}, {1000, -1, ""},
    };

    (void)state;
    objects_put_text(fixture.objects, "digits", "0123456789");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct objects_got got =
            objects_get_all(fixture.objects, "digits", rows[i].offset, rows[i].length);

        assert_int_equal(got.rc, RC_OK);
        assert_int_equal(got.length, strlen(rows[i].expected));
        assert_memory_equal(got.data, rows[i].expected, got.length);
        free(got.data);
    }
}

static void a_stretch_of_an_empty_one_is_empty(void **state)
{
    struct objects_got got;

    (void)state;
    objects_put_text(fixture.objects, "empty", "");
    got = objects_get_all(fixture.objects, "empty", 0, 10);
    assert_int_equal(got.rc, RC_OK);
    assert_int_equal(got.length, 0);
    free(got.data);
}

static bool take_none(void *context, const void *data, size_t length)
{
    (void)context, (void)data, (void)length;
    return false;
}

static void who_takes_may_end_it(void **state)
{
    const struct object_range all = {0, -1};

    (void)state;
    objects_put_text(fixture.objects, "some", "text");
    assert_int_equal(objects_get(fixture.objects, "some", &all, take_none, NULL, NULL), RC_CLOSED);
    objects_assert_text(fixture.objects, "some", "text");
}

/* ---- what is not there ----------------------------------------------------------------------- */

static void what_is_not_there_is_not_found(void **state)
{
    struct objects_got got = objects_get_all(fixture.objects, "executables/none", 0, -1);
    struct object_info info;

    (void)state;
    assert_int_equal(got.rc, RC_NOT_FOUND);
    assert_non_null(strstr(got.err.message, "executables/none"));
    free(got.data);
    got = objects_get_all(fixture.objects, "executables/none", 5, 5);
    assert_int_equal(got.rc, RC_NOT_FOUND);
    free(got.data);
    assert_int_equal(objects_stat(fixture.objects, "none", &info, NULL), RC_NOT_FOUND);
    objects_put_text(fixture.objects, "a/b", "x");
    assert_int_equal(objects_stat(fixture.objects, "a", &info, NULL), RC_NOT_FOUND);
    assert_int_equal(objects_stat(fixture.objects, "a/b/c", &info, NULL), RC_NOT_FOUND);
}

static void removing_is_the_same_twice(void **state)
{
    (void)state;
    objects_put_text(fixture.objects, "a/b/c", "x");
    objects_put_text(fixture.objects, "a/d", "y");
    assert_int_equal(objects_remove(fixture.objects, "a/b/c", NULL), RC_OK);
    assert_int_equal(objects_remove(fixture.objects, "a/b/c", NULL), RC_OK);
    assert_int_equal(objects_remove(fixture.objects, "never/was", NULL), RC_OK);
    assert_int_equal(objects_remove(fixture.objects, "a", NULL), RC_OK);
    objects_assert_text(fixture.objects, "a/d", "y");
    objects_put_text(fixture.objects, "a/b/c", "again");
    objects_assert_text(fixture.objects, "a/b/c", "again");
}

static void keys_are_of_one_kind(void **state)
{
    static const char *const bad[] = {
        "",    "/",   "/a",  "a/",   "a//b", "..",   "a/../b",   ".",   "./a",
        "a/.", "a b", "a%b", "a\\b", "a\nb", "~tmp", "\xc3\xa4", "a?b", "a:b",
    };
    char longest[OBJECT_KEY_MAX + 2];
    struct object_info info;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct object_source source = objects_source("x", 1);
        struct objects_got got = objects_get_all(fixture.objects, bad[i], 0, -1);

        assert_int_equal(got.rc, RC_INVALID);
        free(got.data);
        assert_int_equal(objects_put(fixture.objects, bad[i], &source, NULL), RC_INVALID);
        assert_int_equal(objects_stat(fixture.objects, bad[i], &info, NULL), RC_INVALID);
        assert_int_equal(objects_remove(fixture.objects, bad[i], NULL), RC_INVALID);
        objects_source_close(&source);
    }
    for (size_t i = 0; i < sizeof(longest); i++)
        longest[i] = i % 100 == 99 ? '/' : 'k';
    longest[OBJECT_KEY_MAX + 1] = '\0';
    assert_int_equal(objects_stat(fixture.objects, longest, &info, NULL), RC_INVALID);
    longest[OBJECT_KEY_MAX] = '\0';
    objects_put_text(fixture.objects, longest, "long");
    objects_assert_text(fixture.objects, longest, "long");
    objects_put_text(fixture.objects, "...", "dots");
    objects_put_text(fixture.objects, ".a/..b/-_", "dots");
}

/* ---- what is known of one -------------------------------------------------------------------- */

static void says_how_large_and_how_old(void **state)
{
    struct object_info info;
    instant_us now;
    struct timespec time;

    (void)state;
    objects_put_text(fixture.objects, "one", "12345");
    assert_int_equal(objects_stat(fixture.objects, "one", &info, NULL), RC_OK);
    assert_int_equal(info.size, 5);
    if (fixture.clock)
        return;
    clock_gettime(CLOCK_REALTIME, &time);
    now = time.tv_sec * SECOND;
    assert_true(info.stored_at > now - MINUTE && info.stored_at < now + MINUTE);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void assert_keys(const char *prefix, const char *expected)
{
    char *keys = objects_keys(fixture.objects, prefix);

    assert_string_equal(keys, expected);
    free(keys);
}

static void lists_by_prefix_in_the_order_of_bytes(void **state)
{
    static const char *const keys[] = {"b/2", "a/z", "a-b",  "a.b", "a/b/c",
                                       "a0",  "A",   "b/10", "b/1"};

    (void)state;
    assert_keys("", "");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        objects_put_text(fixture.objects, keys[i], "x");
    assert_keys("", "A a-b a.b a/b/c a/z a0 b/1 b/10 b/2 ");
    assert_keys("a", "a-b a.b a/b/c a/z a0 ");
    assert_keys("a/", "a/b/c a/z ");
    assert_keys("a/b", "a/b/c ");
    assert_keys("a/b/c", "a/b/c ");
    assert_keys("a/b/cd", "");
    assert_keys("b/1", "b/1 b/10 ");
    assert_keys("c", "");
    assert_keys("../", "");
    assert_int_equal(objects_remove(fixture.objects, "a/b/c", NULL), RC_OK);
    assert_keys("a/", "a/z ");
}

static bool visit_two(void *context, const char *key, const struct object_info *info)
{
    int *count = context;

    assert_non_null(key);
    assert_int_equal(info->size, 1);
    return ++*count < 2;
}

static void who_visits_may_end_it(void **state)
{
    int count = 0;

    (void)state;
    for (char c = 'a'; c < 'f'; c++) {
        char key[] = {c, '/', c, '\0'};

        objects_put_text(fixture.objects, key, "x");
    }
    assert_int_equal(objects_list(fixture.objects, "", visit_two, &count, NULL), RC_OK);
    assert_int_equal(count, 2);
}

static void its_url_has_no_slash_at_its_end(void **state)
{
    const char *url = objects_url(fixture.objects);

    (void)state;
    assert_non_null(strchr(url, ':'));
    assert_int_not_equal(url[strlen(url) - 1], '/');
}

/* ---- none ------------------------------------------------------------------------------------ */

static void absent_objects_say_so(void **state)
{
    struct objects_got got = objects_get_all(objects_absent(), "a", 0, -1);

    (void)state;
    assert_int_equal(got.rc, RC_UNAVAILABLE);
    assert_non_null(strstr(got.err.message, "objects"));
    assert_string_equal(objects_url(objects_absent()), "");
    free(got.data);
    objects_free(objects_absent());
}

static const struct objects_maker *find_maker(const char *name)
{
    static const struct objects_maker *const makers[] = {
        &objects_memory_maker, &objects_directory_maker, &objects_s3_maker};

    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
        if (!strcmp(makers[i]->name, name))
            return makers[i];
    return NULL;
}

int main(int argc, char **argv)
{
#define CLAUSE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLAUSE(what_was_put_is_there),
        CLAUSE(an_empty_one_is_there_too),
        CLAUSE(putting_again_replaces_all_of_it),
        CLAUSE(bytes_of_any_size_stay_as_they_are),
        CLAUSE(a_source_that_ends_early_leaves_what_was),
        CLAUSE(a_source_is_read_from_its_beginning),
        CLAUSE(any_stretch_is_read),
        CLAUSE(a_stretch_of_an_empty_one_is_empty),
        CLAUSE(who_takes_may_end_it),
        CLAUSE(what_is_not_there_is_not_found),
        CLAUSE(removing_is_the_same_twice),
        CLAUSE(keys_are_of_one_kind),
        CLAUSE(says_how_large_and_how_old),
        CLAUSE(lists_by_prefix_in_the_order_of_bytes),
        CLAUSE(who_visits_may_end_it),
        CLAUSE(its_url_has_no_slash_at_its_end),
        cmocka_unit_test(absent_objects_say_so),
    };
#undef CLAUSE
    int failed;

    maker = argc > 1 ? find_maker(argv[1]) : NULL;
    if (!maker) {
        (void)fprintf(stderr, "usage: contract_objects memory|directory|s3\n");
        return 2;
    }
    if (maker->begin && maker->begin() != 0)
        return SKIPPED;
    failed = cmocka_run_group_tests_name("objects", tests, NULL, NULL);
    return maker->own ? failed + maker->own() : failed;
}
