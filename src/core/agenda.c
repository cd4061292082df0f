/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agenda.h"

#include <string.h>

#include "base/check.h"
#include "base/compiler.h"
#include "base/mem.h"

#include "core/agenda_entry.h"

struct agenda *agenda_new(const struct agenda_config *config)
{
    struct agenda *agenda = xmalloc(sizeof(*agenda));

    *agenda = (struct agenda){.config = *config, .now = INSTANT_NONE, .high = INSTANT_NONE};
    pool_init(&agenda->pool, sizeof(struct entry));
    timings_init(&agenda->timings);
    return agenda;
}

struct entry *agenda_find(const struct agenda *agenda, job_id job)
{
    uint64_t value;

    return map_get(&agenda->entries, job, &value) ? (struct entry *)(uintptr_t)value : NULL;
}

/* ---- an entry's life ----------------------------------------------------------------------- */

static void drop_timing(struct agenda *agenda, const struct entry *entry)
{
    timings_drop_schedule(&agenda->timings, entry->schedule);
    timings_drop_policy(&agenda->timings, entry->policy);
}

static void drop_activity(struct agenda *agenda, struct entry *entry)
{
    struct past *past;

    if (!entry->activity)
        return;
    while (entry->activity->lives)
        entry_drop_live(agenda, entry, entry->activity->lives);
    while ((past = entry->activity->pasts)) {
        entry->activity->pasts = past->next;
        free(past);
    }
    free(TAKE(entry->activity));
}

static bool is_counted(const struct entry *entry)
{
    return !entry->dormant && !entry->removed;
}

static void forget(struct agenda *agenda, struct entry *entry)
{
    agenda->job_count -= is_counted(entry);
    drop_activity(agenda, entry);
    drop_timing(agenda, entry);
    heap_remove(&agenda->wakes, &entry->wake);
    map_remove(&agenda->entries, entry->id);
    pool_free(&agenda->pool, entry);
}

void agenda_free(struct agenda *agenda)
{
    uint64_t job, value;
    size_t at = 0;

    if (!agenda)
        return;
    while (map_next(&agenda->entries, &at, &job, &value)) {
        struct entry *entry = (struct entry *)(uintptr_t)value;

        drop_activity(agenda, entry);
        drop_timing(agenda, entry);
        pool_free(&agenda->pool, entry);
    }
    map_release(&agenda->entries);
    heap_release(&agenda->wakes);
    timings_release(&agenda->timings);
    pool_release(&agenda->pool);
    free(agenda);
}

static bool is_quiet(const struct entry *entry)
{
    const struct activity *activity = entry->activity;

    if (activity->lives || activity->pasts)
        return false;
    if (!entry_is_followed(entry) || entry->tick == TICK_NEVER)
        return true;
    return !activity->failures && entry->since >= activity->backlog_until;
}

static void set_wake(struct agenda *agenda, struct entry *entry)
{
    instant_us wake = step_wake(agenda, entry);

    if (wake == TICK_NEVER)
        heap_remove(&agenda->wakes, &entry->wake);
    else
        heap_set(&agenda->wakes, &entry->wake, wake);
}

