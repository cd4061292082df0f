/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of ticks that are due.
 *
 * A job's ticks are accounted for strictly in their order, and it has one claim of a tick in flight
 * at a time: so `since` is all there is to know, in memory as well as, after a crash, in the store,
 * whose newest recorded tick it is. A claim that failed or was void leaves no trace but a waiting
 * time: the tick is simply not accounted for, and is judged anew together with those that came due
 * since.
 */
#include "base/compiler.h"

#include "core/agenda_entry.h"

/* How to judge the ticks that are due. */
enum mode {
    MODE_SHUT, /* not now */
    MODE_SKIP, /* a run of the job is active and forbids it */
    MODE_NONE, /* as catch_up says */
    MODE_LAST,
    MODE_ALL,
};

static bool has_backlog(const struct entry *entry)
{
    return entry->activity && entry->since < entry->activity->backlog_until;
}

static enum mode mode_of_catch_up(enum catch_up catch_up)
{
    switch (catch_up) {
    case CATCH_UP_NONE:
        return MODE_NONE;
    case CATCH_UP_ALL:
        return MODE_ALL;
    case CATCH_UP_LAST:
    case CATCH_UP_COUNT:
        break;
    }
    return MODE_LAST;
}

static enum mode mode_of(const struct agenda *agenda, const struct entry *entry)
{
    const struct policy *policy = entry_policy(agenda, entry);
    bool busy = entry_is_busy(agenda, entry);

    if (entry_claiming_tick(entry))
        return MODE_SHUT;
    if (has_backlog(entry))
        return busy ? MODE_SHUT : MODE_ALL;
    if (!busy)
        return mode_of_catch_up(policy->catch_up);
    switch (policy->concurrency) {
    case CONCURRENCY_FORBID:
        return MODE_SKIP;
    case CONCURRENCY_REPLACE:
        return policy->catch_up == CATCH_UP_NONE ? MODE_NONE : MODE_LAST;
    case CONCURRENCY_QUEUE:
    case CONCURRENCY_ALLOW:
    case CONCURRENCY_COUNT:
        break;
    }
    return MODE_SHUT;
}

instant_us due_wake(const struct agenda *agenda, const struct entry *entry)
{
    instant_us wake;

    if (!entry_is_followed(entry) || entry->tick == TICK_NEVER)
        return TICK_NEVER;
    if (entry->activity && mode_of(agenda, entry) == MODE_SHUT)
        return TICK_NEVER;
    wake = entry->tick + entry_offset(agenda, entry) - agenda->config.lead;
    if (entry->activity && entry->activity->failures)
        wake = MAX(wake, entry->activity->again_at);
    return wake;
}

/* ---- recording ----------------------------------------------------------------------------- */

/* A tick whose run we hold (the clock was set back) is accounted for by that, or will be. */
static bool is_held(const struct entry *entry, instant_us tick)
{
    struct run_key run = {.scheduled_at = tick, .job = entry->id, .attempt = 1};
    struct live *live = entry_find_live(entry, &run);

    if (live)
        live->owed = true;
    return live;
}

static struct decision *record(const struct gap *gap, const struct entry *entry, instant_us tick,
                               struct out *out)
{
    struct run_key run = {.scheduled_at = tick, .job = entry->id, .attempt = 1};
    struct decision *decision = out_add(out, DECIDE_RECORD, entry, &run);

    decision->status = gap->status;
    decision->reason = gap->reason;
    decision->trigger =
        gap->ticks.schedule->kind == SCHEDULE_REBOOT ? TRIGGER_REBOOT : TRIGGER_SCHEDULE;
    return decision;
}

/* All ticks in (gap->since, until] as one record, if there are any. */
static void record_stretch(struct gap *gap, const struct entry *entry, instant_us until,
                           struct out *out)
{
    instant_us last = ticks_last(&gap->ticks, gap->since, until), first;
    struct decision *decision;

