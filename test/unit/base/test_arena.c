/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"

#include "testing.h"

static void gives_memory_that_does_not_overlap(void **state)
{
    struct arena arena = {0};
    unsigned char *pieces[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], i);
    }
    arena_release(&arena);
}

static void takes_pieces_larger_than_a_block(void **state)
{
    struct arena arena = {0};
    unsigned char *small = arena_alloc(&arena, 10);
    unsigned char *large = arena_calloc(&arena, 100000);

    (void)state;
    memset(small, 1, 10);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(large[i], 0);
    memset(large, 2, 100000);
    assert_int_equal(small[9], 1);
    arena_release(&arena);
}

static void copies_and_prints_text(void **state)
{
    struct arena arena = {0};
    char text[] = "worker";

    (void)state;
    assert_null(arena_strdup(&arena, NULL));
    assert_string_equal(arena_strdup(&arena, ""), "");
    assert_string_equal(arena_strndup(&arena, text, 4), "work");
    assert_string_equal(arena_printf(&arena, "%s-%d", text, 3), "worker-3");
    assert_int_equal(strlen(arena_printf(&arena, "%9000s", text)), 9000);
    arena_release(&arena);
}

static void is_empty_and_usable_after_release(void **state)
{
    struct arena arena = {0};

    (void)state;
    arena_release(&arena);
    (void)arena_alloc(&arena, 1);
    arena_release(&arena);
    assert_null(arena.blocks);
    assert_string_equal(arena_strdup(&arena, "again"), "again");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_memory_that_does_not_overlap),
        cmocka_unit_test(takes_pieces_larger_than_a_block),
        cmocka_unit_test(copies_and_prints_text),
        cmocka_unit_test(is_empty_and_usable_after_release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
