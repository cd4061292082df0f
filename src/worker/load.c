/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks come from coordination, the jobs they name from the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

static void queue_load(struct worker *worker, job_id job)
{
    worker->loads =
        xgrow(worker->loads, worker->load_count, &worker->load_capacity, sizeof(*worker->loads));
    worker->loads[worker->load_count++] = job;
}

void worker_want_job(struct worker *worker, job_id job, enum load_flag flag)
{
    uint64_t flags = 0;
    bool is_wanted = map_get(&worker->loading, job, &flags);

    map_put(&worker->loading, job, flags | flag | (flags & LOAD_IN_FLIGHT ? LOAD_AGAIN : 0));
    if (!is_wanted)
        queue_load(worker, job);
}

/*
 * Alone, a job whose task is gone was removed or paused. Among others it may have been given to
 * another worker as well, which makes a difference for its ticks: the store knows.
 */
void worker_drop_job(struct worker *worker, job_id job)
{
    uint64_t revision = 1;

    (void)map_get(&worker->tasks, job, &revision); /* it is there */
    worker->by_store.count -= !revision;
    map_remove(&worker->tasks, job);
    if (!worker->config.alone) {
        worker_want_job(worker, job, LOAD_TASK);
        return;
    }
    agenda_remove(worker->agenda, job);
    worker_drop_line(worker, job);
    worker_withdraw(worker, job);
}

void worker_reload_jobs(struct worker *worker)
{
    uint64_t revision;
    job_id job;

    for (size_t at = 0; map_next(&worker->tasks, &at, &job, &revision);) {
        agenda_hand_over(worker->agenda, job);
        worker_want_job(worker, job, LOAD_TASK);
    }
}

/* A queued run that nobody executes is taken over and ended in one go. */
static void end_queued(struct worker *worker, const struct run_key *key)
{
    struct claim_token token;
    struct item *item = worker_add_item(worker, WRITE_RUN_CLAIM);
    instant_us now = clock_now(worker->config.clock);

    worker->config.random(&token, sizeof(token));
    item->write.claim = (struct write_claim){.key = *key,
                                             .token = token,
                                             .worker = worker->config.name,
                                             .trigger = TRIGGER_MANUAL,
                                             .deadline = INSTANT_MAX,
                                             .existing = true};
    item = worker_add_item(worker, WRITE_RUN_FINISHED);
    item->write.run.key = *key;
    item->write.run.token = token;
    item->write.run.trigger = TRIGGER_MANUAL;
    item->write.run.result = result_without_start(RUN_KILLED, now);
    item_set_reason(item, "killed before it started");
}

static void take_kill(struct worker *worker, const struct task *task)
{
    if (!worker_find_active(worker, &task->run)) {
        run_set_add(&worker->kills, &task->run);
        end_queued(worker, &task->run);
        return;
    }
    worker_kill_run(worker, &task->run);
    (void)coordination_consume(worker->config.coordination, worker->config.name, task,
                               NULL); /* a kill that comes again does no harm */
}

/* Jobs that the message also adds, in another revision: they stay. */
static void note_added(const struct message *message, struct map *ret_added)
{
    for (size_t i = 0; i < message->count; i++) {
        const struct task *task = &message->tasks[i];

        if (task->kind == TASK_JOB && !task->removed)
            map_put(ret_added, task->job, task->revision);
    }
}

static void take_job(struct worker *worker, const struct task *task, const struct map *added)
{
    uint64_t known = 0, revision;
    bool is_ours = map_get(&worker->tasks, task->job, &known);

    if (!task->removed) {
        worker->by_store.count -= is_ours && !known;
        map_put(&worker->tasks, task->job, MAX(known, task->revision));
        worker_want_job(worker, task->job, LOAD_TASK);
    } else if (is_ours && !map_get(added, task->job, &revision) &&
               (!task->revision || known <= task->revision)) {
        worker_drop_job(worker, task->job);
    }
}

static void take_run(struct worker *worker, const struct task *task)
{
    if (task->removed) {
        (void)run_set_remove(&worker->run_tasks, &task->run); /* whoever has it now consumes it */
        return;
    }
    run_set_add(&worker->run_tasks, &task->run);
    if (worker_find_active(worker, &task->run))
        return;
    (void)worker_add_waiting(worker, &task->run, WAIT_RUN);
    worker_want_job(worker, task->job, LOAD_RUN);
}

void worker_take_tasks(struct worker *worker, const struct message *message)
{
    struct map added;

    map_init(&added);
    note_added(message, &added);
    worker->heard_of_tasks = true;
    for (size_t i = 0; i < message->count; i++) {
        const struct task *task = &message->tasks[i];

        switch (task->kind) {
        case TASK_JOB:
            take_job(worker, task, &added);
            break;
        case TASK_RUN:
            take_run(worker, task);
            break;
        case TASK_KILL:
            if (!task->removed)
                take_kill(worker, task);
            break;
        }
    }
    map_release(&added);
}