    if (last == TICK_NEVER)
        return;
    first = ticks_next(&gap->ticks, gap->since);
    while (is_held(entry, first)) {
        gap->since = first;
        first = ticks_next(&gap->ticks, first);
    }
    if (first <= last) {
        decision = record(gap, entry, first, out);
        decision->count = ticks_count(&gap->ticks, gap->since, last);
        decision->until = last;
        gap->since = last;
    }
}

bool gap_record(struct gap *gap, const struct entry *entry, struct out *out)
{
    instant_us tick = ticks_nth_last(&gap->ticks, gap->since, gap->until, LIMIT_MISSED_ROWS);

    if (tick != TICK_NEVER) {
        if (out_is_full(out))
            return false;
        record_stretch(gap, entry, tick - 1, out);
    }
    while (tick <= gap->until) {
        if (out_is_full(out))
            return false;
        if (!is_held(entry, tick))
            (void)record(gap, entry, tick, out);
        gap->since = tick;
        tick = ticks_next(&gap->ticks, tick);
    }
    gap->since = gap->until;
    return true;
}

/* ---- judging ------------------------------------------------------------------------------- */

/* What to do with the ticks due: those up to missed_until are recorded, then `run` is claimed. */
struct plan {
    instant_us missed_until; /* INSTANT_NONE: none */
    instant_us run;          /* TICK_NEVER: none */
    enum run_status status;
    const char *reason;
};

struct judge {
    const struct agenda *agenda;
    const struct entry *entry;
    const struct policy *policy;
    struct ticks ticks;
    instant_us now;
    instant_us newest; /* the newest tick that is due */
    enum mode mode;
};

static instant_us due_of(const struct judge *judge, instant_us tick)
{
    return tick + entry_offset(judge->agenda, judge->entry);
}

static bool was_tried(const struct entry *entry, instant_us tick)
{
    return entry->activity && entry->activity->tried == tick;
}

static bool may_run(const struct judge *judge, instant_us tick)
{
    span_us late = judge->now - due_of(judge, tick);

    if (judge->ticks.schedule->kind == SCHEDULE_REBOOT || late <= AGENDA_ON_TIME)
        return true;
    if (was_tried(judge->entry, tick) &&
        judge->now < judge->entry->activity->tried_at + AGENDA_CLAIM_WINDOW)
        return true;
    return judge->mode != MODE_NONE && late <= judge->policy->catch_up_window;
}

static struct plan plan_newest(const struct judge *judge)
{
    instant_us before = ticks_last(&judge->ticks, judge->entry->since, judge->newest - 1);
    struct plan plan = {.status = RUN_MISSED, .missed_until = judge->newest, .run = TICK_NEVER};

    plan.reason = judge->mode == MODE_NONE ? AGENDA_NO_CATCH_UP : AGENDA_TOO_OLD;
    if (may_run(judge, judge->newest)) {
        plan.missed_until = before == TICK_NEVER ? INSTANT_NONE : before;
        plan.reason = judge->mode == MODE_NONE ? AGENDA_NO_CATCH_UP : AGENDA_SUPERSEDED;
        plan.run = judge->newest;
    }
    return plan;
}

/* Each within the window, oldest first, and at most LIMIT_CATCH_UP. */
static struct plan plan_all(const struct judge *judge)
{
    span_us window = MAX(judge->policy->catch_up_window, AGENDA_ON_TIME);
    instant_us too_old = judge->now - window - entry_offset(judge->agenda, judge->entry) - 1;
    instant_us last = ticks_last(&judge->ticks, judge->entry->since, MIN(too_old, judge->newest));
    struct plan plan = {.status = RUN_MISSED, .missed_until = INSTANT_NONE, .run = TICK_NEVER};
    instant_us after = judge->entry->since;

    if (last != TICK_NEVER && !may_run(judge, judge->entry->tick)) {
        plan.reason = AGENDA_TOO_OLD;
        plan.missed_until = after = last;
    }
    if (ticks_count(&judge->ticks, after, judge->newest) > LIMIT_CATCH_UP) {
        plan.reason = AGENDA_TOO_MANY;
        after = ticks_nth_last(&judge->ticks, after, judge->newest, LIMIT_CATCH_UP + 1);
        plan.missed_until = after;
    }
    if (after < judge->newest)
        plan.run = ticks_next(&judge->ticks, after);
    return plan;
}

