/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who works: coordination says who is there, the store what each can do and until when it surely
 * lives. A member counts once its row is known.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "manager/internal.h"

#define ROWS_EVERY  (2 * SECOND)
#define ROW_WITHIN  (100 * MILLISECOND) /* a member's first row is about to come */
#define JOIN_WITHIN (3 * SECOND)        /* those who will join have joined by then */
#define LOSE_NOBODY (6 * SECOND)        /* a session, from when we began to lead */

/* A clock further off than this is wrong, until it is nearer than that. */
#define CLOCK_WRONG (1000 * MILLISECOND)
#define CLOCK_RIGHT (800 * MILLISECOND)

/* A worker that gave no sign for its lease and this does not reach the store. */
#define SILENCE (2 * SECOND)

int manager_find_worker(const struct manager *manager, const char *name)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (!strcmp(manager->places[i].name, name))
            return (int)i;
    }
    return -1;
}

int manager_know_worker(struct manager *manager, const char *name)
{
    int index = manager_find_worker(manager, name);
    struct placement_worker *place;
    struct keeper *keeper;

    if (index >= 0)
        return index;
    manager->places = xgrow(manager->places, manager->worker_count, &manager->place_capacity,
                            sizeof(*manager->places));
    manager->keepers = xgrow(manager->keepers, manager->worker_count, &manager->keeper_capacity,
                             sizeof(*manager->keepers));
    index = (int)manager->worker_count++;
    place = &manager->places[index];
    keeper = &manager->keepers[index];
    *place = (struct placement_worker){.present = false};
    *keeper = (struct keeper){.unread = true, .unsettled = true};
    memcpy(place->name, name, MIN(strlen(name), sizeof(place->name) - 1));
    return index;
}

static void free_keeper(struct keeper *keeper)
{
    arena_release(&keeper->arena);
    map_release(&keeper->jobs);
    free(keeper->left);
    free(keeper->outbox);
}

void manager_free_crew(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++)
        free_keeper(&manager->keepers[i]);
    free(manager->keepers);
    free(manager->places);
}

/* ---- members ------------------------------------------------------------------------------- */

static void publish_worker(struct manager *manager, const char *name)
{
    struct event event = {.kind = EVENT_WORKER};

    memcpy(event.worker, name, MIN(strlen(name), sizeof(event.worker) - 1));
    events_publish(manager->config.events, &event);
}

static bool has_members(const struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (manager->keepers[i].member)
            return true;
    }
    return false;
}

static void update_place(struct manager *manager, int worker)
{
    const struct keeper *keeper = &manager->keepers[worker];

    manager->places[worker].present = keeper->member && keeper->recorded;
}

/* When all vanish at once it is coordination that lost them: nothing moves until they are back. */
void manager_member_changed(struct manager *manager, const struct member *member)
{
    int worker = manager_know_worker(manager, member->name);
    struct keeper *keeper = &manager->keepers[worker];
    mono_us now = clock_mono(manager->config.clock);

    keeper->member = !member->gone;
    keeper->mourned = false;
    update_place(manager, worker);
    if (!manager->leads)
        return;
    log_info(member->gone ? "worker left" : "worker joined", LOG_TEXT("worker", member->name));
    publish_worker(manager, member->name);
    keeper->unread = true;
    keeper->unsettled = true;
    manager->next_rows = now;
    if (!has_members(manager))
        manager->hold_until = INT64_MAX;
    else if (manager->hold_until == INT64_MAX)
        manager->hold_until = now + JOIN_WITHIN;
    manager_reconcile(manager, !member->gone);
}

bool manager_has_crew(const struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (manager->places[i].present)
            return true;
    }
    return false;
}

/* A new leader does not know since when somebody is no member; and when coordination has lost all
 * it had, nobody is. */
bool manager_is_lost(const struct manager *manager, int worker)
{
    const struct keeper *keeper = &manager->keepers[worker];

    if (clock_mono(manager->config.clock) < manager->led_since + LOSE_NOBODY)
        return false;
    return !keeper->member && (!keeper->recorded || keeper->lease_until <= manager->rows_at);
}

/* ---- rows ---------------------------------------------------------------------------------- */

struct roll_call {
    struct manager *manager;
    bool *answered; /* one a known worker; those who come later have */
    size_t count;
    bool changed; /* somebody may have other jobs than before */
};

static bool pairs_equal(const struct pairs *a, const struct pairs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].name, b->items[i].name) ||
            strcmp(a->items[i].value, b->items[i].value))
            return false;
    }
    return true;
}

static void copy_labels(struct keeper *keeper, struct placement_worker *place,
                        const struct pairs *labels)
{
    struct pair *items;

    arena_release(&keeper->arena);
    items = arena_alloc(&keeper->arena, labels->count * sizeof(*items));
    for (size_t i = 0; i < labels->count; i++)
        items[i] = (struct pair){arena_strdup(&keeper->arena, labels->items[i].name),
                                 arena_strdup(&keeper->arena, labels->items[i].value)};
    place->labels = (struct pairs){items, labels->count};
}

