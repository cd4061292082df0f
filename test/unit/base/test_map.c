/* SPDX-License-Identifier: Apache-2.0 */
/* The map against a plain array of the same size. */
#include "base/map.h"
#include "base/table.h"

#include "testing.h"

enum { KEYS = 500, STEPS = 100000 };

static void an_empty_map_has_nothing(void **state)
{
    struct map map = {0};
    uint64_t value;
    size_t at = 0;

    (void)state;
    assert_false(map_get(&map, 1, &value));
    map_remove(&map, 1);
    assert_false(map_next(&map, &at, &value, &value));
    map_release(&map);
}

static void it_holds_what_an_array_holds(void **state)
{
    uint64_t model[KEYS + 1] = {0}, key, value, sum = 0, expected = 0;
    struct map map = {0};
    size_t at = 0;

    (void)state;
    for (uint64_t step = 1; step <= STEPS; step++) {
        key = hash_mix(step) % KEYS + 1;
        if (hash_mix(~step) % 3) {
            map_put(&map, key, step);
            model[key] = step;
        } else {
            map_remove(&map, key);
            model[key] = 0;
        }
    }
    for (key = 1; key <= KEYS; key++) {
        assert_int_equal(map_get(&map, key, &value), model[key] != 0);
        if (model[key])
            assert_int_equal(value, model[key]);
        expected += model[key];
    }
    while (map_next(&map, &at, &key, &value))
        sum += value;
    assert_int_equal(sum, expected);
    map_release(&map);
}

static void it_shrinks_when_it_empties(void **state)
{
    struct map map = {0};

    (void)state;
    for (uint64_t key = 1; key <= 10000; key++)
        map_put(&map, key, key);
    for (uint64_t key = 1; key <= 10000; key++)
        map_remove(&map, key);
    assert_int_equal(map.count, 0);
    assert_true(map.slot_count <= 16);
    map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(it_holds_what_an_array_holds),
        cmocka_unit_test(it_shrinks_when_it_empties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
