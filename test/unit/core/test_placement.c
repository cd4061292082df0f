/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compiler.h"

#include "core/placement.h"

#include "table.h"

#define AWAY                       \
    {                              \
        .name = "away", .tasks = 0 \
    }
#define EMPTY                                        \
    {                                                \
        .name = "empty", .present = true, .tasks = 0 \
    }
#define BUSY                                        \
    {                                               \
        .name = "busy", .present = true, .tasks = 9 \
    }
#define DRAIN                                                          \
    {                                                                  \
        .name = "drain", .present = true, .draining = true, .tasks = 0 \
    }

static void picks_by_the_rules(void **state)
{
    static const struct {
        const char *what;
        struct placement_worker workers[3];
        size_t count;
        const char *current;
        const char *expect; /* "" for none */
    } rows[] = {
        {"there is no worker", {AWAY}, 0, "", ""},
        {"none is present", {AWAY}, 1, "away", ""},
        {"the only one", {BUSY}, 1, "", "busy"},
        {"the least loaded", {BUSY, EMPTY}, 2, "", "empty"},
        {"the first of equals", {EMPTY, {.name = "other", .present = true}}, 2, "", "empty"},
        {"a job stays, however loaded its worker", {EMPTY, BUSY}, 2, "busy", "busy"},
        {"a job leaves a worker that is away", {AWAY, BUSY}, 2, "away", "busy"},
        {"a job leaves a worker that nobody knows", {BUSY}, 1, "gone", "busy"},
        {"a job leaves a draining worker", {DRAIN, BUSY}, 2, "drain", "busy"},
        {"a draining worker gets nothing new", {DRAIN, BUSY}, 2, "", "busy"},
        {"a draining worker keeps what no other can take", {AWAY, DRAIN}, 2, "drain", "drain"},
        {"a draining worker is better than none", {DRAIN, AWAY}, 2, "away", "drain"},
    };
    struct table table = {.name = "placement_pick"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int picked = placement_pick(rows[i].workers, rows[i].count, rows[i].current);

        table_same(&table, rows[i].what, rows[i].expect,
                   picked < 0 ? "" : rows[i].workers[picked].name);
    }
    table_end(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(picks_by_the_rules)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
