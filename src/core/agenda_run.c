/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker tells of runs: asked for on demand, found after a restart, claimed, ended. */
#include "base/compiler.h"

#include "core/agenda_entry.h"

/* Claims of a retry or a run on demand that may be void before it is given up: about 30 s. */
enum { VOIDS = 20 };

static span_us patience(const struct policy *policy)
{
    return policy->catch_up == CATCH_UP_NONE ? AGENDA_CLAIM_WINDOW
                                             : MAX(AGENDA_CLAIM_WINDOW, policy->catch_up_window);
}

span_us agenda_patience(const struct agenda *agenda, job_id job)
{
    const struct entry *entry = agenda_find(agenda, job);

    return entry ? patience(entry_policy(agenda, entry)) : AGENDA_CLAIM_WINDOW;
}

bool agenda_run(struct agenda *agenda, const struct run_key *run, instant_us now)
{
    struct entry *entry = agenda_find(agenda, run->job);
    struct live *live;

    now = agenda_tell(agenda, now);
    if (!entry || entry->removed)
        return false;
    live = entry_find_live(entry, run);
    if (live && live->kind == LIVE_RETRY)
        live->kind = LIVE_DEMAND; /* it is queued in the store by now */
    if (live)
        return true;
    live = entry_add_live(entry, run, LIVE_DEMAND, LIVE_DUE);
    live->trigger = run->attempt > 1 ? TRIGGER_RETRY : TRIGGER_MANUAL;
    live->at = now;
    agenda_settle(agenda, entry);
    return true;
}

static enum live_kind kind_of(enum run_trigger trigger)
{
    switch (trigger) {
    case TRIGGER_RETRY:
        return LIVE_RETRY;
    case TRIGGER_MANUAL:
    case TRIGGER_AFTER:
        return LIVE_DEMAND;
    case TRIGGER_SCHEDULE:
    case TRIGGER_CATCH_UP:
    case TRIGGER_REBOOT:
    case RUN_TRIGGER_COUNT:
        break;
    }
    return LIVE_TICK;
}

/* Whether a run that was claimed and not started by the worker before us is not to start either. */
static void judge_unstarted(const struct agenda *agenda, const struct entry *entry,
                            struct live *live, instant_us now)
{
    instant_us tick = MAX(MIN(live->key.scheduled_at, INSTANT_MAX), -INSTANT_MAX);
    span_us late = now - tick - entry_offset(agenda, entry);

    if (live->kind != LIVE_DEMAND && !entry_goes_on(entry))
        live_refuse(live, RUN_SKIPPED, AGENDA_REMOVED);
    else if (live->kind != LIVE_RETRY && live->trigger != TRIGGER_REBOOT &&
             late > patience(entry_policy(agenda, entry)))
        live_refuse(live, RUN_MISSED, AGENDA_NOT_STARTED);
}

void agenda_adopt(struct agenda *agenda, const struct run_key *run, enum run_trigger trigger,
                  bool started, instant_us now)
{
    struct entry *entry = agenda_find(agenda, run->job);
    struct live *live;

    now = agenda_tell(agenda, now);
    if (!entry || entry_find_live(entry, run))
        return;
    live = entry_add_live(entry, run, kind_of(trigger), LIVE_DUE);
    live->trigger = trigger;
    live_set_state(agenda, live, started ? LIVE_ACTIVE : LIVE_WON);
    if (!started)
        judge_unstarted(agenda, entry, live, now);
    agenda_settle(agenda, entry);
}

/* ---- another attempt ----------------------------------------------------------------------- */

struct retry {
    bool wanted;
    uint32_t lost; /* attempts lost so far */
    instant_us at;
};

/*
 * `retries.limit` is of attempts that failed by themselves; those lost with their worker are made
 * up for on top of it, AGENDA_RERUNS at most.
 */
static struct retry retry_of(const struct policy *policy, const struct run_key *run,
                             const struct run_result *result, uint32_t lost, instant_us now)
{
    struct retry retry = {.lost = lost, .at = now};
    uint32_t failed = run->attempt > lost ? run->attempt - lost : 1;

    if (result->status == RUN_LOST) {
        retry.lost++;
        retry.wanted = policy->on_worker_loss == WORKER_LOSS_RERUN &&
                       run->attempt <= policy->retries.limit + AGENDA_RERUNS;
    } else if (result->status == RUN_FAILED || result->status == RUN_TIMED_OUT) {
        retry.wanted = failed <= policy->retries.limit;
        if (result->finished_at != INSTANT_NONE)
            retry.at = MAX(MIN(result->finished_at, now), -INSTANT_MAX);
        retry.at += retries_delay(&policy->retries, failed);
    }
    return retry;
}

/* Who follows the schedule tries again; of a run on demand he need not know. */
static bool is_retried_here(const struct entry *entry, const struct live *live)
{
    return entry_is_followed(entry) || (entry_goes_on(entry) && live->kind == LIVE_DEMAND);
}

static void add_retry(struct entry *entry, const struct run_key *run, const struct retry *retry)
{
    struct run_key key = *run;
    struct live *live;

    key.attempt++;
    if (entry_find_live(entry, &key))
        return;
    live = entry_add_live(entry, &key, LIVE_RETRY, LIVE_DUE);
    live->trigger = TRIGGER_RETRY;
    live->at = retry->at;
    live->lost = retry->lost;
}