static struct plan judge_ticks(const struct judge *judge)
{
    struct plan plan;

    if (judge->mode == MODE_SKIP)
        return (struct plan){.missed_until = judge->newest,
                             .run = TICK_NEVER,
                             .status = RUN_SKIPPED,
                             .reason = AGENDA_ACTIVE};
    if (judge->newest == judge->entry->tick && may_run(judge, judge->newest))
        return (struct plan){.missed_until = INSTANT_NONE, .run = judge->newest};
    plan = judge->mode == MODE_ALL ? plan_all(judge) : plan_newest(judge);
    if (judge->entry->activity && judge->entry->activity->failures)
        plan.reason = judge->entry->activity->unknown ? AGENDA_NO_ANSWER : AGENDA_NOT_CLAIMED;
    return plan;
}

/* ---- claiming ------------------------------------------------------------------------------ */

/* A claim has at least a second, also at the very end of its time. */
static instant_us deadline_of(const struct judge *judge, instant_us tick, instant_us tried_at)
{
    instant_us end = tried_at + AGENDA_CLAIM_WINDOW;

    if (judge->ticks.schedule->kind == SCHEDULE_REBOOT)
        end = INSTANT_MAX;
    else if (judge->mode != MODE_NONE)
        end = MAX(end, due_of(judge, tick) + judge->policy->catch_up_window);
    return MIN(MAX(end, judge->now + SECOND), judge->now + AGENDA_CLAIM_WINDOW);
}

static enum run_trigger trigger_of(const struct judge *judge, instant_us tick, instant_us tried_at)
{
    if (judge->ticks.schedule->kind == SCHEDULE_REBOOT)
        return TRIGGER_REBOOT;
    return tried_at - due_of(judge, tick) > AGENDA_ON_TIME ? TRIGGER_CATCH_UP : TRIGGER_SCHEDULE;
}

/* A tick that is a run of ours already (the clock was set back) needs no claim. */
static void claim(const struct judge *judge, struct entry *entry, instant_us tick, struct out *out)
{
    struct run_key run = {.scheduled_at = tick, .job = entry->id, .attempt = 1};
    struct activity *activity = entry_activity(entry);
    struct decision *decision;
    struct live *live;

    if (entry_find_live(entry, &run)) {
        entry_pass(judge->agenda, entry, tick);
        return;
    }
    if (activity->tried != tick) {
        activity->tried = tick;
        activity->tried_at = judge->now;
    }
    live = entry_add_live(entry, &run, LIVE_TICK, LIVE_CLAIMING);
    live->tried_at = activity->tried_at;
    live->trigger = trigger_of(judge, tick, activity->tried_at);
    decision = out_add(out, DECIDE_CLAIM, entry, &run);
    decision->trigger = live->trigger;
    decision->deadline = deadline_of(judge, tick, activity->tried_at);
    decision->unfired = entry->held && !entry->fired;
}

/* Ticks lie at least a second apart; so when the one due is less old, it is the only one. */
static instant_us newest_due(const struct judge *judge, instant_us until)
{
    if (has_backlog(judge->entry))
        until = MIN(until, judge->entry->activity->backlog_until);
    if (until - judge->entry->tick < SECOND)
        return judge->entry->tick;
    return ticks_last(&judge->ticks, judge->entry->since, until);
}

/* Another tick's turn: how often the one before was tried says nothing of it. */
static void forget_tries(struct activity *activity)
{
    activity->failures = 0;
    activity->unknown = false;
    activity->tried = INSTANT_NONE;
}

/* True when all of the plan's missed ticks are recorded. */
static bool record_missed(const struct judge *judge, const struct plan *plan, struct entry *entry,
                          struct out *out)
{
    struct gap gap = {judge->ticks, entry->since, plan->missed_until, plan->status, plan->reason};
    bool done = gap_record(&gap, entry, out);

