/* SPDX-License-Identifier: Apache-2.0 */
/* What people ask for, of whoever leads: jobs come, change, pause and go, runs are started and
 * killed by hand, workers are drained. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "cluster.h"

enum { LATE_JOBS = 6 }; /* may still appear although nobody answered for them */

static void note_answer(struct cluster *cluster, const struct change *change)
{
    bool stops = change->kind == CHANGE_JOB_REMOVE ||
                 (change->kind == CHANGE_JOB_REPLACE && !change->job.enabled);

    if (change->kind == CHANGE_JOB_CREATE)
        cluster->accepted[cluster->accepted_count++] = change->id;
    if (change->kind != CHANGE_JOB_REMOVE && change->kind != CHANGE_JOB_REPLACE)
        return;
    for (size_t i = 0; i < CLUSTER_JOBS; i++) {
        if (cluster->jobs[i].id == change->id)
            cluster->jobs[i].stopped_at = stops ? cluster_mono(cluster) : 0;
    }
}

static void done(struct change *change)
{
    struct cluster *cluster = change->context;

    if (change->outcome == RC_UNKNOWN)
        cluster_saw(cluster, SOMETIMES_CHANGE_UNKNOWN);
    if (change->outcome == RC_UNAVAILABLE)
        cluster_saw(cluster, SOMETIMES_CHANGE_REFUSED);
    if (change->outcome == RC_OK)
        note_answer(cluster, change);
    cluster_log(cluster, "change %d of job %llu: %s", (int)change->kind,
                (unsigned long long)change->id,
                change->outcome == RC_OK ? "done" : err_message(&change->err, change->outcome));
    arena_release(&change->arena);
    free(change);
}

static struct change *change_new(struct cluster *cluster, enum change_kind kind, job_id id)
{
    struct change *change = xcalloc(1, sizeof(*change));

    change->kind = kind;
    change->id = id;
    change->owner = "root";
    change->done = done;
    change->context = cluster;
    return change;
}

/* An API server asks who leads, and is wrong at times. */
static struct cluster_manager *find_leader(struct cluster *cluster)
{
    size_t first = cluster_roll(cluster, cluster->manager_count);

    for (size_t i = 0; i < cluster->manager_count; i++) {
        struct cluster_manager *manager = &cluster->managers[(first + i) % cluster->manager_count];

        if (manager->manager && manager_leads(manager->manager))
            return manager;
    }
    return NULL;
}

static void submit(struct cluster *cluster, struct change *change)
{
    struct cluster_manager *leader = find_leader(cluster);
    enum rc rc = RC_UNAVAILABLE;

    if (leader)
        rc = changes_submit(manager_changes(leader->manager), change, &change->err);
    if (rc == RC_OK)
        return;
    change->outcome = rc;
    done(change);
}

static struct job random_job(struct cluster *cluster)
{
    static struct pair north[] = {{"zone", "north"}}, south[] = {{"zone", "south"}};
    static struct pair nowhere[] = {{"zone", "nowhere"}};
    static const char *const schedules[] = {
        "* * * * * *", "*/5 * * * * *", "*/20 * * * * *", "* * * * *",   "*/2 * * * *",
        "@every 7s",   "@every 45s",    "H * * * * *",    "0 */1 * * *", "@manual",
    };
    static const span_us windows[] = {0, 20 * SECOND, HOUR, 10 * HOUR};
    struct job job = job_default();
    uint64_t place = cluster_roll(cluster, 16);

    job.executable = "true";
    if (cluster_roll(cluster, 2)) {
        job.type = JOB_SCRIPT;
        job.executable = "https://store.example/script";
        job.filename = "script";
        job.sha256 = sim_file_hash(cluster_roll(cluster, SIM_FILES));
    }
    job.schedule = schedules[cluster_roll(cluster, ARRAY_SIZE(schedules))];
    job.time_zone = "UTC";
    job.run_as = "root";
    job.enabled = cluster_roll(cluster, 10) != 0;
    if (cluster_roll(cluster, 8) == 0)
        job.starts_at =
            (cluster_now(cluster) / SECOND + (int64_t)cluster_roll(cluster, 60)) * SECOND;
    if (cluster_roll(cluster, 8) == 0)
        job.ends_at =
            (cluster_now(cluster) / SECOND + 120 + (int64_t)cluster_roll(cluster, 600)) * SECOND;
    job.jitter = cluster_roll(cluster, 4) ? 0 : (span_us)cluster_roll(cluster, 8) * SECOND;
    job.concurrency = (enum concurrency)cluster_roll(cluster, CONCURRENCY_COUNT);
    job.catch_up = (enum catch_up)cluster_roll(cluster, CATCH_UP_COUNT);
    job.catch_up_window = windows[cluster_roll(cluster, ARRAY_SIZE(windows))];
    job.timeout = cluster_roll(cluster, 3) ? 0 : (span_us)(1 + cluster_roll(cluster, 10)) * SECOND;
    job.kill_grace = (span_us)cluster_roll(cluster, 5) * SECOND;
    job.retries.limit = (uint32_t)cluster_roll(cluster, 3);
    job.retries.delay = (span_us)(1 + cluster_roll(cluster, 20)) * SECOND;
    job.retries.elsewhere = cluster_roll(cluster, 2);
    job.on_worker_loss = (enum worker_loss)cluster_roll(cluster, WORKER_LOSS_COUNT);
    if (place < 3)
        job.placement = (struct pairs){place == 0 ? north : place == 1 ? south : nowhere, 1};
    return job;
}

