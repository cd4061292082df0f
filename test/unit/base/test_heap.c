/* SPDX-License-Identifier: Apache-2.0 */
/* The heap against a search through all. */
#include <stdlib.h>

#include "base/compiler.h"
#include "base/heap.h"
#include "base/table.h"

#include "testing.h"

enum { NODES = 300, STEPS = 20000 };

static void an_empty_heap_has_no_first(void **state)
{
    struct heap heap = {0};
    struct heap_node node = {0};

    (void)state;
    assert_null(heap_first(&heap));
    heap_remove(&heap, &node);
    heap_release(&heap);
}

static const struct heap_node *lowest(const struct heap_node *nodes)
{
    const struct heap_node *found = NULL;

    for (size_t i = 0; i < NODES; i++) {
        if (nodes[i].place && (!found || nodes[i].due < found->due))
            found = &nodes[i];
    }
    return found;
}

static void the_first_is_the_lowest_whatever_happens(void **state)
{
    struct heap heap = {0};
    struct heap_node nodes[NODES] = {0};

    (void)state;
    for (uint64_t step = 0; step < STEPS; step++) {
        struct heap_node *node = &nodes[hash_mix(step) % NODES];
        const struct heap_node *expected;

        if (hash_mix(~step) % (step < STEPS / 2 ? 4 : 2))
            heap_set(&heap, node, (int64_t)(hash_mix(step + STEPS) % 1000) - 500);
        else
            heap_remove(&heap, node);
        expected = lowest(nodes);
        assert_true(heap_first(&heap) ? heap_first(&heap)->due == expected->due : !expected);
    }
    heap_release(&heap);
}

static void nodes_come_out_in_order_and_the_array_shrinks(void **state)
{
    struct heap heap = {0};
    struct heap_node *nodes = calloc(10000, sizeof(*nodes));
    int64_t last = INT64_MIN;

    (void)state;
    for (size_t i = 0; i < 10000; i++)
        heap_set(&heap, &nodes[i], (int64_t)(hash_mix(i) >> 1));
    while (heap_first(&heap)) {
        struct heap_node *first = heap_first(&heap);

        assert_true(first->due >= last);
        last = first->due;
        heap_remove(&heap, first);
        assert_int_equal(first->place, 0);
    }
    assert_in_range(heap.capacity, 0, 128);
    heap_release(&heap);
    free(nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_first),
        cmocka_unit_test(the_first_is_the_lowest_whatever_happens),
        cmocka_unit_test(nodes_come_out_in_order_and_the_array_shrinks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
