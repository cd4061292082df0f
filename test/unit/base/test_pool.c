/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a pool are zero, apart from each other, and their memory goes back. */
#include <string.h>

#include "base/pool.h"
#include "base/table.h"

#include "testing.h"

enum { OBJECTS = 5000, SIZE = 80 };

static void objects_are_zero_and_do_not_touch_each_other(void **state)
{
    static unsigned char *objects[OBJECTS];
    struct pool pool;

    (void)state;
    pool_init(&pool, SIZE);
    for (uint64_t step = 0; step < 10 * OBJECTS; step++) {
        unsigned char **object = &objects[hash_mix(step) % OBJECTS], fill = (unsigned char)step;

        if (*object) {
            for (size_t i = 1; i < SIZE; i++)
                assert_int_equal((*object)[i], (*object)[0]);
            pool_free(&pool, *object);
            *object = NULL;
            continue;
        }
        *object = pool_alloc(&pool);
        for (size_t i = 0; i < SIZE; i++)
            assert_int_equal((*object)[i], 0);
        memset(*object, fill, SIZE);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i])
            pool_free(&pool, objects[i]);
    }
    assert_int_equal(pool.count, 0);
    pool_release(&pool);
}

static void every_size_fits(void **state)
{
    (void)state;
    for (size_t size = 8; size <= POOL_OBJECT_MAX; size += 8) {
        struct pool pool;
        void *objects[100];

        pool_init(&pool, size);
        for (size_t i = 0; i < 100; i++)
            memset(objects[i] = pool_alloc(&pool), 0xff, size);
        for (size_t i = 0; i < 100; i++)
            pool_free(&pool, objects[i]);
        pool_release(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_zero_and_do_not_touch_each_other),
        cmocka_unit_test(every_size_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
