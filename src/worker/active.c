/* SPDX-License-Identifier: Apache-2.0 */
/* Active runs: from a claim that was won to a result that is on its way to the store. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "core/run_hash.h"

#include "worker/internal.h"

struct active *active_new(const struct run_key *key, const struct claim_token *token)
{
    struct active *active = xcalloc(1, sizeof(*active));

    active->key = *key;
    active->token = *token;
    active->started_at = INSTANT_NONE;
    active->request = "";
    list_init(&active->link);
    return active;
}

void active_free(struct active *active)
{
    if (!active)
        return;
    list_remove(&active->link);
    if (active->file)
        active->file->users--;
    arena_release(&active->arena);
    free(active);
}

struct active *worker_find_active(const struct worker *worker, const struct run_key *key)
{
    struct table_node *node = table_first(&worker->active, run_key_hash(key));

    for (; node; node = table_next(node)) {
        struct active *active = container_of(node, struct active, node);

        if (!run_key_compare(&active->key, key))
            return active;
    }
    return NULL;
}

void worker_add_active(struct worker *worker, struct active *active)
{
    table_insert(&worker->active, &active->node, run_key_hash(&active->key));
}

static void drop_active(struct worker *worker, struct active *active)
{
    table_remove(&worker->active, &active->node);
    active_free(active);
}

struct run_result result_without_start(enum run_status status, instant_us at)
{
    return (struct run_result){
        .status = status, .started_at = INSTANT_NONE, .finished_at = at, .exit_code = -1};
}

static struct item *add_result(struct worker *worker, const struct active *active,
                               const struct run_result *result, const char *reason)
{
    struct item *item = worker_add_item(worker, WRITE_RUN_FINISHED);

    item->write.run.key = active->key;
    item->write.run.token = active->token;
    item->write.run.trigger = active->trigger;
    item->write.run.result = *result;
    item->in_guardian = active->state >= ACTIVE_HANDED_OVER;
    item_set_reason(item, reason);
    return item;
}

static void count_run(const struct active *active, const struct run_result *result)
{
    metric_add(metric_series(METRIC_RUNS, run_status_text(result->status),
                             run_trigger_text(active->trigger)),
               1);
    if (active->state == ACTIVE_RUNNING)
        metric_add(metric_series(METRIC_RUNS_RUNNING), -1);
    if (result->started_at != INSTANT_NONE)
        metric_observe(metric_series(METRIC_RUN_DURATION),
                       result->finished_at - result->started_at);
}

void worker_conclude(struct worker *worker, struct active *active, const struct run_result *result,
                     const char *reason)
{
    struct item *item = add_result(worker, active, result, reason);

    item->write.run.sets_job_status = agenda_revision(worker->agenda, active->key.job) != 0;
    item->write.run.job_status =
        agenda_finished(worker->agenda, &active->key, result, clock_now(worker->config.clock));
    count_run(active, result);
    drop_active(worker, active);
}

void worker_skip_run(struct worker *worker, struct active *active, enum run_status status,
                     const char *reason)
{
    struct run_result result = result_without_start(status, clock_now(worker->config.clock));

    (void)add_result(worker, active, &result, reason);
    count_run(active, &result);
    drop_active(worker, active);
}

static void conclude_without_start(struct worker *worker, struct active *active,
                                   enum run_status status, const char *reason)
{
    struct run_result result = result_without_start(status, clock_now(worker->config.clock));

    worker_conclude(worker, active, &result, reason);
}

static enum rc launch(struct worker *worker, struct active *active, struct err *err)
{
    enum rc rc =
        worker->connected ? launcher_start(worker->launcher, &active->launch, err) : RC_UNAVAILABLE;

    if (!active->launch.command)
        (void)close(active->launch.file.fd); /* the launcher has its own */
    return rc;
}

static void send(struct worker *worker, struct active *active)
{
    struct err err = {0};
    enum rc rc;

    if (!active->launch.command && !worker_open_file(worker, active))
        return;
    rc = launch(worker, active, &err);
    if (rc == RC_BUSY || rc == RC_UNAVAILABLE) {
        active->state = ACTIVE_UNSENT;
        list_append(&worker->unsent, &active->link);
        return;
    }
    if (rc != RC_OK) {
        conclude_without_start(worker, active, RUN_FAILED, err_message(&err, rc));
        return;
    }
    active->state = ACTIVE_HANDED_OVER;
    list_append(&worker->handed_over, &active->link);
    arena_release(&active->arena);
    active->launch = (struct launch){0};
}

void worker_start_run(struct worker *worker, struct active *active, instant_us start_at)
{
    list_remove(&active->link);
    worker_use_file(worker, active);
    active->launch.run = active->key;
    active->launch.start_at = start_at;
    active->start_at = start_at;
    if (active->kill_wanted)
        conclude_without_start(worker, active, RUN_KILLED, "killed before it started");
    else if (active->refusal)
        conclude_without_start(worker, active, RUN_FAILED, active->refusal);
    else if (active->too_late || active->claimed_at < worker->lease_since)
        conclude_without_start(worker, active, RUN_MISSED,
                               "the claim was answered too late: the worker was paused, or its "
                               "store is slow");
    else
        send(worker, active);
}

