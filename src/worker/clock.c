/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether our clock agrees with the store's, which decides what is too early and too late.
 *
 *     UNKNOWN --agrees--> RIGHT --off by more than a second--> WRONG --within 0.8 s--> RIGHT
 *        `------------------------off by more than a second------^
 *
 * The store is asked what time it is with every sign of life: its answer is of the middle of the
 * round trip, give or take half of it. A slow answer proves little: only what lies beyond the doubt
 * counts.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"

#include "worker/internal.h"

#define OFFSET_WARN     (250 * MILLISECOND)
#define OFFSET_WRONG    (1 * SECOND)
#define OFFSET_RIGHT    (800 * MILLISECOND) /* again */
#define GOOD_ROUND_TRIP (5 * MILLISECOND)   /* need not be bettered */

enum { SAMPLES = 3 };

static enum rc sample(struct work *work, struct clock_check *ret_check)
{
    struct clock *clock = work->worker->config.clock;
    mono_us before = clock_mono(clock);
    instant_us time;
    enum rc rc = store_now(work->worker->config.store, &time, &work->err);

    if (rc != RC_OK)
        return rc;
    ret_check->round_trip = clock_mono(clock) - before;
    ret_check->offset = clock_now(clock) - ret_check->round_trip / 2 - time;
    return RC_OK;
}

enum rc work_check_clock(struct work *work)
{
    struct clock_check check;
    enum rc rc;

    for (int i = 0; i < SAMPLES; i++) {
        rc = sample(work, &check);
        if (rc != RC_OK)
            return rc;
        if (i == 0 || check.round_trip < work->clock.round_trip)
            work->clock = check;
        if (check.round_trip <= GOOD_ROUND_TRIP)
            break;
    }
    return RC_OK;
}

static void tell_offset(struct worker *worker, span_us offset, span_us doubt)
{
    bool is_off = llabs(offset) - doubt > OFFSET_WARN;

    metric_set(metric_series(METRIC_CLOCK_OFFSET), (double)offset / SECOND);
    if (is_off && !worker->clock_is_off)
        log_warn("clock differs from the store's", LOG_I64("offset_ms", offset / MILLISECOND));
    worker->clock_is_off = is_off;
}

void worker_take_clock(struct worker *worker, const struct clock_check *check)
{
    span_us doubt = check->round_trip / 2, off = llabs(check->offset);
    bool was_wrong = worker->clock_state == CLOCK_WRONG;

    tell_offset(worker, check->offset, doubt);
    if (off - doubt > OFFSET_WRONG)
        worker->clock_state = CLOCK_WRONG;
    else if (!was_wrong || off < OFFSET_RIGHT)
        worker->clock_state = CLOCK_RIGHT;
    if (worker->clock_state == CLOCK_WRONG && !was_wrong)
        log_error("clock is wrong, no ticks are taken",
                  LOG_I64("offset_ms", check->offset / MILLISECOND));
    else if (worker->clock_state == CLOCK_RIGHT && was_wrong)
        log_info("clock is right again", LOG_I64("offset_ms", check->offset / MILLISECOND));
}

void worker_doubt_clock(struct worker *worker)
{
    if (worker->config.alone)
        return;
    if (worker->clock_state == CLOCK_RIGHT)
        worker->clock_state = CLOCK_UNKNOWN;
    worker->next_sign = 0;
}
