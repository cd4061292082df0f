/* SPDX-License-Identifier: Apache-2.0 */
/* What the agenda decides becomes claims, starts, kills and records. */
#include "base/mem.h"
#include "base/metrics.h"

#include "worker/internal.h"

enum { DECISIONS_AT_ONCE = 256 };

static void add_claim(struct worker *worker, const struct decision *decision)
{
    worker->claims = xgrow(worker->claims, worker->claim_count, &worker->claim_capacity,
                           sizeof(*worker->claims));
    worker->claims[worker->claim_count++] = (struct claim){.decision = *decision};
    if (decision->unfired)
        worker_note_unfired(worker, decision, clock_now(worker->config.clock));
    if (!decision->existing)
        metric_add(metric_series(METRIC_TICKS_DUE), 1);
}

static void add_record(struct worker *worker, const struct decision *decision, instant_us now)
{
    struct item *item = worker_add_item(worker, WRITE_RUN_RECORD);

    item->write.run = (struct write_run){
        .key = decision->run,
        .trigger = decision->trigger,
        .result = result_without_start(decision->status, now),
        .worker = worker->config.name,
        .revision = decision->revision,
        .request = "",
        .count = decision->count,
        .until = decision->until,
    };
    item->decision = *decision;
    item_set_reason(item, decision->reason);
    metric_add(metric_series(METRIC_TICKS_DUE), decision->count);
    metric_add(metric_series(METRIC_RUNS, run_status_text(decision->status),
                             run_trigger_text(decision->trigger)),
               decision->count);
}

static void add_finished_job(struct worker *worker, const struct decision *decision)
{
    struct item *item = worker_add_item(worker, WRITE_JOB_STATUS);

    item->write.job = (struct write_job){
        .id = decision->run.job, .revision = decision->revision, .status = JOB_FINISHED};
}

static void carry_out(struct worker *worker, const struct decision *decision, instant_us now)
{
    struct active *active;

    switch (decision->kind) {
    case DECIDE_CLAIM:
        add_claim(worker, decision);
        break;
    case DECIDE_START:
        active = worker_find_active(worker, &decision->run);
        if (active)
            worker_start_run(worker, active, decision->start_at);
        break;
    case DECIDE_SKIP:
        active = worker_find_active(worker, &decision->run);
        if (active)
            worker_skip_run(worker, active, decision->status, decision->reason);
        break;
    case DECIDE_KILL:
        worker_kill_run(worker, &decision->run);
        break;
    case DECIDE_RECORD:
        add_record(worker, decision, now);
        break;
    case DECIDE_FINISHED:
        add_finished_job(worker, decision);
        break;
    }
}

void worker_advance(struct worker *worker, instant_us now)
{
    struct decision decisions[DECISIONS_AT_ONCE];
    size_t count;

    /* What cannot travel yet is decided later: a hold-up costs time, not memory. */
    while (worker->claim_count < LIMIT_BATCH && worker->item_count < LIMIT_BATCH) {
        count = agenda_advance(worker->agenda, now, decisions, DECISIONS_AT_ONCE);
        for (size_t i = 0; i < count; i++)
            carry_out(worker, &decisions[i], now);
        if (count < DECISIONS_AT_ONCE)
            break;
    }
}