static bool is_unwell(const struct manager *manager, const struct placement_worker *place,
                      const struct worker_record *worker)
{
    span_us offset = worker->clock_offset < 0 ? -worker->clock_offset : worker->clock_offset;

    if (worker->lease_until <= manager->rows_at - SILENCE || offset > CLOCK_WRONG)
        return true;
    return place->unwell && offset > CLOCK_RIGHT;
}

static bool note_row(void *context, const struct worker_record *worker)
{
    struct roll_call *call = context;
    struct manager *manager = call->manager;
    int index = manager_know_worker(manager, worker->name);
    struct placement_worker *place = &manager->places[index];
    struct keeper *keeper = &manager->keepers[index];
    bool unwell = is_unwell(manager, place, worker);

    if ((size_t)index < call->count)
        call->answered[index] = true;
    call->changed |= keeper->member && (!keeper->recorded || place->unwell != unwell ||
                                        place->draining != worker->draining ||
                                        !pairs_equal(&place->labels, &worker->labels));
    keeper->recorded = true;
    keeper->lease_until = worker->lease_until;
    place->unwell = unwell;
    place->draining = worker->draining;
    copy_labels(keeper, place, &worker->labels);
    update_place(manager, index);
    return true;
}

static void note_absent(struct roll_call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (!call->answered[i] && call->manager->keepers[i].recorded) {
            call->manager->keepers[i].recorded = false;
            update_place(call->manager, (int)i);
        }
    }
}

/* A member without a row is looked for again soon. */
static span_us rows_again(const struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (manager->keepers[i].member && !manager->keepers[i].recorded)
            return ROW_WITHIN;
    }
    return ROWS_EVERY;
}

static void mourn(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        struct keeper *keeper = &manager->keepers[i];
        bool lost = manager_is_lost(manager, (int)i);

        if (lost && !keeper->mourned) {
            log_warn("worker is lost", LOG_TEXT("worker", manager->places[i].name));
            publish_worker(manager, manager->places[i].name);
            manager_look_at_runs(manager);
        }
        keeper->mourned = lost;
    }
}

static enum rc read_rows(struct manager *manager, mono_us now, struct err *err)
{
    bool *answered AUTO_FREE = xcalloc(manager->worker_count, sizeof(*answered));
    struct roll_call call = {
        .manager = manager, .answered = answered, .count = manager->worker_count};
    enum rc rc = store_now(manager->config.store, &manager->rows_at, err);

    if (rc == RC_OK)
        rc = store_read_workers(manager->config.store, note_row, &call, err);
    if (rc != RC_OK) { /* the leases may run out before all can renew them */
        manager->hold_until = MAX(manager->hold_until, now + RETRY_AFTER + JOIN_WITHIN);
        return rc;
    }
    note_absent(&call);
    mourn(manager);
    if (call.changed)
        manager_reconcile(manager, true);
    manager->next_rows = now + rows_again(manager);
    return manager_is_alone(manager) ? RC_OK : manager_look_for_offers(manager, err);
}

/* ---- what is known ------------------------------------------------------------------------- */

static void note_name(void *context, const char *name)
{
    (void)manager_know_worker(context, name);
}

static enum rc know(struct manager *manager, mono_us now, struct err *err)
{
    enum rc rc = RC_OK;

    if (manager->names_unread)
        rc = coordination_read_workers(manager->config.coordination, note_name, manager, err);
    if (rc == RC_OK && now >= manager->next_rows)
        rc = read_rows(manager, now, err);
    manager->names_unread &= rc != RC_OK;
    for (size_t i = 0; rc == RC_OK && i < manager->worker_count; i++) {
        if (manager->keepers[i].unread)
            rc = manager_read_tasks(manager, (int)i, err);
    }
    return rc;
}

bool manager_know_crew(struct manager *manager, mono_us now)
{
    struct err err = {0};
    enum rc rc = know(manager, now, &err);

    if (rc != RC_OK)
        manager_try_later(manager, "workers and their tasks were not read, trying again", &err, rc);
    return rc == RC_OK;
}

static bool all_are_back(const struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        const struct keeper *keeper = &manager->keepers[i];

        if (keeper->recorded && !keeper->member && keeper->lease_until > manager->rows_at)
            return false;
    }
    return true;
}

bool manager_may_move(struct manager *manager, mono_us now)
{
    if (manager->hold_until == INT64_MAX)
        return false;
    if (now < manager->hold_until && all_are_back(manager))
        manager->hold_until = now;
    return now >= manager->hold_until;
}

void manager_count_loads(struct manager *manager)
{
    for (size_t i = 0; i < manager->worker_count; i++)
        manager->places[i].tasks =
            (int64_t)manager->keepers[i].jobs.count + manager->keepers[i].planned;
}

int manager_pick(struct manager *manager, int current, const struct pairs *labels)
{
    manager_count_loads(manager);
    return placement_pick(manager->places, manager->worker_count, current, labels);
}

int manager_pick_other(struct manager *manager, int than, const struct pairs *labels)
{
    bool present = manager->places[than].present;
    int worker;

    manager->places[than].present = false;
    worker = manager_pick(manager, -1, labels);
    manager->places[than].present = present;
    return worker;
}