    if (gap.since == entry->since)
        return done;
    entry_pass(judge->agenda, entry, gap.since);
    if (entry->activity && entry->activity->tried <= gap.since)
        forget_tries(entry->activity);
    return done;
}

static void decide_once(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out)
{
    struct judge judge = {
        .agenda = agenda,
        .entry = entry,
        .policy = entry_policy(agenda, entry),
        .ticks = entry_ticks(agenda, entry),
        .now = now,
        .mode = mode_of(agenda, entry),
    };
    struct plan plan;

    judge.newest = newest_due(&judge, entry_horizon(agenda, entry, now));
    plan = judge_ticks(&judge);
    if (plan.missed_until != INSTANT_NONE && !record_missed(&judge, &plan, entry, out))
        return;
    if (out_is_full(out))
        return;
    if (plan.run == TICK_NEVER)
        return;
    if (judge.mode == MODE_ALL && plan.run < judge.newest)
        entry_activity(entry)->backlog_until =
            MAX(entry_activity(entry)->backlog_until, judge.newest);
    claim(&judge, entry, plan.run, out);
}

void due_decide(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out)
{
    while (!out_is_full(out) && due_wake(agenda, entry) <= now)
        decide_once(agenda, entry, now, out);
}

/* ---- what comes back ----------------------------------------------------------------------- */

void due_slot_freed(const struct agenda *agenda, struct entry *entry, instant_us now)
{
    struct ticks ticks = entry_ticks(agenda, entry);
    instant_us newest;

    if (!entry->activity || !entry_is_followed(entry) || entry_is_busy(agenda, entry) ||
        entry_policy(agenda, entry)->concurrency != CONCURRENCY_QUEUE)
        return;
    newest = ticks_last(&ticks, entry->since, entry_horizon(agenda, entry, now));
    if (newest != TICK_NEVER)
        entry->activity->backlog_until = MAX(entry->activity->backlog_until, newest);
}

/* The tick is settled, by us or by somebody else; a retry of an older one is not wanted any more.
 */
static void accounted(struct agenda *agenda, struct entry *entry, const struct live *live)
{
    struct activity *activity = entry->activity;
    instant_us tick = live->key.scheduled_at;
    struct live *other, *next;

    activity->claimed = MAX(activity->claimed, tick);
    for (other = activity->lives; other; other = next) {
        next = other->next;
        if (other->kind == LIVE_RETRY && other->state == LIVE_DUE && other->key.scheduled_at < tick)
            entry_drop_live(agenda, entry, other);
    }
    if (activity->tried == tick)
        forget_tries(activity);
    if (!live->stale)
        entry_pass(agenda, entry, tick);
}

static void unaccounted(struct agenda *agenda, struct entry *entry, const struct live *live,
                        bool unknown, instant_us now)
{
    struct activity *activity = entry->activity;
    struct ticks ticks = entry_ticks(agenda, entry);
    instant_us tick = live->key.scheduled_at;

    unknown |= activity->unknown;
    if (!entry_is_followed(entry)) {
        if (unknown || live->owed)
            entry_leave_run(entry, &live->key, AGENDA_REMOVED);
        return;
    }
    if (live->stale && (tick <= entry->since || !ticks_include(&ticks, tick))) {
        entry_leave_run(entry, &live->key, AGENDA_CHANGED);
        return;
    }
    activity->failures++;
    activity->unknown = unknown;
    activity->again_at = now + claim_backoff(activity->failures);
}

void due_claimed(struct agenda *agenda, struct entry *entry, struct live *live,
                 enum claim_outcome outcome, instant_us now)
{
    switch (outcome) {
    case CLAIM_WON:
        live_set_state(agenda, live, LIVE_WON);
        accounted(agenda, entry, live);
        if (!entry_goes_on(entry))
            live_refuse(live, RUN_SKIPPED, AGENDA_REMOVED);
        return;
    case CLAIM_TAKEN:
        accounted(agenda, entry, live);
        break;
    case CLAIM_VOID:
    case CLAIM_FAILED:
        unaccounted(agenda, entry, live, outcome == CLAIM_FAILED, now);
        break;
    }
    entry_drop_live(agenda, entry, live);
}