static struct cluster_job *random_known_job(struct cluster *cluster)
{
    struct cluster_job *job = &cluster->jobs[cluster_roll(cluster, CLUSTER_JOBS)];

    return job->id ? job : NULL;
}

static size_t count_jobs(const struct cluster *cluster)
{
    size_t count = 0;

    while (count < CLUSTER_JOBS && cluster->jobs[count].id)
        count++;
    return count;
}

void cluster_create_job(struct cluster *cluster)
{
    struct change *change;

    if (count_jobs(cluster) + LATE_JOBS > CLUSTER_JOBS)
        return;
    change = change_new(cluster, CHANGE_JOB_CREATE, 0);
    change->job = random_job(cluster);
    submit(cluster, change);
}

static void change_job(struct cluster *cluster, const struct cluster_job *job)
{
    struct change *change = change_new(cluster, CHANGE_JOB_REPLACE, job->id);

    change->job = random_job(cluster);
    cluster_saw(cluster, change->job.enabled ? SOMETIMES_JOB_CHANGED : SOMETIMES_JOB_PAUSED);
    submit(cluster, change);
}

static void remove_job(struct cluster *cluster, const struct cluster_job *job)
{
    cluster_saw(cluster, SOMETIMES_JOB_REMOVED);
    submit(cluster, change_new(cluster, CHANGE_JOB_REMOVE, job->id));
}

static void run_job(struct cluster *cluster, const struct cluster_job *job)
{
    struct change *change = change_new(cluster, CHANGE_RUN_NOW, job->id);

    cluster_saw(cluster, SOMETIMES_RUN_ON_DEMAND);
    if (cluster_roll(cluster, 3) == 0) { /* as an earlier run was */
        change->revision = job->states[cluster_roll(cluster, job->state_count)].revision;
        cluster_saw(cluster, SOMETIMES_RUN_EXACT);
    }
    submit(cluster, change);
}

static void kill_run(struct cluster *cluster, const struct cluster_job *job)
{
    for (size_t i = cluster->start_count; i-- > 0;) {
        const struct start *start = &cluster->starts[i];

        if (start->key.job == job->id &&
            memory_guardian_executes(start->on->guardian, &start->key)) {
            struct change *change = change_new(cluster, CHANGE_RUN_KILL, job->id);

            change->run = start->key;
            cluster_saw(cluster, SOMETIMES_RUN_KILL_ASKED);
            submit(cluster, change);
            return;
        }
    }
}

static void drain_worker(struct cluster *cluster)
{
    struct change *change = change_new(cluster, CHANGE_WORKER_DRAIN, 0);

    change->worker = cluster->workers[cluster_roll(cluster, CLUSTER_WORKERS)].actor.name;
    change->draining = cluster_roll(cluster, 2);
    cluster_saw(cluster, SOMETIMES_WORKER_DRAINED);
    submit(cluster, change);
}

void cluster_client_act(struct cluster *cluster)
{
    const struct cluster_job *job = random_known_job(cluster);

    cluster->client_due =
        cluster_mono(cluster) + (span_us)cluster_roll(cluster, 12000) * MILLISECOND;
    switch (cluster_roll(cluster, 12)) {
    case 0:
    case 1:
    case 2:
        cluster_create_job(cluster);
        break;
    case 3:
    case 4:
        if (job)
            change_job(cluster, job);
        break;
    case 5:
        if (job)
            remove_job(cluster, job);
        break;
    case 6:
    case 7:
        if (job)
            kill_run(cluster, job);
        break;
    case 8:
        drain_worker(cluster);
        break;
    default:
        if (job)
            run_job(cluster, job);
        break;
    }
}

void cluster_remove_all_jobs(struct cluster *cluster)
{
    for (size_t i = 0; i < count_jobs(cluster); i++) {
        const struct cluster_job *job = &cluster->jobs[i];

        if (!job->states[job->state_count - 1].removed)
            submit(cluster, change_new(cluster, CHANGE_JOB_REMOVE, job->id));
    }
}
