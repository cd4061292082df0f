/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and the processes that it moves. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"

#include "adapters/local/events.h"
#include "adapters/memory/clock.h"
#include "adapters/memory/journal.h"
#include "adapters/memory/outputs.h"
#include "adapters/posix/zones.h"
#include "cluster.h"
#include "testing.h"

enum { ROUNDS = 3, SPINS = 4000 };

uint64_t cluster_roll(void *context, uint64_t sides)
{
    struct cluster *cluster = context;

    return hash_mix(hash_mix(cluster->seed) + ++cluster->dice) % sides;
}

instant_us cluster_now(const struct cluster *cluster)
{
    return clock_now(cluster->clock);
}

mono_us cluster_mono(const struct cluster *cluster)
{
    return clock_mono(cluster->clock);
}

/* ---- what happened ------------------------------------------------------------------------- */

void cluster_log(struct cluster *cluster, const char *format, ...)
{
    char *line = cluster->log[cluster->log_count++ % CLUSTER_LOG], time[INSTANT_TEXT];
    size_t used =
        (size_t)snprintf(line, CLUSTER_LINE, "%s ", instant_format(cluster_now(cluster), time));
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line + used, CLUSTER_LINE - used, format, args);
    va_end(args);
    if (cluster->trace)
        (void)fprintf(stderr, "%s\n", line);
}

void cluster_violated(struct cluster *cluster, const char *format, ...)
{
    size_t first = cluster->log_count > CLUSTER_LOG ? cluster->log_count - CLUSTER_LOG : 0;
    char text[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = first; i < cluster->log_count && !cluster->trace; i++)
        print_error("%s\n", cluster->log[i % CLUSTER_LOG]);
    fail_msg("%s (CRONJOB_SIM_SEED=%llu repeats it)", text, (unsigned long long)cluster->seed);
    abort(); /* the test has been left by now */
}

/* ---- workers ------------------------------------------------------------------------------- */

/* The dice of the seed that is being simulated: the port has no context. */
static struct cluster *current;

static void random_bytes(void *data, size_t length)
{
    unsigned char *bytes = data;

    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)cluster_roll(current, 256);
}

static span_us trip(struct cluster *cluster)
{
    return (span_us)cluster_roll(cluster, 20) * MILLISECOND;
}

static void to_store(void *context, struct work *work)
{
    struct cluster_worker *worker = context;

    worker->work = work;
    worker->work_done = false;
    worker->work_due = cluster_mono(worker->cluster) + trip(worker->cluster);
}

static void to_objects(void *context, struct fetch *fetch)
{
    struct cluster_worker *worker = context;
    struct cluster *cluster = worker->cluster;
    span_us span = cluster_roll(cluster, 4) ? 30 * MILLISECOND : 5 * SECOND;

    sim_fetches_add(&worker->fetches, fetch,
                    cluster_mono(cluster) + (span_us)cluster_roll(cluster, (uint64_t)span));
}

static void on_launch(void *context, const struct launch_event *event)
{
    struct cluster_worker *worker = context;

    if (event->kind == LAUNCH_FINISHED && !strcmp(event->reason, LAUNCH_FENCED))
        cluster_saw(worker->cluster, SOMETIMES_RUN_FENCED);
    worker_on_launch(worker->worker, event);
}

/* All managers and workers have it. */
static const struct seal_keys *cluster_seal(void)
{
    static struct seal_keys keys;
    static bool is_made;

    if (!is_made)
        seal_keys_derive("the secret", 10, &keys);
    is_made = true;
    return &keys;
}

