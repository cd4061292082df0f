/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask for: jobs come, change, pause and go, runs are started and killed by hand. */
#include <stdlib.h>

#include "base/mem.h"

#include "sim.h"

enum { LATE_JOBS = 6 }; /* may still appear although nobody answered for them */

static void note_answer(struct sim *sim, const struct change *change)
{
    bool stops = change->kind == CHANGE_JOB_REMOVE ||
                 (change->kind == CHANGE_JOB_REPLACE && !change->job.enabled);

    if (change->kind == CHANGE_JOB_CREATE)
        sim->accepted[sim->accepted_count++] = change->id;
    if (change->kind != CHANGE_JOB_REMOVE && change->kind != CHANGE_JOB_REPLACE)
        return;
    for (size_t i = 0; i < SIM_JOBS; i++) {
        if (sim->jobs[i].id == change->id)
            sim->jobs[i].stopped_at = stops ? sim_mono(sim) : 0;
    }
}

static void done(struct change *change)
{
    struct sim *sim = change->context;

    if (change->outcome == RC_UNKNOWN)
        sim_saw(sim, SOMETIMES_CHANGE_UNKNOWN);
    if (change->outcome == RC_OK)
        note_answer(sim, change);
    sim_log(sim, "change %d of job %llu: %s", (int)change->kind, (unsigned long long)change->id,
            change->outcome == RC_OK ? "done" : err_message(&change->err, change->outcome));
    arena_release(&change->arena);
    free(change);
}

static struct change *change_new(struct sim *sim, enum change_kind kind, job_id id)
{
    struct change *change = xcalloc(1, sizeof(*change));

    change->kind = kind;
    change->id = id;
    change->owner = "root";
    change->done = done;
    change->context = sim;
    return change;
}

static void submit(struct sim *sim, struct change *change)
{
    enum rc rc = changes_submit(manager_changes(sim->manager), change, &change->err);

    if (rc == RC_OK)
        return;
    if (rc != RC_UNAVAILABLE)
        sim_violated(sim, "a change is refused: %s", change->err.message);
    change->outcome = rc;
    done(change);
}

static struct job random_job(struct sim *sim)
{
    static const char *const schedules[] = {
        "* * * * * *", "*/5 * * * * *", "*/20 * * * * *", "* * * * *",   "*/2 * * * *",
        "@every 7s",   "@every 45s",    "H * * * * *",    "0 */1 * * *", "@manual",
    };
    static const span_us windows[] = {0, 20 * SECOND, HOUR, 10 * HOUR};
    struct job job = job_default();

    job.executable = "true";
    if (sim_roll(sim, 2)) {
        job.type = JOB_SCRIPT;
        job.executable = "https://store.example/script";
        job.filename = "script";
        job.sha256 = sim_file_hash(sim_roll(sim, SIM_FILES));
    }
    job.schedule = schedules[sim_roll(sim, ARRAY_SIZE(schedules))];
    job.time_zone = "UTC";
    job.run_as = "root";
    job.enabled = sim_roll(sim, 10) != 0;
    if (sim_roll(sim, 8) == 0)
        job.starts_at = (sim_now(sim) / SECOND + (int64_t)sim_roll(sim, 60)) * SECOND;
    if (sim_roll(sim, 8) == 0)
        job.ends_at = (sim_now(sim) / SECOND + 120 + (int64_t)sim_roll(sim, 600)) * SECOND;
    job.jitter = sim_roll(sim, 4) ? 0 : (span_us)sim_roll(sim, 8) * SECOND;
    job.concurrency = (enum concurrency)sim_roll(sim, CONCURRENCY_COUNT);
    job.catch_up = (enum catch_up)sim_roll(sim, CATCH_UP_COUNT);
    job.catch_up_window = windows[sim_roll(sim, ARRAY_SIZE(windows))];
    job.timeout = sim_roll(sim, 3) ? 0 : (span_us)(1 + sim_roll(sim, 10)) * SECOND;
    job.kill_grace = (span_us)sim_roll(sim, 5) * SECOND;
    job.retries.limit = (uint32_t)sim_roll(sim, 3);
    job.retries.delay = (span_us)(1 + sim_roll(sim, 20)) * SECOND;
    job.on_worker_loss = (enum worker_loss)sim_roll(sim, WORKER_LOSS_COUNT);
    return job;
}

static struct sim_job *random_known_job(struct sim *sim)
{
    struct sim_job *job = &sim->jobs[sim_roll(sim, SIM_JOBS)];

    return job->id ? job : NULL;
}

static size_t count_jobs(const struct sim *sim)
{
    size_t count = 0;

    while (count < SIM_JOBS && sim->jobs[count].id)
        count++;
    return count;
}

void client_create_job(struct sim *sim)
{
    struct change *change;

    if (count_jobs(sim) + LATE_JOBS > SIM_JOBS)
        return;
    change = change_new(sim, CHANGE_JOB_CREATE, 0);
    change->job = random_job(sim);
    submit(sim, change);
}

static void change_job(struct sim *sim, const struct sim_job *job)
{
    struct change *change = change_new(sim, CHANGE_JOB_REPLACE, job->id);

    change->job = random_job(sim);
    if (!change->job.enabled)
        sim_saw(sim, SOMETIMES_JOB_PAUSED);
    sim_saw(sim, SOMETIMES_JOB_CHANGED);
    submit(sim, change);
}

static void remove_job(struct sim *sim, const struct sim_job *job)
{
    sim_saw(sim, SOMETIMES_JOB_REMOVED);
    submit(sim, change_new(sim, CHANGE_JOB_REMOVE, job->id));
}

static void run_job(struct sim *sim, const struct sim_job *job)
{
    struct change *change = change_new(sim, CHANGE_RUN_NOW, job->id);

    sim_saw(sim, SOMETIMES_RUN_ON_DEMAND);
    if (sim_roll(sim, 3) == 0) { /* as an earlier run was */
        change->revision = job->states[sim_roll(sim, job->state_count)].revision;
        sim_saw(sim, SOMETIMES_RUN_EXACT);
    }
    submit(sim, change);
}

static void kill_run(struct sim *sim, const struct sim_job *job)
{
    for (size_t i = sim->start_count; i-- > 0;) {
        const struct start *start = &sim->starts[i];

        if (start->key.job == job->id && !start->ended) {
            struct change *change = change_new(sim, CHANGE_RUN_KILL, job->id);

            change->run = start->key;
            sim_saw(sim, SOMETIMES_RUN_KILL_ASKED);
            submit(sim, change);
            return;
        }
    }
}

void client_act(struct sim *sim)
{
    const struct sim_job *job = random_known_job(sim);

    sim->client_due = sim_mono(sim) + (span_us)sim_roll(sim, 16000) * MILLISECOND;
    switch (sim_roll(sim, 10)) {
    case 0:
    case 1:
        client_create_job(sim);
        break;
    case 2:
    case 3:
        if (job)
            change_job(sim, job);
        break;
    case 4:
        if (job)
            remove_job(sim, job);
        break;
    case 5:
    case 6:
        if (job)
            kill_run(sim, job);
        break;
    default:
        if (job)
            run_job(sim, job);
        break;
    }
}

void client_remove_all_jobs(struct sim *sim)
{
    for (size_t i = 0; i < count_jobs(sim); i++) {
        const struct sim_job *job = &sim->jobs[i];

        if (!job->states[job->state_count - 1].removed)
            submit(sim, change_new(sim, CHANGE_JOB_REMOVE, job->id));
    }
}
