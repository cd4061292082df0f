/* SPDX-License-Identifier: Apache-2.0 */
/* Every clause of the store's contract, over the adapter named by the argument. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#include "contract/store_suite.h"

enum { CLAUSES_MAX = 200, SKIPPED = 77 };

struct adapter_row {
    const char *name;
    int (*setup)(void **state);
    int (*teardown)(void **state);
    const struct clauses *own[3]; /* NULL: none */
    int (*begin)(void **state);   /* NULL: always there; else not 0 when it cannot be tested */
    int (*end)(void **state);
};

static const struct adapter_row adapters[] = {
    {"memory", store_memory_setup, store_memory_teardown, {&store_memory_clauses}, NULL, NULL},
    {"sqlite", store_sqlite_setup, store_sqlite_teardown, {&store_sqlite_clauses}, NULL, NULL},
    {"mysql",
     store_mysql_setup,
     store_mysql_teardown,
     {&store_mysql_clauses, &store_mysql_table_clauses, &store_fight_clauses},
     store_mysql_begin,
     store_mysql_end},
};

static size_t add(struct CMUnitTest *tests, size_t count, const struct clauses *clauses,
                  const struct adapter_row *adapter)
{
    for (size_t i = 0; i < clauses->count; i++) {
        CHECK(count < CLAUSES_MAX);
        tests[count++] = (struct CMUnitTest){.name = clauses->items[i].name,
                                             .test_func = clauses->items[i].function,
                                             .setup_func = adapter->setup,
                                             .teardown_func = adapter->teardown};
    }
    return count;
}

static int run(const struct adapter_row *adapter)
{
    const struct clauses *all[] = {
        &store_job_clauses,  &store_query_clauses,  &store_claim_clauses, &store_run_clauses,
        &store_kept_clauses, &store_people_clauses, &store_other_clauses, adapter->own[0],
        adapter->own[1],     adapter->own[2]};
    struct CMUnitTest tests[CLAUSES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all) && all[i]; i++)
        count = add(tests, count, all[i], adapter);
    if (adapter->begin && adapter->begin(NULL) != 0)
        return SKIPPED;
    return _cmocka_run_group_tests(adapter->name, tests, count, NULL, adapter->end);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(adapters); i++) {
        if (!strcmp(adapters[i].name, argv[1]))
            return run(&adapters[i]);
    }
    (void)fprintf(stderr, "usage: contract_store memory|sqlite|mysql\n");
    return 2;
}
