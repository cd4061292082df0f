/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/recovery.h: what becomes of the runs of a worker that is lost, and of ticks that no worker
 * could take.
 *
 * A worker is lost when two witnesses say so: coordination does not have it any more, and its lease
 * in the store has run out. Its unfinished runs are then lost too, and are made up for by another
 * attempt when their job says so (on_worker_loss: rerun) and was neither removed, paused nor
 * changed since.
 *
 *     tick -> attempt 1 on worker-2 --worker-2 vanished--> lost
 *          -> attempt 2 on worker-3
 */
#ifndef CRONJOB_CORE_RECOVERY_H
#define CRONJOB_CORE_RECOVERY_H

#include "core/agenda.h"
#include "core/record.h"

struct recovery {
    bool reruns;
    struct run_key next;        /* of the attempt that makes up for it, when it reruns */
    bool sets_status;           /* whether the job's status changes */
    enum job_status job_status; /* to this */
};

/* `job`: as it is kept now; NULL: it is gone. */
struct recovery recovery_decide(const struct run *run, const struct job_record *job);

/* "worker worker-2 vanished" */
const char *recovery_reason(const char *worker, char text[LIMIT_REASON + 1]);

#define RECOVERY_UNFIT "no worker fits"

/* How long after its window a tick that nobody took is left alone: it may be on its way. */
#define RECOVERY_MARGIN MINUTE

/* A stretch of ticks. */
struct unclaimed {
    instant_us first;
    instant_us last;
    int64_t count;
};

/*
 * The ticks of a job that no worker may take, from its cursor on, that are past catching up at
 * `now`. The record has its cursor. False: there are none.
 */
bool recovery_unclaimed(const struct job_record *job, const struct schedule *schedule,
                        const struct zone *zone, instant_us now, struct unclaimed *ret_unclaimed);

#endif