static bool fill_timing(struct loaded *loaded, const struct job_record *job, struct zones *zones)
{
    struct err err = {0};
    enum rc rc = schedule_parse(job->schedule, job->id, &loaded->job.schedule, &err);

    if (rc == RC_OK)
        rc = zones_get(zones, job->time_zone, &loaded->job.zone, &err);
    if (rc == RC_OK)
        return true;
    log_error("job cannot be scheduled", LOG_U64("job", job->id), LOG_ERR(&err, rc));
    loaded->job.schedule = (struct schedule){.kind = SCHEDULE_MANUAL};
    loaded->job.zone = zone_utc();
    return false;
}

/* On the store thread. */
void loaded_fill(struct loaded *loaded, const struct job_record *job, struct zones *zones)
{
    loaded->found = !job->removed;
    loaded->job = (struct agenda_job){
        .id = job->id,
        .revision = job->revision,
        .anchor = job->starts_at != INSTANT_NONE ? job->starts_at : job->created_at,
        .due_since = job->due_since,
        .starts_at = job->starts_at,
        .ends_at = job->ends_at,
        .cursor = job->cursor,
        .jitter = job->jitter,
        .concurrency = job->concurrency,
        .catch_up = job->catch_up,
        .catch_up_window = job->catch_up_window,
        .status = job->status,
        .retries = job->retries,
        .on_worker_loss = job->on_worker_loss,
    };
    loaded->due = fill_timing(loaded, job, zones) && job->enabled && job->status != JOB_FINISHED;
    (void)snprintf(loaded->sha256, sizeof(loaded->sha256), "%s", job->sha256); /* fits */
    loaded->has_run = job->last_run;
    loaded->has_last = job->last_run && run_status_is_final(job->last_run->result.status);
    if (loaded->has_last) {
        loaded->last = job->last_run->key;
        loaded->last_result = job->last_run->result;
    }
}

static void settle_waiting(struct worker *worker, struct waiting *waiting, instant_us now)
{
    struct active *active = worker_find_active(worker, &waiting->key);

    if (!active && waiting->kind != WAIT_RUN)
        return;
    switch (waiting->kind) {
    case WAIT_RUN:
        if (!agenda_run(worker->agenda, &waiting->key, now))
            end_queued(worker, &waiting->key);
        break;
    case WAIT_GOES_ON:
        agenda_adopt(worker->agenda, &waiting->key, active->trigger, true, now);
        break;
    case WAIT_ENDED:
        agenda_adopt(worker->agenda, &waiting->key, active->trigger, true, now);
        worker_conclude(worker, active, &waiting->result, waiting->reason);
        break;
    case WAIT_UNSTARTED:
        active->claimed_at = clock_mono(worker->config.clock);
        if (agenda_revision(worker->agenda, waiting->key.job))
            agenda_adopt(worker->agenda, &waiting->key, active->trigger, false, now);
        else
            worker_skip_run(worker, active, RUN_SKIPPED, AGENDA_REMOVED);
        break;
    }
}

/* The store knows better than the task, which may be late. */
static void leave_job(struct worker *worker, const struct agenda_job *job)
{
    if (job->elsewhere) {
        agenda_hand_over(worker->agenda, job->id);
        return;
    }
    agenda_remove(worker->agenda, job->id);
    worker_withdraw(worker, job->id);
}

void worker_take_loaded(struct worker *worker, const struct loaded *loaded)
{
    instant_us now = clock_now(worker->config.clock);
    struct agenda_job job = loaded->job;
    struct waiting *waiting;
    uint64_t flags = 0, revision;
    bool is_ours = map_get(&worker->tasks, loaded->id, &revision);
    bool is_wanted = loaded->found && loaded->due;

    (void)map_get(&worker->loading, loaded->id, &flags); /* it is there until now */
    map_remove(&worker->loading, loaded->id);
    if (flags & LOAD_AGAIN) {
        worker_want_job(worker, loaded->id, (enum load_flag)(flags & (LOAD_TASK | LOAD_RUN)));
        return;
    }
    worker_settle_doubted(worker, loaded->id, !loaded->found);
    job.dormant = !is_ours || !is_wanted;
    job.elsewhere = !is_ours && is_wanted;
    job.retries.elsewhere &= !worker->config.alone;
    if (flags & LOAD_TASK && job.dormant)
        leave_job(worker, &job);
    if (loaded->found && (!job.dormant || flags & LOAD_RUN))
        agenda_put(worker->agenda, &job, now);
    while ((waiting = worker_take_waiting(worker, loaded->id))) {
        if (loaded->found) /* one that is dormant was forgotten with the end of its last run */
            agenda_put(worker->agenda, &job, now);
        settle_waiting(worker, waiting, now);
        free(waiting);
    }
    worker_offer_line(worker, &job);
    if (!job.dormant)
        worker_expect_file(worker, loaded->sha256);
    if (!job.dormant && loaded->has_last)
        agenda_recall(worker->agenda, &loaded->last, &loaded->last_result, now);
}
