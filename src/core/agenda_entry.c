/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agenda_entry.h"

#include "base/mem.h"
#include "base/table.h"

const struct policy *entry_policy(const struct agenda *agenda, const struct entry *entry)
{
    return timings_policy(&agenda->timings, entry->policy);
}

struct ticks entry_ticks(const struct agenda *agenda, const struct entry *entry)
{
    const struct policy *policy = entry_policy(agenda, entry);

    return (struct ticks){
        .schedule = entry->schedule,
        .zone = policy->zone,
        .anchor = entry->anchor,
        .starts_at = entry->starts_at_anchor ? entry->anchor : policy->starts_at,
        .ends_at = policy->ends_at,
        .boot_at = agenda->config.boot_at,
    };
}

span_us entry_jitter(const struct agenda *agenda, const struct entry *entry)
{
    span_us jitter = entry_policy(agenda, entry)->jitter;

    if (jitter <= 0)
        return 0;
    return (span_us)(hash_mix(entry->id ^ hash_mix((uint64_t)jitter)) % (uint64_t)jitter);
}

span_us entry_offset(const struct agenda *agenda, const struct entry *entry)
{
    return entry_jitter(agenda, entry) + (entry->held && !entry->fired ? AGENDA_HOLD : 0);
}

instant_us entry_horizon(const struct agenda *agenda, const struct entry *entry, instant_us now)
{
    return now + agenda->config.lead - entry_offset(agenda, entry);
}

void entry_pass(const struct agenda *agenda, struct entry *entry, instant_us since)
{
    struct ticks ticks = entry_ticks(agenda, entry);

    entry->since = since;
    entry->tick = ticks_next(&ticks, since);
    entry->fired = false;
}

bool entry_is_followed(const struct entry *entry)
{
    return !entry->dormant && !entry->removed && !entry->finished;
}

bool entry_goes_on(const struct entry *entry)
{
    return entry_is_followed(entry) || (entry->elsewhere && !entry->removed);
}

struct activity *entry_activity(struct entry *entry)
{
    if (!entry->activity) {
        entry->activity = xmalloc(sizeof(*entry->activity));
        *entry->activity = (struct activity){
            .backlog_until = INSTANT_NONE,
            .claimed = INSTANT_NONE,
            .tried = INSTANT_NONE,
        };
    }
    return entry->activity;
}

struct live *entry_find_live(const struct entry *entry, const struct run_key *run)
{
    struct live *live = entry->activity ? entry->activity->lives : NULL;

    while (live && run_key_compare(&live->key, run) != 0)
        live = live->next;
    return live;
}

struct live *entry_add_live(struct entry *entry, const struct run_key *run, enum live_kind kind,
                            enum live_state state)
{
    struct live **end = &entry_activity(entry)->lives, *live = xmalloc(sizeof(*live));

    while (*end)
        end = &(*end)->next;
    *live = (struct live){
        .key = *run,
        .revision = entry->revision,
        .tried_at = INSTANT_NONE,
        .kind = kind,
        .state = state,
    };
    *end = live;
    return live;
}

static bool is_ours(enum live_state state)
{
    return state == LIVE_WON || state == LIVE_ACTIVE;
}

void live_set_state(struct agenda *agenda, struct live *live, enum live_state state)
{
    agenda->active_count += is_ours(state);
    agenda->active_count -= is_ours(live->state);
    live->state = state;
}

void entry_drop_live(struct agenda *agenda, struct entry *entry, struct live *live)
{
    struct live **link = &entry->activity->lives;

    while (*link != live)
        link = &(*link)->next;
    *link = live->next;
    live_set_state(agenda, live, LIVE_DUE);
    free(live);
}

bool entry_is_busy(const struct agenda *agenda, const struct entry *entry)
{
    const struct live *live = entry->activity ? entry->activity->lives : NULL;

    if (!live || entry_policy(agenda, entry)->concurrency == CONCURRENCY_ALLOW)
        return false;
    while (live && !is_ours(live->state))
        live = live->next;
    return live;
}

struct live *entry_claiming_tick(const struct entry *entry)
{
    struct live *live = entry->activity ? entry->activity->lives : NULL;

    while (live && !(live->kind == LIVE_TICK && live->state == LIVE_CLAIMING))
        live = live->next;
    return live;
}

void live_refuse(struct live *live, enum run_status status, const char *reason)
{
    live->refused = reason;
    live->refused_as = status;
}

static struct past *leave(struct entry *entry)
{
    struct past **end = &entry_activity(entry)->pasts;

    while (*end)
        end = &(*end)->next;
    *end = xcalloc(1, sizeof(**end));
    return *end;
}

void entry_leave_gap(const struct agenda *agenda, struct entry *entry, instant_us since,
                     instant_us until, const char *reason)
{
    struct past *past = leave(entry);

    past->schedule = *entry->schedule;
    past->gap = (struct gap){
        .ticks = entry_ticks(agenda, entry),
        .since = since,
        .until = until,
        .status = RUN_MISSED,
        .reason = reason,
    };
    past->gap.ticks.schedule = &past->schedule;
}

void entry_leave_run(struct entry *entry, const struct run_key *run, const char *reason)
{
    struct past *past = leave(entry);

    past->run = *run;
    past->gap.status = RUN_MISSED;
    past->gap.reason = reason;
}

span_us claim_backoff(uint32_t failures)
{
    enum { DOUBLINGS = 5, MOST = 20 };

    return (failures > DOUBLINGS ? MOST : 1 << (failures - 1)) * (100 * MILLISECOND);
}

struct decision *out_add(struct out *out, enum decision_kind kind, const struct entry *entry,
                         const struct run_key *run)
{
    struct decision *decision = &out->items[out->count++];

    *decision = (struct decision){
        .kind = kind,
        .run = *run,
        .revision = entry->revision,
        .reason = "",
        .count = 1,
        .until = run->scheduled_at,
    };
    return decision;
}
