/* SPDX-License-Identifier: Apache-2.0 */
/* Which copy is given up. */
#include <stdio.h>
#include <string.h>

#include "testing.h"
#include "worker/cache.h"

static struct cache cache;

static struct cached *file(char digit)
{
    char hash[CACHE_HASH];

    memset(hash, digit, sizeof(hash) - 1);
    hash[sizeof(hash) - 1] = '\0';
    return cache_get(&cache, hash);
}

static char victim(void)
{
    struct cached *found = cache_victim(&cache);

    return found ? found->hash[0] : '-';
}

static int begin(void **state)
{
    (void)state;
    cache_init(&cache, 100);
    return 0;
}

static int end(void **state)
{
    (void)state;
    cache_release(&cache);
    return 0;
}

static void gives_up_the_least_recently_used(void **state)
{
    (void)state;
    cache_store(&cache, file('a'), 40);
    cache_store(&cache, file('b'), 40);
    assert_false(cache_is_over(&cache));
    cache_store(&cache, file('c'), 40);
    assert_true(cache_is_over(&cache));
    assert_int_equal(victim(), 'a');
    cache_use(&cache, file('a'));
    assert_int_equal(victim(), 'b');
    cache_lose(&cache, file('b'));
    assert_false(cache_is_over(&cache));
    assert_int_equal(cache.bytes, 80);
}

static void gives_up_nothing_that_is_needed(void **state)
{
    (void)state;
    cache_store(&cache, file('a'), 400);
    cache_store(&cache, file('b'), 40);
    file('a')->users = 1;
    assert_int_equal(victim(), 'b');
    file('b')->busy = true;
    assert_int_equal(victim(), '-');
    assert_true(cache_is_over(&cache));
    file('a')->users = 0;
    assert_int_equal(victim(), 'a');
}

static void counts_a_copy_once(void **state)
{
    (void)state;
    cache_store(&cache, file('a'), 40);
    cache_store(&cache, file('a'), 30);
    assert_int_equal(cache.bytes, 30);
    cache_lose(&cache, file('a'));
    cache_lose(&cache, file('a'));
    assert_int_equal(cache.bytes, 0);
}

static void forgets_what_says_nothing(void **state)
{
    (void)state;
    file('a')->users = 1;
    cache_store(&cache, file('b'), 1);
    cache_forget(&cache, file('a'));
    cache_forget(&cache, file('b'));
    cache_forget(&cache, file('c'));
    assert_int_equal(cache.by_hash.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_up_the_least_recently_used, begin, end),
        cmocka_unit_test_setup_teardown(gives_up_nothing_that_is_needed, begin, end),
        cmocka_unit_test_setup_teardown(counts_a_copy_once, begin, end),
        cmocka_unit_test_setup_teardown(forgets_what_says_nothing, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
