/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/compiler.h"

#include "core/placement.h"

#include "table.h"

/* clang-format off */
#define AWAY   {.name = "away", .tasks = 0}
#define EMPTY  {.name = "empty", .present = true, .tasks = 0}
#define BUSY   {.name = "busy", .present = true, .tasks = 9}
#define DRAIN  {.name = "drain", .present = true, .draining = true, .tasks = 0}
#define ILL    {.name = "ill", .present = true, .unwell = true, .tasks = 0}
#define FAST   {.name = "fast", .present = true, .tasks = 9, .labels = {fast, 2}}
#define SLOW   {.name = "slow", .present = true, .tasks = 0, .labels = {slow, 1}}
/* clang-format on */

static struct pair fast[] = {{"zone", "north"}, {"disk", "fast"}};
static struct pair slow[] = {{"disk", "slow"}};
static struct pair wants_fast[] = {{"disk", "fast"}};
static struct pair wants_much[] = {{"disk", "fast"}, {"zone", "south"}};

static void picks_by_the_rules(void **state)
{
    static const struct {
        const char *what;
        struct placement_worker workers[3];
        size_t count;
        int current;
        struct pairs labels;
        const char *expect; /* "" for none */
    } rows[] = {
        {"there is no worker", {AWAY}, 0, -1, {0}, ""},
        {"none is present", {AWAY}, 1, 0, {0}, ""},
        {"the only one", {BUSY}, 1, -1, {0}, "busy"},
        {"the least loaded", {BUSY, EMPTY}, 2, -1, {0}, "empty"},
        {"of equals the first by name",
         {{.name = "other", .present = true}, EMPTY},
         2,
         -1,
         {0},
         "empty"},
        {"a job stays, however loaded its worker", {EMPTY, BUSY}, 2, 1, {0}, "busy"},
        {"a job leaves a worker that is away", {AWAY, BUSY}, 2, 0, {0}, "busy"},
        {"a job leaves a draining worker", {DRAIN, BUSY}, 2, 0, {0}, "busy"},
        {"a draining worker gets nothing new", {DRAIN, BUSY}, 2, -1, {0}, "busy"},
        {"a draining worker keeps what no other can take", {AWAY, DRAIN}, 2, 1, {0}, "drain"},
        {"a draining worker is better than none", {DRAIN, AWAY}, 2, 1, {0}, "drain"},
        {"a job leaves an unwell worker", {ILL, BUSY}, 2, 0, {0}, "busy"},
        {"an unwell worker is better than none", {ILL, AWAY}, 2, -1, {0}, "ill"},
        {"draining is better than unwell", {ILL, DRAIN}, 2, -1, {0}, "drain"},
        {"among reluctant ones a job stays", {ILL, DRAIN}, 2, 0, {0}, "ill"},
        {"a label picks its worker", {SLOW, FAST}, 2, -1, {wants_fast, 1}, "fast"},
        {"each label counts", {SLOW, FAST}, 2, -1, {wants_much, 2}, ""},
        {"a job leaves a worker that does not fit any more",
         {SLOW, FAST},
         2,
         0,
         {wants_fast, 1},
         "fast"},
        {"a job without labels may go anywhere", {SLOW, FAST}, 2, -1, {0}, "slow"},
        {"a draining worker keeps a label that no other has",
         {{.name = "last", .present = true, .draining = true, .labels = {fast, 2}}, SLOW},
         2,
         0,
         {wants_fast, 1},
         "last"},
    };
    struct table table = {.name = "placement_pick"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int picked =
            placement_pick(rows[i].workers, rows[i].count, rows[i].current, &rows[i].labels);

        table_same(&table, rows[i].what, rows[i].expect,
                   picked < 0 ? "" : rows[i].workers[picked].name);
    }
    table_end(&table);
}

/* ---- balance ------------------------------------------------------------------------------- */

enum { WORKERS = 8, JOBS = 400 };

