/* SPDX-License-Identifier: Apache-2.0 */
/* Trips to the store: what waits is packed, and what comes back is acted upon. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

static void take_items(struct worker *worker, struct work *work)
{
    while (!list_is_empty(&worker->items) && work->item_count < LIMIT_BATCH) {
        struct item *item = list_take(&worker->items, struct item, link);

        if (item->write.kind == WRITE_WORKER)
            work->sign = item;
        list_append(&work->items, &item->link);
        work->item_count++;
        worker->item_count--;
    }
}

static void take_claims(struct worker *worker, struct work *work)
{
    work->claims = TAKE(worker->claims);
    work->claim_count = worker->claim_count;
    worker->claim_count = worker->claim_capacity = 0;
    worker->config.random(&work->token, sizeof(work->token));
}

static void take_notes(struct worker *worker, struct work *work)
{
    work->notes = TAKE(worker->notes);
    work->note_count = worker->note_count;
    worker->note_count = worker->note_capacity = 0;
}

static void take_loads(struct worker *worker, struct work *work)
{
    size_t count = MIN(worker->load_count, (size_t)LIMIT_BATCH);
    uint64_t flags;

    if (!count)
        return;
    work->loads = xcalloc(count, sizeof(*work->loads));
    for (size_t i = 0; i < count; i++) {
        job_id job = worker->loads[--worker->load_count];

        work->loads[work->load_count++].id = job;
        flags = 0;
        (void)map_get(&worker->loading, job, &flags); /* it is there: it waits to be loaded */
        map_put(&worker->loading, job, flags | LOAD_IN_FLIGHT);
    }
    if (!worker->load_count) {
        free(TAKE(worker->loads));
        worker->load_capacity = 0;
    }
}

static bool has_work(const struct worker *worker)
{
    if (worker->phase == PHASE_CONNECTING)
        return false;
    if (worker->phase == PHASE_RECOVERING)
        return clock_mono(worker->config.clock) >= worker->join_at;
    return worker->item_count || worker->claim_count || worker->note_count || worker->load_count ||
           worker->looks;
}

static struct work *pack(struct worker *worker)
{
    struct work *work = xcalloc(1, sizeof(*work));

    work->worker = worker;
    list_init(&work->items);
    work->recover = worker->phase == PHASE_RECOVERING;
    take_items(worker, work);
    take_notes(worker, work);
    if (!work->recover) {
        take_claims(worker, work);
        take_loads(worker, work);
        work->looks = worker->looks;
        worker->looks = 0;
        work->jobs_after = worker->by_store.after;
        worker_pack_elsewhere(worker, work);
    }
    return work;
}

void worker_send_work(struct worker *worker)
{
    if (worker->travelling)
        return;
    if (worker->failed) {
        if (clock_mono(worker->config.clock) < worker->retry_at)
            return;
        worker->travelling = TAKE(worker->failed);
    } else if (has_work(worker)) {
        worker->travelling = pack(worker);
    } else {
        return;
    }
    worker->config.execute(worker->config.execute_context, worker->travelling);
}

static void publish(struct worker *worker, const struct item *item)
{
    const struct write_run *run = &item->write.run;
    struct event event = {.kind = EVENT_RUN, .job = run->key.job, .run = run->key};

    switch (item->write.kind) {
    case WRITE_RUN_WAITING:
    case WRITE_RUN_STARTED:
    case WRITE_RUN_RECORD:
        events_publish(worker->config.events, &event);
        break;
    case WRITE_RUN_FINISHED:
        events_publish(worker->config.events, &event);
        event.kind = EVENT_JOB;
        if (run->sets_job_status)
            events_publish(worker->config.events, &event);
        break;
    case WRITE_JOB_STATUS:
        event = (struct event){.kind = EVENT_JOB, .job = item->write.job.id};
        events_publish(worker->config.events, &event);
        break;
    default: /* nothing that anybody watches */
        break;
    }
}

static void consume(struct worker *worker, enum task_kind kind, const struct run_key *run)
{
    struct task task = {.kind = kind, .job = run->job, .run = *run};

    (void)coordination_consume(worker->config.coordination, worker->config.name, &task,
                               NULL); /* one that comes again is found done */
}

