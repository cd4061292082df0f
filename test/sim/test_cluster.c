/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many lives of a whole cluster, each from its seed: ten minutes of jobs, clients and faults,
 * two minutes of peace, the books; then all jobs are removed and everything must come to its end.
 *
 * CRONJOB_SIM_SEED=n lives one seed, CRONJOB_SIM_SEEDS=n so many.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#include "cluster.h"
#include "testing.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define CHECKED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define CHECKED 1
#    endif
#endif
#ifndef CHECKED
#    define CHECKED 0
#endif

/* A checked seed takes as long as many. */
enum { SEEDS = CHECKED ? 40 : 150, FIRST_JOBS = 4 };

static unsigned long long sometimes[SOMETIMES_COUNT];

static void live(uint64_t seed)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));

    cluster_new(cluster, seed, sometimes);
    cluster_run(cluster, 5 * SECOND);
    for (int i = 0; i < FIRST_JOBS; i++)
        cluster_create_job(cluster);
    cluster_run(cluster, 10 * MINUTE);
    cluster_heal(cluster);
    cluster_run(cluster, 2 * MINUTE);
    cluster_check_ticks(cluster);
    cluster_remove_all_jobs(cluster);
    cluster_run(cluster, 3 * MINUTE);
    cluster_check_runs(cluster);
    cluster_free(cluster);
    free(cluster);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void the_promises_hold_under_any_fault(void **state)
{
    uint64_t seed = number_of("CRONJOB_SIM_SEED", 0), seeds = number_of("CRONJOB_SIM_SEEDS", SEEDS);

    (void)state;
    if (seed) {
        live(seed);
        return;
    }
    print_message("seeds 1 to %llu\n", (unsigned long long)seeds);
    for (seed = 1; seed <= seeds; seed++)
        live(seed);
}

static void every_fault_has_happened(void **state)
{
    static const char *const names[] = {
#define SOMETIMES_NAME(name) #name,
        SOMETIMES_TABLE(SOMETIMES_NAME)
#undef SOMETIMES_NAME
    };
    bool complete = true;

    (void)state;
    for (size_t i = 0; i < SOMETIMES_COUNT; i++) {
        print_message("%12llu %s\n", sometimes[i], names[i]);
        complete = complete && sometimes[i];
    }
    assert_true(complete);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(the_promises_hold_under_any_fault),
        cmocka_unit_test(every_fault_has_happened),
    };
    const struct CMUnitTest one[] = {cmocka_unit_test(the_promises_hold_under_any_fault)};
    struct log_config log = {.level = LEVEL_ERROR, .fd = open("/dev/null", O_WRONLY | O_CLOEXEC)};

    log_init(&log);
    return number_of("CRONJOB_SIM_SEED", 0) ? cmocka_run_group_tests(one, NULL, NULL)
                                            : cmocka_run_group_tests(all, NULL, NULL);
}