struct town {
    struct placement_worker workers[WORKERS];
    size_t count;
    int of_job[JOBS]; /* where each is */
    uint64_t dice;
};

static uint64_t roll(struct town *town, uint64_t sides)
{
    town->dice = town->dice * 6364136223846793005u + 1442695040888963407u;
    return (town->dice >> 33) % sides;
}

static struct town town_of(uint64_t seed)
{
    struct town town = {.dice = seed};
    size_t homes;

    town.count = 1 + roll(&town, WORKERS);
    homes = 1 + roll(&town, town.count);
    for (size_t i = 0; i < town.count; i++)
        town.workers[i] = (struct placement_worker){.name = {(char)('a' + i)}, .present = true};
    for (size_t i = 0; i < JOBS; i++) {
        int home = (int)roll(&town, homes);

        town.of_job[i] = roll(&town, 3) ? home : 0;
        town.workers[town.of_job[i]].tasks++;
    }
    return town;
}

/* What is the least that brings all between n/k rounded down and up. */
static int64_t least_moves(const struct town *town)
{
    int64_t least = JOBS / (int64_t)town->count;
    int64_t most = least + (JOBS % town->count != 0), above = 0, below = 0;

    for (size_t i = 0; i < town->count; i++) {
        above += MAX(town->workers[i].tasks - most, 0);
        below += MAX(least - town->workers[i].tasks, 0);
    }
    return MAX(above, below);
}

static int64_t move_all(struct town *town)
{
    static const struct pairs none;
    int64_t moves = 0;

    for (size_t i = 0; i < JOBS; i++) {
        int to = placement_move(town->workers, town->count, town->of_job[i], &none);

        if (to < 0)
            continue;
        town->workers[town->of_job[i]].tasks--;
        town->workers[to].tasks++;
        town->of_job[i] = to;
        moves++;
    }
    return moves;
}

static void balance_needs_the_fewest_moves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct town town = town_of(seed);
        int64_t least = least_moves(&town), tasks = JOBS / (int64_t)town.count;

        assert_int_equal(placement_balance(town.workers, town.count), least);
        assert_int_equal(move_all(&town), least);
        for (size_t i = 0; i < town.count; i++)
            assert_in_range(town.workers[i].tasks, tasks, tasks + 1);
        assert_int_equal(placement_balance(town.workers, town.count), 0);
    }
}

static void balance_is_the_same_in_any_order(void **state)
{
    static const struct pairs none;
    struct placement_worker one[] = {EMPTY, BUSY}, two[] = {BUSY, EMPTY};

    (void)state;
    assert_int_equal(placement_balance(one, 2), 4);
    assert_int_equal(placement_balance(two, 2), 4);
    assert_int_equal(placement_move(one, 2, 1, &none), 0);
    assert_int_equal(placement_move(two, 2, 0, &none), 1);
    assert_int_equal(placement_move(two, 2, 1, &none), -1);
}

static void balance_leaves_what_fits_nowhere_else(void **state)
{
    static const struct pairs fast_only = {wants_fast, 1};
    struct placement_worker workers[] = {SLOW, FAST, DRAIN, ILL};

    (void)state;
    assert_int_equal(placement_balance(workers, 4), 4);
    assert_int_equal(workers[2].receive + workers[3].receive, 0);
    assert_int_equal(placement_move(workers, 4, 1, &fast_only), -1);
    assert_int_equal(placement_move(workers, 4, 1, &(struct pairs){0}), 0);
}

static void nobody_there_needs_no_balance(void **state)
{
    struct placement_worker workers[] = {AWAY, DRAIN};

    (void)state;
    assert_int_equal(placement_balance(workers, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_by_the_rules),
        cmocka_unit_test(balance_needs_the_fewest_moves),
        cmocka_unit_test(balance_is_the_same_in_any_order),
        cmocka_unit_test(balance_leaves_what_fits_nowhere_else),
        cmocka_unit_test(nobody_there_needs_no_balance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