void agenda_recall(struct agenda *agenda, const struct run_key *run,
                   const struct run_result *result, instant_us now)
{
    struct entry *entry = agenda_find(agenda, run->job);
    const struct policy *policy;
    struct retry retry;

    now = agenda_tell(agenda, now);
    if (!entry || !entry_is_followed(entry))
        return;
    policy = entry_policy(agenda, entry);
    retry = retry_of(policy, run, result, 0, now);
    if (!retry.wanted || now - retry.at > patience(policy))
        return;
    add_retry(entry, run, &retry);
    agenda_settle(agenda, entry);
}

/* ---- claims -------------------------------------------------------------------------------- */

static void claim_again(struct agenda *agenda, struct live *live, instant_us now)
{
    live->failures++;
    live->at = now + claim_backoff(live->failures);
    live_set_state(agenda, live, LIVE_DUE);
}

/* A retry is given up in the end; one that may have taken effect is settled by a record. A run on
 * demand is in the store, which will answer one day. */
static void claim_failed(struct agenda *agenda, struct entry *entry, struct live *live,
                         instant_us now)
{
    live->unknown = true;
    if (live->kind == LIVE_RETRY &&
        (!entry_is_followed(entry) ||
         now - live->tried_at >= patience(entry_policy(agenda, entry)))) {
        entry_leave_run(entry, &live->key, AGENDA_NO_ANSWER);
        entry_drop_live(agenda, entry, live);
        return;
    }
    claim_again(agenda, live, now);
}

static void claim_void(struct agenda *agenda, struct entry *entry, struct live *live,
                       instant_us now)
{
    bool unwanted = live->kind == LIVE_RETRY && !entry_is_followed(entry);

    live->offers++;
    if (!unwanted && live->failures < VOIDS) {
        claim_again(agenda, live, now);
        return;
    }
    if (live->kind == LIVE_RETRY && live->unknown)
        entry_leave_run(entry, &live->key, AGENDA_NO_ANSWER);
    entry_drop_live(agenda, entry, live);
}

static void other_claimed(struct agenda *agenda, struct entry *entry, struct live *live,
                          enum claim_outcome outcome, instant_us now)
{
    switch (outcome) {
    case CLAIM_WON:
        live_set_state(agenda, live, LIVE_WON);
        if (live->kind == LIVE_RETRY && !entry_goes_on(entry))
            live_refuse(live, RUN_SKIPPED, AGENDA_REMOVED);
        break;
    case CLAIM_TAKEN:
        entry_drop_live(agenda, entry, live);
        break;
    case CLAIM_VOID:
        claim_void(agenda, entry, live, now);
        break;
    case CLAIM_FAILED:
        claim_failed(agenda, entry, live, now);
        break;
    }
}

void agenda_claimed(struct agenda *agenda, const struct run_key *run, enum claim_outcome outcome,
                    instant_us now)
{
    struct entry *entry = agenda_find(agenda, run->job);
    struct live *live = entry ? entry_find_live(entry, run) : NULL;

    now = agenda_tell(agenda, now);
    if (!live || live->state != LIVE_CLAIMING)
        return;
    if (live->kind == LIVE_TICK)
        due_claimed(agenda, entry, live, outcome, now);
    else
        other_claimed(agenda, entry, live, outcome, now);
    agenda_settle(agenda, entry);
}

/* ---- the end of a run ---------------------------------------------------------------------- */

static void note_result(struct entry *entry, enum run_status status)
{
    switch (status) {
    case RUN_SUCCEEDED:
        entry->failed = false;
        break;
    case RUN_FAILED:
    case RUN_TIMED_OUT:
    case RUN_LOST:
        entry->failed = true;
        break;
    case RUN_QUEUED:
    case RUN_RUNNING:
    case RUN_KILLED:
    case RUN_SKIPPED:
    case RUN_MISSED:
    case RUN_STATUS_COUNT:
        break;
    }
}

/* FINISHED need not be decided any more when it is answered here. */
static enum job_status job_status_of(const struct agenda *agenda, struct entry *entry)
{
    struct ticks ticks = entry_ticks(agenda, entry);

    if (entry->failed)
        return JOB_ERROR;
    if (entry->finished)
        return JOB_FINISHED;
    if (!entry_goes_on(entry) || entry->tick != TICK_NEVER || ticks_are_open(&ticks) ||
        entry->activity->lives || entry->activity->pasts)
        return JOB_SCHEDULED;
    entry->finished = true;
    return JOB_FINISHED;
}

enum job_status agenda_finished(struct agenda *agenda, const struct run_key *run,
                                const struct run_result *result, instant_us now)
{
    struct entry *entry = agenda_find(agenda, run->job);
    struct live *live = entry ? entry_find_live(entry, run) : NULL;
    enum job_status status;
    struct retry retry;

    now = agenda_tell(agenda, now);
    if (!live)
        return JOB_SCHEDULED;
    retry = retry_of(entry_policy(agenda, entry), run, result, live->lost, now);
    if (retry.wanted && is_retried_here(entry, live) &&
        entry->activity->claimed <= run->scheduled_at)
        add_retry(entry, run, &retry);
    entry_drop_live(agenda, entry, live);
    due_slot_freed(agenda, entry, now);
    note_result(entry, result->status);
    status = job_status_of(agenda, entry);
    agenda_settle(agenda, entry);
    return status;
}