void cluster_start_worker(struct cluster *cluster, struct cluster_worker *worker)
{
    static struct pair north[] = {{"zone", "north"}}, south[] = {{"zone", "south"}};
    bool first = worker == cluster->workers;
    struct worker_config config = {
        .name = worker->actor.name,
        .url = "http://worker",
        .version = "sim",
        .seal = cluster_seal()->known,
        .labels = {first ? north : south, 1},
        .store = cluster->store,
        .events = cluster->events,
        .zones = cluster->zones,
        .clock = worker->clock,
        .boot_at = CLUSTER_START - HOUR,
        .lease = CLUSTER_LEASE,
        .sign_every = 2 * SECOND,
        .random = random_bytes,
        .execute = to_store,
        .execute_context = worker,
        .fetch = to_objects,
        .objects = cluster->objects,
        .files = worker->files,
        .cache_limit = 1500,
    };
    struct err err;

    cluster->acting = &worker->actor;
    config.coordination = worker->actor.coordination =
        ensemble_connect(cluster->ensemble, worker->actor.name);
    worker->journal = config.journal = memory_journal_open(worker->disk);
    if (worker_new(&config, &worker->worker, &err))
        cluster_violated(cluster, "the worker does not start: %s", err.message);
    worker->launcher = memory_launcher_new(worker->guardian, on_launch, worker);
    worker_attach(worker->worker, worker->launcher);
    worker->wake = (struct worker_wake){INSTANT_NONE, cluster_mono(cluster)};
    worker->actor.paused_until = 0;
    cluster_log(cluster, "%s starts", worker->actor.name);
}

void cluster_kill_worker(struct cluster *cluster, struct cluster_worker *worker)
{
    if (!worker->worker)
        return;
    cluster->acting = &worker->actor;
    if (worker->work && !worker->work_done && cluster_roll(cluster, 2))
        work_execute(worker->work);
    if (worker->work)
        worker_return(worker->worker, TAKE(worker->work)); /* never read, freed with the worker */
    sim_fetches_drop(&worker->fetches, worker->worker);
    worker_free(TAKE(worker->worker));
    launcher_free(TAKE(worker->launcher));
    journal_free(TAKE(worker->journal));
    coordination_free(TAKE(worker->actor.coordination));
}

/* ---- managers ------------------------------------------------------------------------------ */

void cluster_start_manager(struct cluster *cluster, struct cluster_manager *manager)
{
    struct manager_config config = {
        .name = manager->actor.name,
        .url = "http://manager",
        .seal = cluster_seal(),
        .store = cluster->store,
        .events = cluster->events,
        .outputs = cluster->outputs,
        .zones = cluster->zones,
        .clock = cluster->clock,
        .keep_runs_for = 10000 * HOUR,
        .keep_runs_of_job = 1000000,
    };
    struct err err;

    cluster->acting = &manager->actor;
    config.coordination = manager->actor.coordination =
        ensemble_connect(cluster->ensemble, manager->actor.name);
    if (manager_new(&config, &manager->manager, &err))
        cluster_violated(cluster, "the manager does not start: %s", err.message);
    manager->wake = cluster_mono(cluster);
    manager->actor.paused_until = 0;
    manager->led = false;
    cluster_log(cluster, "%s starts", manager->actor.name);
}

void cluster_kill_manager(struct cluster *cluster, struct cluster_manager *manager)
{
    if (!manager->manager)
        return;
    cluster->acting = &manager->actor;
    manager_free(TAKE(manager->manager));
    coordination_free(TAKE(manager->actor.coordination));
    if (cluster->leader == manager)
        cluster->leader = NULL;
}

/* ---- time ---------------------------------------------------------------------------------- */

static bool is_awake(const struct cluster *cluster, const struct actor *actor)
{
    return actor->coordination && cluster_mono(cluster) >= actor->paused_until;
}

/* What its faults mean to its connection. */
static void connect_actor(struct cluster *cluster, struct actor *actor)
{
    mono_us now = cluster_mono(cluster);

    if (!actor->coordination)
        return;
    ensemble_cut(actor->coordination,
                 now < actor->coordination_cut_until || now < cluster->coordination_down_until);
    ensemble_pause(actor->coordination, now < actor->paused_until);
}

static void move_manager(struct cluster *cluster, struct cluster_manager *manager)
{
    if (!is_awake(cluster, &manager->actor))
        return;
    cluster->acting = &manager->actor;
    manager->wake = manager_step(manager->manager);
    if (manager_leads(manager->manager) && !manager->led) {
        cluster_log(cluster, "%s leads", manager->actor.name);
        if (cluster->leader != manager)
            cluster_saw(cluster, SOMETIMES_LEADER_CHANGED);
        cluster->leader = manager;
    }
    manager->led = manager_leads(manager->manager);
}

static void move_work(struct cluster *cluster, struct cluster_worker *worker)
{
    if (!worker->work || cluster_mono(cluster) < worker->work_due)
        return;
    if (!worker->work_done) {
        work_execute(worker->work);
        worker->work_done = true;
        worker->work_due = cluster_mono(cluster) + trip(cluster);
        return;
    }
    worker_return(worker->worker, TAKE(worker->work));
}

