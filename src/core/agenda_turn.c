/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is: retries and runs on demand that wait to be claimed, and claimed runs that wait
 * to be started. However a run came to be ours, here alone it is decided whether it starts.
 */
#include "base/compiler.h"

#include "core/agenda_entry.h"

enum turn {
    TURN_WAIT,
    TURN_START,
    TURN_KILL, /* the active ones first */
    TURN_SKIP,
};

struct turns {
    enum concurrency concurrency;
    size_t active;
    size_t to_kill; /* of these, those not told yet */
};

static struct turns count_turns(const struct agenda *agenda, const struct entry *entry)
{
    struct turns turns = {.concurrency = entry_policy(agenda, entry)->concurrency};

    for (const struct live *live = entry->activity->lives; live; live = live->next) {
        if (live->state != LIVE_ACTIVE)
            continue;
        turns.active++;
        turns.to_kill += !live->killed;
    }
    return turns;
}

static bool is_waiting(const struct live *live)
{
    return live->state == LIVE_WON && !live->refused;
}

static bool older_waits(const struct entry *entry, const struct live *live)
{
    const struct live *other = entry->activity->lives;

    while (other != live && !is_waiting(other))
        other = other->next;
    return other != live;
}

static bool newer_waits(const struct live *live)
{
    const struct live *other = live->next;

    while (other && !is_waiting(other))
        other = other->next;
    return other;
}

/* Of a run that is WON. */
static enum turn turn_of(const struct turns *turns, const struct entry *entry,
                         const struct live *live)
{
    if (live->refused)
        return TURN_SKIP;
    switch (turns->concurrency) {
    case CONCURRENCY_FORBID:
        return turns->active ? TURN_SKIP : TURN_START;
    case CONCURRENCY_QUEUE:
        return turns->active || older_waits(entry, live) ? TURN_WAIT : TURN_START;
    case CONCURRENCY_REPLACE:
        if (newer_waits(live))
            return TURN_SKIP;
        if (turns->to_kill)
            return TURN_KILL;
        return turns->active ? TURN_WAIT : TURN_START;
    case CONCURRENCY_ALLOW:
    case CONCURRENCY_COUNT:
        break;
    }
    return TURN_START;
}

/* A retry, whoever asks for it, does not push itself before a run that is active. */
static bool is_held_up(const struct agenda *agenda, const struct entry *entry,
                       const struct live *live)
{
    return (live->kind == LIVE_RETRY || live->key.attempt > 1) && entry_is_busy(agenda, entry);
}

instant_us turn_wake(const struct agenda *agenda, const struct entry *entry)
{
    struct turns turns = count_turns(agenda, entry);
    instant_us wake = TICK_NEVER;

    for (const struct live *live = entry->activity->lives; live; live = live->next) {
        if (live->state == LIVE_WON && turn_of(&turns, entry, live) != TURN_WAIT)
            return agenda->now;
        if (live->state == LIVE_DUE && !is_held_up(agenda, entry, live))
            wake = MIN(wake, live->at);
    }
    return wake;
}

/* ---- deciding ------------------------------------------------------------------------------ */

static void start(struct agenda *agenda, const struct entry *entry, struct live *live,
                  instant_us now, struct out *out)
{
    struct decision *decision = out_add(out, DECIDE_START, entry, &live->key);
    instant_us due;

    decision->revision = live->revision;
    decision->trigger = live->trigger;
    /* Not before the tick, but no later than we claim ahead: the clock may be set back. */
    due = MIN(live->key.scheduled_at + entry_jitter(agenda, entry), now + agenda->config.lead);
    decision->start_at = live->kind == LIVE_TICK    ? due
                         : live->kind == LIVE_RETRY ? MAX(due, now)
                                                    : now;
    live_set_state(agenda, live, LIVE_ACTIVE);
}

static void skip(struct agenda *agenda, struct entry *entry, struct live *live, instant_us now,
                 struct out *out)
{
    struct decision *decision = out_add(out, DECIDE_SKIP, entry, &live->key);

    decision->revision = live->revision;
    decision->trigger = live->trigger;
    decision->status = live->refused ? live->refused_as : RUN_SKIPPED;
    if (live->refused)
        decision->reason = live->refused;
    else if (entry_policy(agenda, entry)->concurrency == CONCURRENCY_REPLACE)
        decision->reason = AGENDA_REPLACED;
    else
        decision->reason = AGENDA_ACTIVE;
    entry_drop_live(agenda, entry, live);
    due_slot_freed(agenda, entry, now);
}

static void kill_active(const struct entry *entry, struct out *out)
{
    for (struct live *live = entry->activity->lives; live; live = live->next) {
        if (live->state != LIVE_ACTIVE || live->killed)
            continue;
        if (out_is_full(out))
            return;
        out_add(out, DECIDE_KILL, entry, &live->key)->reason = AGENDA_REPLACED;
        live->killed = true;
    }
}

static void claim(const struct agenda *agenda, struct entry *entry, struct live *live,
                  instant_us now, struct out *out)
{
    struct decision *decision = out_add(out, DECIDE_CLAIM, entry, &live->key);
    bool offered = live->kind == LIVE_RETRY && entry_policy(agenda, entry)->retries.elsewhere;

    decision->trigger = live->trigger;
    decision->elsewhere = offered && live->offers < AGENDA_OFFERS;
    decision->existing = live->kind == LIVE_DEMAND || (offered && !decision->elsewhere);
    decision->deadline = now + AGENDA_CLAIM_WINDOW;
    if (live->tried_at == INSTANT_NONE)
        live->tried_at = now;
    live->revision = entry->revision;
    live->state = LIVE_CLAIMING;
}

static void decide_won(struct agenda *agenda, struct entry *entry, struct live *live,
                       instant_us now, struct out *out)
{
    struct turns turns = count_turns(agenda, entry);

    switch (turn_of(&turns, entry, live)) {
    case TURN_START:
        start(agenda, entry, live, now, out);
        break;
    case TURN_SKIP:
        skip(agenda, entry, live, now, out);
        break;
    case TURN_KILL:
        kill_active(entry, out);
        break;
    case TURN_WAIT:
        break;
    }
}

void turn_decide(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out)
{
    struct live *next;

    for (struct live *live = entry->activity->lives; live && !out_is_full(out); live = next) {
        next = live->next;
        if (live->state == LIVE_WON)
            decide_won(agenda, entry, live, now, out);
        else if (live->state == LIVE_DUE && live->at <= now && !is_held_up(agenda, entry, live))
            claim(agenda, entry, live, now, out);
    }
}
