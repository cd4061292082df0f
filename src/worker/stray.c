/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A claim may take effect when nobody waits for it any more: a statement that hung on the way
 * arrives although the store had answered that there is no such run. Such a run is ours by its
 * token, and nobody will ever start it. So now and then the store is asked which unfinished runs
 * are ours; one that we do not know, twice in a row, is ended.
 *
 * The same answer says, after our lease had lapsed, which of our claims still stand.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

/* ---- on the store thread ------------------------------------------------------------------- */

static struct stray judge(const struct ledger *ledger, const struct run_record *record,
                          instant_us now)
{
    const struct ledger_entry *entry = ledger_find(ledger, &record->run.key);
    bool was_started = entry || record->run.result.status == RUN_RUNNING;
    struct stray stray = {.key = record->run.key,
                          .token = record->token,
                          .trigger = record->run.trigger,
                          .result = result_without_start(was_started ? RUN_LOST : RUN_MISSED, now),
                          .reason = was_started ? "what became of it is not known"
                                                : "claimed, but never started"};

    stray.result.started_at = record->run.result.started_at;
    return stray;
}

static bool note_unfinished(void *context, const struct run_record *record)
{
    static const struct claim_token none;
    struct work *work = context;

    if (!memcmp(&record->token, &none, sizeof(none)))
        return true; /* nobody's yet */
    work->strays =
        xgrow(work->strays, work->stray_count, &work->stray_capacity, sizeof(*work->strays));
    work->strays[work->stray_count++] =
        judge(&work->worker->ledger, record, clock_now(work->worker->config.clock));
    return true;
}

enum rc work_look_for_strays(struct work *work)
{
    struct run_query query = run_query_all();

    if (!(work->looks & LOOK_STRAYS))
        return RC_OK;
    work->stray_count = 0;
    query.worker = work->worker->config.name;
    query.unfinished_only = true;
    return store_read_runs(work->worker->config.store, &query, note_unfinished, work, &work->err);
}

/* ---- on the loop thread -------------------------------------------------------------------- */

/* Its result was not on this trip. */
static bool is_ending(const struct worker *worker, const struct run_key *run)
{
    const struct item *item;

    list_for_each (item, &worker->items, link) {
        if (item->write.kind == WRITE_RUN_FINISHED && !run_key_compare(&item->write.run.key, run))
            return true;
    }
    return false;
}

static void end_stray(struct worker *worker, const struct stray *stray)
{
    struct item *item = worker_add_item(worker, WRITE_RUN_FINISHED);
    char id[RUN_ID_TEXT];

    log_warn("run of ours was unknown, ending it", LOG_TEXT("run", run_id_format(&stray->key, id)),
             LOG_TEXT("reason", stray->reason));
    item->write.run.key = stray->key;
    item->write.run.token = stray->token;
    item->write.run.trigger = stray->trigger;
    item->write.run.result = stray->result;
    item_set_reason(item, stray->reason);
}

static void take(struct worker *worker, const struct work *work, const struct stray *stray,
                 struct run_set *seen)
{
    struct active *active = worker_find_active(worker, &stray->key);

    if (active) {
        active->claimed_at = MAX(active->claimed_at, work->begun_at);
        return;
    }
    if (is_ending(worker, &stray->key))
        return;
    if (run_set_has(&worker->strays, &stray->key))
        end_stray(worker, stray);
    else
        run_set_add(seen, &stray->key);
}

void worker_take_strays(struct worker *worker, const struct work *work)
{
    struct run_set seen = {0};

    if (!(work->looks & LOOK_STRAYS))
        return;
    for (size_t i = 0; i < work->stray_count; i++)
        take(worker, work, &work->strays[i], &seen);
    run_set_release(&worker->strays);
    worker->strays = seen;
    if (work->begun_at >= worker->lease_since)
        worker->unsure = false;
}
