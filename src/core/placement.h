/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/placement.h: which worker keeps a job.
 *
 * A worker fits a job when it is there and has every label that the job asks for. A job stays where
 * it is as long as its worker fits and takes work: as few as possible move. Otherwise it goes to
 * the least loaded that fits. A worker that is draining or unwell takes nothing; it keeps or gets a
 * job only when no other may have it, so that no tick is without an owner.
 *
 * Balance is a matter of its own, for when a worker came: placement_balance() says how many jobs
 * each has too many or too few, placement_move() which job goes. With n jobs that fit everywhere
 * and k workers each ends up with n/k rounded down or up, by as few moves as there are.
 *
 * Equals are decided by name, so that every manager decides alike.
 */
#ifndef CRONJOB_CORE_PLACEMENT_H
#define CRONJOB_CORE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/job.h"

struct placement_worker {
    char name[LIMIT_NAME + 1];
    bool present;  /* it is a member, and what is known of it is right */
    bool draining; /* it should get nothing new */
    bool unwell;   /* nothing starts there: its clock is wrong, or it does not reach the store */
    struct pairs labels;
    int64_t tasks; /* jobs it keeps */
    int64_t leave; /* written by placement_balance(): how many should go, or come */
    int64_t receive;
};

/* The index of the worker for a job that asks for these labels and is now on `current` (-1: on
 * none); -1 when it fits nobody. */
int placement_pick(const struct placement_worker *workers, size_t count, int current,
                   const struct pairs *labels);

/* Fills leave and receive. Answers how many moves that makes. */
int64_t placement_balance(struct placement_worker *workers, size_t count);

/* Where a job on `current` goes for the sake of balance, which is then counted off; -1: it stays.
 */
int placement_move(struct placement_worker *workers, size_t count, int current,
                   const struct pairs *labels);

#endif
