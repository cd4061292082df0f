/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that one job has to have decided, in this order: what is left to record, whose turn it
 * is, the ticks that are due, and that there will be no more. */
#include "base/compiler.h"
#include "base/mem.h"

#include "core/agenda_entry.h"

/* When a job of which nothing is due has come to its end; TICK_NEVER while it has not. */
static instant_us end_wake(const struct agenda *agenda, const struct entry *entry)
{
    struct ticks ticks = entry_ticks(agenda, entry);

    if (!entry_is_followed(entry) || entry->failed || entry->tick != TICK_NEVER || entry->activity)
        return TICK_NEVER;
    if (!ticks_are_open(&ticks))
        return agenda->now;
    return ticks.ends_at == INSTANT_NONE ? TICK_NEVER : ticks.ends_at;
}

instant_us step_wake(const struct agenda *agenda, const struct entry *entry)
{
    instant_us wake = MIN(due_wake(agenda, entry), end_wake(agenda, entry));

    if (!entry->activity)
        return wake;
    if (entry->activity->pasts)
        return agenda->now;
    return MIN(wake, turn_wake(agenda, entry));
}

static bool past_record(struct past *past, const struct entry *entry, struct out *out)
{
    struct decision *decision;

    if (!past->run.job)
        return gap_record(&past->gap, entry, out);
    if (out_is_full(out))
        return false;
    decision = out_add(out, DECIDE_RECORD, entry, &past->run);
    decision->status = past->gap.status;
    decision->reason = past->gap.reason;
    decision->trigger = past->run.attempt > 1 ? TRIGGER_RETRY : TRIGGER_SCHEDULE;
    return true;
}

static void record_pasts(struct entry *entry, struct out *out)
{
    struct past **first = &entry->activity->pasts;

    while (*first && past_record(*first, entry, out)) {
        struct past *done = *first;

        *first = done->next;
        free(done);
    }
}

void step_decide(struct agenda *agenda, struct entry *entry, instant_us now, struct out *out)
{
    struct run_key none = {.job = entry->id};

    if (entry->activity) {
        record_pasts(entry, out);
        turn_decide(agenda, entry, now, out);
    }
    due_decide(agenda, entry, now, out);
    if (end_wake(agenda, entry) <= now && !out_is_full(out)) {
        (void)out_add(out, DECIDE_FINISHED, entry, &none);
        entry->finished = true;
    }
}