static void move_worker(struct cluster *cluster, struct cluster_worker *worker)
{
    memory_guardian_advance(worker->guardian);
    if (!is_awake(cluster, &worker->actor))
        return;
    cluster->acting = &worker->actor;
    move_work(cluster, worker);
    sim_fetches_move(&worker->fetches, worker->worker, cluster_mono(cluster));
    launcher_dispatch(worker->launcher);
    worker->wake = worker_step(worker->worker);
}

static void release_late(struct cluster *cluster)
{
    cluster->late_due = INT64_MAX;
    if (memory_store_release_late(cluster->store)) {
        cluster_saw(cluster, SOMETIMES_STORE_LATE_CAME);
        cluster_log(cluster, "what was late reaches the store");
    }
}

static void restart(struct cluster *cluster)
{
    mono_us now = cluster_mono(cluster);

    for (size_t i = 0; i < cluster->manager_count; i++) {
        if (!cluster->managers[i].manager && now >= cluster->managers[i].actor.back_at)
            cluster_start_manager(cluster, &cluster->managers[i]);
    }
    for (size_t i = 0; i < CLUSTER_WORKERS; i++) {
        struct cluster_worker *worker = &cluster->workers[i];

        if (!worker->worker && now >= worker->actor.back_at)
            cluster_start_worker(cluster, worker);
        if (now >= worker->clock_right_at && worker->clock_right_at) {
            memory_clock_set(worker->clock, cluster_now(cluster));
            worker->clock_right_at = 0;
        }
    }
}

static void move_parts(struct cluster *cluster)
{
    restart(cluster);
    if (cluster_mono(cluster) >= cluster->late_due)
        release_late(cluster);
    for (size_t i = 0; i < cluster->manager_count; i++)
        connect_actor(cluster, &cluster->managers[i].actor);
    for (size_t i = 0; i < CLUSTER_WORKERS; i++)
        connect_actor(cluster, &cluster->workers[i].actor);
    for (int round = 0; round < ROUNDS; round++) {
        ensemble_pump(cluster->ensemble);
        for (size_t i = 0; i < cluster->manager_count; i++)
            move_manager(cluster, &cluster->managers[i]);
        for (size_t i = 0; i < CLUSTER_WORKERS; i++)
            move_worker(cluster, &cluster->workers[i]);
    }
    cluster_look(cluster);
}

static mono_us next_of_worker(const struct cluster *cluster, const struct cluster_worker *worker)
{
    span_us guardian = memory_guardian_next(worker->guardian);
    mono_us now = cluster_mono(cluster), next = INT64_MAX;

    if (guardian >= 0)
        next = now + guardian;
    if (!worker->worker)
        return MIN(next, worker->actor.back_at);
    if (!is_awake(cluster, &worker->actor))
        return MIN(next, worker->actor.paused_until);
    next = MIN(next, worker->wake.deadline);
    if (worker->work)
        next = MIN(next, worker->work_due);
    next = MIN(next, sim_fetches_next(&worker->fetches));
    if (worker->wake.instant != INSTANT_NONE)
        next = MIN(next, now + worker->wake.instant - clock_now(worker->clock));
    return next;
}

static mono_us next_of_manager(const struct cluster *cluster, const struct cluster_manager *manager)
{
    if (!manager->manager)
        return manager->actor.back_at;
    return is_awake(cluster, &manager->actor) ? manager->wake : manager->actor.paused_until;
}

/* Sessions are looked at each second. */
static mono_us next_event(const struct cluster *cluster, mono_us until)
{
    mono_us next = MIN(MIN(until, cluster->late_due), cluster_mono(cluster) + SECOND);

    for (size_t i = 0; i < cluster->manager_count; i++)
        next = MIN(next, next_of_manager(cluster, &cluster->managers[i]));
    for (size_t i = 0; i < CLUSTER_WORKERS; i++)
        next = MIN(next, next_of_worker(cluster, &cluster->workers[i]));
    if (!cluster->healing)
        next = MIN(next, MIN(cluster->nemesis_due, cluster->client_due));
    return next;
}