void worker_send_unsent(struct worker *worker)
{
    struct list again;
    struct active *active;
    struct list *after;

    if (!worker->connected || list_is_empty(&worker->unsent) ||
        !worker_may_claim(worker, clock_mono(worker->config.clock)))
        return;
    list_init(&again);
    list_for_each_safe (active, after, &worker->unsent, link) {
        list_remove(&active->link);
        list_append(&again, &active->link);
    }
    while (!list_is_empty(&again)) {
        active = list_take(&again, struct active, link);
        worker_start_run(worker, active, active->start_at);
    }
}

void worker_kill_run(struct worker *worker, const struct run_key *key)
{
    struct active *active = worker_find_active(worker, key);

    if (!active)
        return;
    if (active->state >= ACTIVE_HANDED_OVER) {
        launcher_kill(worker->launcher, key);
        return;
    }
    active->kill_wanted = true;
    if (active->give_up_at) /* it may wait for its file for long */
        worker_start_run(worker, active, active->start_at);
}

void worker_withdraw(struct worker *worker, job_id job)
{
    struct active *active;

    list_for_each (active, &worker->handed_over, link) {
        if (active->key.job != job || active->trigger == TRIGGER_MANUAL)
            continue;
        active->withdrawn = true;
        launcher_kill(worker->launcher, &active->key);
    }
    worker_withdraw_fileless(worker, job);
}

static void on_started(struct worker *worker, const struct launch_event *event)
{
    struct active *active = worker_find_active(worker, &event->run);

    if (!active || active->state == ACTIVE_RUNNING)
        return;
    active->state = ACTIVE_RUNNING;
    active->started_at = event->result.started_at;
    active->started_mono = clock_mono(worker->config.clock);
    list_remove(&active->link);
    list_append(&worker->unwritten, &active->link);
    metric_add(metric_series(METRIC_RUNS_RUNNING), 1);
    if (active->trigger == TRIGGER_SCHEDULE)
        metric_observe(metric_series(METRIC_RUN_LATENESS), active->started_at - active->start_at);
}

/* One that is still to be adopted ends when the agenda knows its job, which may want a retry. */
static void end_run(struct worker *worker, struct active *active, const struct run_result *result,
                    const char *reason)
{
    if (!worker_end_waiting(worker, &active->key, result, reason))
        worker_conclude(worker, active, result, reason);
}

static void on_finished(struct worker *worker, const struct launch_event *event)
{
    struct active *active = worker_find_active(worker, &event->run);

    if (active && active->withdrawn && event->result.started_at == INSTANT_NONE)
        conclude_without_start(worker, active, RUN_SKIPPED, AGENDA_REMOVED);
    else if (active)
        end_run(worker, active, &event->result, event->reason);
    else if (worker->phase == PHASE_READY)
        launcher_acknowledge(worker->launcher, &event->run); /* the store has it already */
    else
        worker_note_known(worker, event);
}

/* The guardian died and its runs with it. What was only claimed, or not yet taken, goes on. */
static void on_disconnected(struct worker *worker)
{
    struct table_node *node = table_after(&worker->active, NULL);
    struct run_result lost;

    worker->connected = false;
    worker_free_known(worker); /* what it has said of them was true while it lived */
    log_error("guardian died, its runs are lost", LOG_TEXT("worker", worker->config.name));
    while (node) {
        struct active *active = container_of(node, struct active, node);

        node = table_after(&worker->active, node);
        if (active->state < ACTIVE_HANDED_OVER)
            continue;
        lost = result_without_start(RUN_LOST, clock_now(worker->config.clock));
        lost.started_at = active->started_at;
        end_run(worker, active, &lost, "the guardian died");
    }
}

static void on_connected(struct worker *worker)
{
    worker->connected = true;
    worker_tell_lease(worker);
    if (worker->phase == PHASE_CONNECTING)
        worker->phase = PHASE_RECOVERING;
}

void worker_on_launch(void *context, const struct launch_event *event)
{
    struct worker *worker = context;

    switch (event->kind) {
    case LAUNCH_CONNECTED:
        on_connected(worker);
        break;
    case LAUNCH_DISCONNECTED:
        on_disconnected(worker);
        break;
    case LAUNCH_KNOWN:
        if (worker->phase != PHASE_READY)
            worker_note_known(worker, event);
        else if (run_status_is_final(event->result.status))
            on_finished(worker, event);
        break;
    case LAUNCH_STARTED:
        on_started(worker, event);
        break;
    case LAUNCH_OUTPUT:
        events_publish(
            worker->config.events,
            &(struct event){.kind = EVENT_OUTPUT, .job = event->run.job, .run = event->run});
        break;
    case LAUNCH_FINISHED:
        on_finished(worker, event);
        break;
    }
}