static void consume_run(struct worker *worker, const struct run_key *run)
{
    if (run_set_remove(&worker->run_tasks, run))
        consume(worker, TASK_RUN, run);
}

/* One that was not active when it was to be killed. */
static bool consume_kill(struct worker *worker, const struct write_run *run)
{
    bool wanted = run_set_remove(&worker->kills, &run->key);

    if (wanted)
        consume(worker, TASK_KILL, &run->key);
    return wanted;
}

static void settle_item(struct worker *worker, struct item *item)
{
    const struct write_run *run = &item->write.run;
    bool was_wanted_killed = item->write.kind == WRITE_RUN_FINISHED && consume_kill(worker, run);
    char id[RUN_ID_TEXT];

    if (item->write.outcome == RC_OK)
        publish(worker, item);
    else if (item->write.kind == WRITE_RUN_RECORD && run->count > 1)
        agenda_record_refused(worker->agenda, &item->decision);
    else if (item->write.kind == WRITE_RUN_FINISHED && !was_wanted_killed)
        log_warn("result came too late", LOG_TEXT("run", run_id_format(&run->key, id)),
                 LOG_ERR(&item->write.err, item->write.outcome));
    if (item->write.kind != WRITE_RUN_FINISHED)
        return;
    worker_deliver_output(worker, item);
    if (item->in_guardian)
        launcher_acknowledge(worker->launcher, &run->key);
    consume_run(worker, &run->key);
}

static void settle_claim(struct worker *worker, const struct work *work, struct claim *claim)
{
    struct active *active = claim->active;

    if (active) {
        active->claimed_at = work->begun_at;
        active->too_late = clock_mono(worker->config.clock) - work->begun_at > START_SLACK;
        active->kill_wanted = run_set_has(&worker->kills, &active->key);
        worker_add_active(worker, active);
        worker_use_file(worker, active);
        claim->active = NULL;
    } else if (claim->outcome == CLAIM_TAKEN) {
        consume_run(worker, &claim->decision.run); /* it is another's, or has ended */
    }
    agenda_claimed(worker->agenda, &claim->decision.run, claim->outcome,
                   clock_now(worker->config.clock));
}

static void forget_recovered(struct work *work)
{
    for (size_t i = 0; i < work->recovered_count; i++)
        active_free(work->recovered[i].active);
    work->recovered_count = 0;
}

void work_free(struct work *work)
{
    if (!work)
        return;
    while (!list_is_empty(&work->items))
        free(list_take(&work->items, struct item, link));
    for (size_t i = 0; i < work->claim_count; i++)
        active_free(work->claims[i].active);
    forget_recovered(work);
    free(work->claims);
    free(work->notes);
    free(work->loads);
    free(work->recovered);
    free(work->strays);
    free(work->asked);
    free(work->elsewhere);
    free(work->beside);
    free(work->jobs);
    free(work);
}

static void try_again(struct worker *worker, struct work *work)
{
    log_warn("store was not reached, trying again", LOG_ERR(&work->err, work->rc),
             LOG_U64("results", work->item_count), LOG_U64("claims", work->claim_count));
    forget_recovered(work);
    worker->failed = work;
    worker->backoff = worker->backoff ? MIN(worker->backoff * 2, BACKOFF_MOST) : BACKOFF_FIRST;
    worker->retry_at = clock_mono(worker->config.clock) + worker->backoff;
}

void worker_take_work(struct worker *worker, struct work *work)
{
    struct item *item;

    worker->travelling = NULL;
    if (work->rc != RC_OK) {
        try_again(worker, work);
        return;
    }
    worker->backoff = 0;
    worker_take_sign(worker, work);
    list_for_each (item, &work->items, link)
        settle_item(worker, item);
    worker_take_notes(worker, work);
    worker_take_beside(worker, work);
    for (size_t i = 0; i < work->claim_count; i++)
        settle_claim(worker, work, &work->claims[i]);
    for (size_t i = 0; i < work->load_count; i++)
        worker_take_loaded(worker, &work->loads[i]);
    worker_take_elsewhere(worker, work);
    worker_take_jobs(worker, work);
    worker_take_strays(worker, work);
    if (work->recover)
        worker_recover(worker, work);
    work_free(work);
}