void agenda_settle(struct agenda *agenda, struct entry *entry)
{
    if (entry->activity && is_quiet(entry))
        drop_activity(agenda, entry);
    if ((entry->removed || entry->dormant) && !entry->activity) {
        forget(agenda, entry);
        return;
    }
    set_wake(agenda, entry);
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void move(instant_us *instant, span_us shift)
{
    *instant = MAX(*instant + shift, -INSTANT_MAX);
}

static void move_waits(struct activity *activity, instant_us now, span_us shift)
{
    activity->backlog_until = INSTANT_NONE;
    activity->claimed = MIN(activity->claimed, now);
    if (activity->tried != INSTANT_NONE)
        move(&activity->tried_at, shift);
    if (activity->failures)
        move(&activity->again_at, shift);
    for (struct live *live = activity->lives; live; live = live->next) {
        live->stale = true;
        if (live->state == LIVE_DUE)
            move(&live->at, shift);
        if (live->tried_at != INSTANT_NONE)
            move(&live->tried_at, shift);
    }
}

/* The clock was set back by more than an ordinary correction: ticks count again from now, and what
 * waits goes on waiting as long as it would have. */
static void set_back(struct agenda *agenda, span_us shift)
{
    uint64_t job, value;
    size_t at = 0;

    while (map_next(&agenda->entries, &at, &job, &value)) {
        struct entry *entry = (struct entry *)(uintptr_t)value;

        if (entry->activity)
            move_waits(entry->activity, agenda->now, shift);
        if (entry->since > agenda->now)
            entry_pass(agenda, entry, agenda->now);
        set_wake(agenda, entry);
    }
}

instant_us agenda_tell(struct agenda *agenda, instant_us now)
{
    agenda->now = MAX(MIN(now, INSTANT_MAX), -INSTANT_MAX);
    if (agenda->high != INSTANT_NONE && agenda->now < agenda->high - AGENDA_SLACK) {
        instant_us high = agenda->high;

        agenda->high = agenda->now;
        set_back(agenda, agenda->now - high);
    }
    agenda->high = MAX(agenda->high, agenda->now);
    return agenda->now;
}

/* ---- jobs ---------------------------------------------------------------------------------- */

/* Such that sums of a few never overflow. */
static span_us span_of(span_us span)
{
    return MAX(MIN(span, INSTANT_MAX), 0);
}

static struct policy policy_of(const struct agenda_job *job)
{
    struct policy policy;

    memset(&policy, 0, sizeof(policy));
    policy.zone = job->zone;
    policy.starts_at = job->starts_at == job->anchor ? INSTANT_NONE : job->starts_at;
    policy.ends_at = job->ends_at;
    policy.jitter = span_of(job->jitter);
    policy.catch_up_window = span_of(job->catch_up_window);
    policy.retries.limit = job->retries.limit;
    policy.retries.delay = span_of(job->retries.delay);
    policy.retries.backoff = job->retries.backoff;
    policy.retries.max_delay = span_of(job->retries.max_delay);
    policy.retries.elsewhere = job->retries.elsewhere;
    policy.concurrency = job->concurrency;
    policy.catch_up = job->catch_up;
    policy.on_worker_loss = job->on_worker_loss;
    return policy;
}

static void set_timing(struct agenda *agenda, struct entry *entry, const struct agenda_job *job)
{
    struct policy policy = policy_of(job);

    entry->schedule = timings_keep_schedule(&agenda->timings, &job->schedule);
    entry->policy = timings_keep_policy(&agenda->timings, &policy);
    entry->anchor = job->anchor;
    entry->starts_at_anchor = job->starts_at != INSTANT_NONE && job->starts_at == job->anchor;
}

/* An instant of another clock; one that lies ahead of ours would silence the job. */
static instant_us not_ahead(instant_us instant, instant_us now)
{
    instant = MAX(instant, -INSTANT_MAX);
    return instant > now + AGENDA_SLACK ? now : instant;
}

/*
 * Where ticks begin to count for a job that was not followed until now. A tick claimed a little
 * ahead of the job's last change must not hide the new ones just before it: those are asked for
 * again, and refused where they ran.
 */
static instant_us first_since(const struct agenda *agenda, const struct agenda_job *job,
                              instant_us now)
{
    instant_us due_since = not_ahead(job->due_since, now), cursor = not_ahead(job->cursor, now);

    return cursor > due_since + agenda->config.lead ? cursor : due_since;
}

/* What is in flight, and what waits in a queue, belongs to ticks that may be none any more. */
static void mark_stale(struct entry *entry)
{
    struct live *live = entry->activity ? entry->activity->lives : NULL;

    for (; live; live = live->next)
        live->stale = true;
    if (entry->activity)
        entry->activity->backlog_until = INSTANT_NONE;
}

/*
 * A claim that failed may have taken effect all the same. When its tick will not be tried again,
 * the attempt to record it settles whose it is.
 */
static void settle_unknown(struct entry *entry, const char *reason)
{
    struct activity *activity = entry->activity;
    struct run_key run = {.job = entry->id, .attempt = 1};

    if (!activity || !activity->failures || entry_claiming_tick(entry))
        return;
    run.scheduled_at = activity->tried;
    if (activity->unknown)
        entry_leave_run(entry, &run, reason);
    activity->failures = 0;
    activity->unknown = false;
    activity->tried = INSTANT_NONE;
}

static bool is_doubtful(const struct entry *entry)
{
    return entry->activity && entry->activity->failures && entry->activity->unknown &&
           !entry_claiming_tick(entry);
}

/* Leaves the ticks up to `until` that were never claimed to be recorded. The claim in flight is not
 * theirs; one that failed is recorded by itself, since a stretch cannot begin with it. */
static void leave_old_ticks(struct agenda *agenda, struct entry *entry, instant_us until,
                            const char *reason)
{
    const struct live *claiming = entry_claiming_tick(entry);
    struct ticks ticks = entry_ticks(agenda, entry);
    instant_us since = entry->since;

    if (claiming && !claiming->stale && claiming->key.scheduled_at <= until)
        since = claiming->key.scheduled_at;
    if (is_doubtful(entry) && entry->activity->tried <= until) {
        since = MAX(since, entry->activity->tried);
        settle_unknown(entry, reason);
    }
    if (ticks_next(&ticks, since) <= until)
        entry_leave_gap(agenda, entry, since, until, reason);
    if (entry->activity && entry->activity->tried <= until)
        entry->activity->failures = 0;
}

/* The tick whose claim is in flight was due before its job went. One that a change has overtaken
 * was when the change came after it. */
static void owe_claimed(struct entry *entry, instant_us now)
{
    struct live *live = entry_claiming_tick(entry);

    if (live && live->key.scheduled_at <= (live->stale ? MIN(now, entry->since) : now))
        live->owed = true;
}

/* A job that is followed has changed. */
static void change(struct agenda *agenda, struct entry *entry, const struct agenda_job *job,
                   instant_us now)
{
    struct ticks old = entry_ticks(agenda, entry), ticks;
    bool moved = !schedule_equal(old.schedule, &job->schedule) || old.zone != job->zone ||
                 old.anchor != job->anchor || old.starts_at != job->starts_at;
    instant_us due_since = not_ahead(job->due_since, now);
    instant_us since = moved ? due_since : entry->finished ? now : entry->since;

    if (due_since > entry->since) {
        leave_old_ticks(agenda, entry, due_since, AGENDA_CHANGED);
        since = MAX(since, due_since);
    }
    if (moved || old.ends_at != job->ends_at || since != entry->since)
        mark_stale(entry);
    drop_timing(agenda, entry);
    set_timing(agenda, entry, job);
    entry_pass(agenda, entry, since);
    ticks = entry_ticks(agenda, entry);
    if (entry->activity && entry->activity->failures &&
        (entry->activity->tried <= since || !ticks_include(&ticks, entry->activity->tried)))
        settle_unknown(entry, AGENDA_CHANGED);
}

static struct entry *create(struct agenda *agenda, const struct agenda_job *job)
{
    struct entry *entry = pool_alloc(&agenda->pool);

    *entry = (struct entry){.id = job->id, .removed = true};
    set_timing(agenda, entry, job);
    map_put(&agenda->entries, job->id, (uintptr_t)entry);
    return entry;
}

/* A job that is new, woken or back again. */
static void begin(struct agenda *agenda, struct entry *entry, const struct agenda_job *job,
                  instant_us now)
{
    mark_stale(entry);
    drop_timing(agenda, entry);
    set_timing(agenda, entry, job);
    entry->failed = job->status == JOB_ERROR;
    entry_pass(agenda, entry, first_since(agenda, job, now));
}

static bool is_news(const struct entry *entry, const struct agenda_job *job)
{
    return entry->removed || job->revision > entry->revision ||
           (entry->dormant && !job->dormant && job->revision == entry->revision);
}

void agenda_put(struct agenda *agenda, const struct agenda_job *job, instant_us now)
{
    struct entry *entry = agenda_find(agenda, job->id);

    now = agenda_tell(agenda, now);
    if (!entry)
        entry = create(agenda, job);
    else if (!is_news(entry, job))
        return;
    agenda->job_count -= is_counted(entry);
    if (is_counted(entry))
        change(agenda, entry, job, now);
    else
        begin(agenda, entry, job, now);
    if (job->dormant) {
        settle_unknown(entry, AGENDA_REMOVED);
        if (!job->elsewhere)
            owe_claimed(entry, now);
    }
    entry->revision = job->revision;
    entry->removed = false;
    entry->dormant = job->dormant;
    entry->elsewhere = job->dormant && job->elsewhere;
    entry->held = entry->fired = false;
    entry->finished = job->dormant && job->status == JOB_FINISHED;
    agenda->job_count += is_counted(entry);
    if (entry->dormant && !entry->activity)
        set_wake(agenda, entry); /* it is to be kept until its run comes */
    else
        agenda_settle(agenda, entry);
}

void agenda_hold(struct agenda *agenda, job_id job, bool held)
{
    struct entry *entry = agenda_find(agenda, job);

    if (!entry || !entry_is_followed(entry))
        return;
    entry->held = held;
    agenda_settle(agenda, entry);
}

bool agenda_fire(struct agenda *agenda, job_id job, instant_us now)
{
    struct entry *entry = agenda_find(agenda, job);

    now = agenda_tell(agenda, now);
    if (!entry || !entry_is_followed(entry) || entry->tick > now)
        return false;
    entry->fired = true;
    agenda_settle(agenda, entry);
    return true;
}

instant_us agenda_accounted_for(const struct agenda *agenda, job_id job)
{
    const struct entry *entry = agenda_find(agenda, job);

    return entry ? entry->since : INSTANT_NONE;
}

/* Those that wait for their time. */
static void drop_retries(struct agenda *agenda, struct entry *entry)
{
    struct live *next;

    for (struct live *live = entry->activity->lives; live; live = next) {
        next = live->next;
        if (live->state == LIVE_DUE && live->kind == LIVE_RETRY)
            entry_drop_live(agenda, entry, live);
    }
}

void agenda_hand_over(struct agenda *agenda, job_id job)
{
    struct entry *entry = agenda_find(agenda, job);

    if (!entry || !is_counted(entry))
        return;
    agenda->job_count--;
    entry->dormant = entry->elsewhere = true;
    if (entry->activity) {
        entry->activity->backlog_until = INSTANT_NONE;
        entry->activity->failures = 0;
        drop_retries(agenda, entry);
    }
    agenda_settle(agenda, entry);
}

void agenda_remove(struct agenda *agenda, job_id job)
{
    struct entry *entry = agenda_find(agenda, job);
    struct live *live, *next;

    if (!entry || entry->removed)
        return;
    if (entry_is_followed(entry) && agenda->now > entry->since)
        leave_old_ticks(agenda, entry, agenda->now, AGENDA_REMOVED);
    settle_unknown(entry, AGENDA_REMOVED);
    owe_claimed(entry, agenda->now);
    agenda->job_count -= is_counted(entry);
    entry->removed = true;
    for (live = entry->activity ? entry->activity->lives : NULL; live; live = next) {
        next = live->next;
        if (live->state == LIVE_WON)
            live_refuse(live, RUN_SKIPPED, AGENDA_REMOVED);
    }
    if (entry->activity)
        drop_retries(agenda, entry);
    agenda_settle(agenda, entry);
}

void agenda_record_refused(struct agenda *agenda, const struct decision *record)
{
    struct entry *entry = agenda_find(agenda, record->run.job);

    if (!entry)
        return;
    entry_leave_gap(agenda, entry, record->run.scheduled_at, record->until, record->reason);
    agenda_settle(agenda, entry);
}

/* ---- deciding ------------------------------------------------------------------------------ */

instant_us agenda_next(const struct agenda *agenda)
{
    const struct heap_node *first = heap_first(&agenda->wakes);

    return first ? MIN(first->due, INSTANT_MAX) : INSTANT_MAX;
}

size_t agenda_advance(struct agenda *agenda, instant_us now, struct decision *decisions,
                      size_t capacity)
{
    struct out out = {.items = decisions, .capacity = capacity};
    struct heap_node *first;

    now = agenda_tell(agenda, now);
    while (!out_is_full(&out) && (first = heap_first(&agenda->wakes)) && first->due <= now) {
        struct entry *entry = container_of(first, struct entry, wake);
        size_t before = out.count;

        step_decide(agenda, entry, now, &out);
        agenda_settle(agenda, entry);
        CHECK(out.count > before || heap_first(&agenda->wakes) != first || first->due > now);
    }
    return out.count;
}

/* ---- questions ----------------------------------------------------------------------------- */

size_t agenda_job_count(const struct agenda *agenda)
{
    return agenda->job_count;
}

size_t agenda_active_count(const struct agenda *agenda)
{
    return agenda->active_count;
}

uint64_t agenda_revision(const struct agenda *agenda, job_id job)
{
    const struct entry *entry = agenda_find(agenda, job);

    return entry && !entry->removed ? entry->revision : 0;
}

size_t agenda_due_until(const struct agenda *agenda, instant_us until)
{
    return heap_count_until(&agenda->wakes, until);
}
