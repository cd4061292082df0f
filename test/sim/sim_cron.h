/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/sim/sim_cron.h: the node's cron, where a seed has one: once a minute it reads the crontab,
 * and calls for what is due, some seconds late. Now and then it calls twice or much too late, does
 * not run, or somebody spoils the crontab.
 */
#ifndef CRONJOB_TEST_SIM_CRON_H
#define CRONJOB_TEST_SIM_CRON_H

#include "ports/cron_table.h"
#include "ports/fires.h"

struct sim;

enum { SIM_CALLS = 64 };

struct sim_cron {
    struct cron_table *table; /* NULL: this life has none */
    struct fires *fires;
    int64_t minute; /* that it has seen last */
    struct sim_call {
        mono_us at;
        job_id job;
    } calls[SIM_CALLS];
    size_t call_count;
};

void sim_cron_new(struct sim *sim);
void sim_cron_free(struct sim *sim);
void sim_cron_move(struct sim *sim);
/* When it is to be moved again. */
mono_us sim_cron_next(const struct sim *sim);

#endif