static void act(struct cluster *cluster)
{
    if (cluster->healing)
        return;
    if (cluster_mono(cluster) >= cluster->nemesis_due)
        cluster_nemesis_act(cluster);
    if (cluster_mono(cluster) >= cluster->client_due)
        cluster_client_act(cluster);
}

static void pass_time(struct cluster *cluster, span_us span)
{
    memory_clock_advance(cluster->clock, span);
    for (size_t i = 0; i < CLUSTER_WORKERS; i++)
        memory_clock_advance(cluster->workers[i].clock, span);
}

void cluster_run(struct cluster *cluster, span_us span)
{
    mono_us until = cluster_mono(cluster) + span;
    int spins = 0;

    while (cluster_mono(cluster) < until) {
        mono_us next;

        act(cluster);
        move_parts(cluster);
        next = next_event(cluster, until);
        if (next <= cluster_mono(cluster)) {
            next = cluster_mono(cluster) + MILLISECOND;
            if (++spins > SPINS)
                cluster_violated(cluster, "somebody is busy and gets nothing done");
        } else {
            spins = 0;
        }
        pass_time(cluster, next - cluster_mono(cluster));
    }
}

/* ---- a cluster ----------------------------------------------------------------------------- */

static void make_ports(struct cluster *cluster)
{
    struct memory_store_config store = {
        .fault = cluster_fault, .unreachable = cluster_unreachable, .context = cluster};

    store.clock = cluster->clock = memory_clock_new(CLUSTER_START);
    cluster->store = memory_store_new(&store);
    cluster->ensemble = ensemble_new(cluster->clock, cluster_roll, cluster);
    cluster->events = local_events_new();
    cluster->outputs = memory_outputs_new();
    cluster->objects = sim_objects_new(&(struct memory_objects_config){
        .clock = cluster->clock, .fault = cluster_objects, .context = cluster});
    cluster->zones = posix_zones_new(NULL, NULL);
}

static void make_worker(struct cluster *cluster, size_t i)
{
    struct cluster_worker *worker = &cluster->workers[i];

    (void)snprintf(worker->actor.name, sizeof(worker->actor.name), "worker-%c", (char)('1' + i));
    worker->cluster = cluster;
    worker->clock = memory_clock_new(CLUSTER_START);
    worker->disk = memory_disk_new();
    worker->files = memory_files_new();
    worker->guardian = memory_guardian_new(worker->clock, cluster_execute, worker);
    cluster_start_worker(cluster, worker);
}

void cluster_new(struct cluster *cluster, uint64_t seed, unsigned long long *sometimes)
{
    *cluster = (struct cluster){.seed = seed, .sometimes = sometimes, .late_due = INT64_MAX};
    current = cluster;
    cluster->trace = getenv("CRONJOB_SIM_TRACE");
    cluster->calm = seed % 8 == 0;
    cluster->skewed = seed % 4 == 1;
    cluster->manager_count = 2 + cluster_roll(cluster, 2);
    make_ports(cluster);
    for (size_t i = 0; i < cluster->manager_count; i++) {
        struct cluster_manager *manager = &cluster->managers[i];

        (void)snprintf(manager->actor.name, sizeof(manager->actor.name), "manager-%c",
                       (char)('1' + i));
        cluster_start_manager(cluster, manager);
    }
    for (size_t i = 0; i < CLUSTER_WORKERS; i++)
        make_worker(cluster, i);
    cluster->nemesis_due = cluster_mono(cluster) + 20 * SECOND;
    cluster->client_due = cluster_mono(cluster) + 5 * SECOND;
}

void cluster_free(struct cluster *cluster)
{
    cluster->looking = true;
    for (size_t i = 0; i < CLUSTER_WORKERS; i++) {
        struct cluster_worker *worker = &cluster->workers[i];

        cluster_kill_worker(cluster, worker);
        memory_guardian_free(worker->guardian);
        memory_disk_free(worker->disk);
        files_free(worker->files);
        clock_free(worker->clock);
    }
    for (size_t i = 0; i < cluster->manager_count; i++)
        cluster_kill_manager(cluster, &cluster->managers[i]);
    zones_free(cluster->zones);
    objects_free(cluster->objects);
    outputs_free(cluster->outputs);
    events_free(cluster->events);
    ensemble_free(cluster->ensemble);
    store_free(cluster->store);
    clock_free(cluster->clock);
    map_release(&cluster->start_index);
    free(cluster->starts);
}
