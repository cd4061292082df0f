/* SPDX-License-Identifier: Apache-2.0 */
/* Time, and the parts that it moves. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/memory/clock.h"
#include "adapters/memory/journal.h"
#include "adapters/memory/launcher.h"
#include "adapters/memory/outputs.h"
#include "adapters/memory/store.h"
#include "adapters/posix/zones.h"
#include "sim.h"
#include "testing.h"

enum { ROUNDS = 3, SPINS = 2000 };

#define LEASE (15 * SECOND)

uint64_t sim_roll(struct sim *sim, uint64_t sides)
{
    return hash_mix(hash_mix(sim->seed) + ++sim->dice) % sides;
}

instant_us sim_now(const struct sim *sim)
{
    return clock_now(sim->clock);
}

mono_us sim_mono(const struct sim *sim)
{
    return clock_mono(sim->clock);
}

/* ---- what happened ------------------------------------------------------------------------- */

void sim_log(struct sim *sim, const char *format, ...)
{
    char *line = sim->log[sim->log_count++ % SIM_LOG], time[INSTANT_TEXT];
    size_t used = (size_t)snprintf(line, SIM_LINE, "%s ", instant_format(sim_now(sim), time));
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line + used, SIM_LINE - used, format, args);
    va_end(args);
    if (sim->trace)
        (void)fprintf(stderr, "%s\n", line);
}

void sim_violated(struct sim *sim, const char *format, ...)
{
    size_t first = sim->log_count > SIM_LOG ? sim->log_count - SIM_LOG : 0;
    char text[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = first; i < sim->log_count; i++)
        print_error("%s\n", sim->log[i % SIM_LOG]);
    fail_msg("%s (CRONJOB_SIM_SEED=%llu repeats it)", text, (unsigned long long)sim->seed);
    abort(); /* the test has been left by now */
}

/* ---- the worker's process ------------------------------------------------------------------ */

/* The dice of the seed that is being simulated: the port has no context. */
static struct sim *current;

static void random_bytes(void *data, size_t length)
{
    unsigned char *bytes = data;

    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)sim_roll(current, 256);
}

static void to_store(void *context, struct work *work)
{
    struct sim *sim = context;

    sim->work = work;
    sim->work_done = false;
    sim->work_due = sim_mono(sim) + (span_us)sim_roll(sim, 20) * MILLISECOND;
}

static void to_objects(void *context, struct fetch *fetch)
{
    struct sim *sim = context;
    span_us span = sim_roll(sim, 4) ? 30 * MILLISECOND : 5 * SECOND;

    if (sim->calm)
        span = 10 * MILLISECOND;
    sim_fetches_add(&sim->fetches, fetch, sim_mono(sim) + (span_us)sim_roll(sim, (uint64_t)span));
}

static void on_launch(void *context, const struct launch_event *event)
{
    struct sim *sim = context;

    if (event->kind == LAUNCH_FINISHED)
        books_note_end(sim, &event->run);
    worker_on_launch(sim->worker, event);
}

void sim_start_worker(struct sim *sim)
{
    struct worker_config config = {
        .name = "node",
        .url = "",
        .alone = true,
        .version = "sim",
        .store = sim->store,
        .coordination = sim->coordination,
        .events = sim->events,
        .zones = sim->zones,
        .clock = sim->clock,
        .boot_at = SIM_START - HOUR,
        .lease = LEASE,
        .random = random_bytes,
        .execute = to_store,
        .execute_context = sim,
        .fetch = to_objects,
        .objects = sim->objects,
        .files = sim->files,
        .cache_limit = 1500,
        .cron_table = sim->cron.table,
        .fires = sim->cron.fires,
    };
    struct err err;

    sim->journal = config.journal = memory_journal_open(sim->disk);
    if (worker_new(&config, &sim->worker, &err))
        sim_violated(sim, "the worker does not start: %s", err.message);
    sim->launcher = memory_launcher_new(sim->guardian, on_launch, sim);
    worker_attach(sim->worker, sim->launcher);
    sim->worker_wake = (struct worker_wake){INSTANT_NONE, sim_mono(sim)};
    sim->paused_until = 0;
    sim_log(sim, "worker starts");
}

static void late_comes(struct sim *sim)
{
    sim->late_due = INT64_MAX;
    if (memory_store_release_late(sim->store)) {
        sim_saw(sim, SOMETIMES_STORE_LATE_CAME);
        sim_log(sim, "what was late reaches the store");
    }
}

/* The store is in the worker's own process: what was late has come, or never will, when a new one
 * looks at what the old one left. */
void sim_kill_worker(struct sim *sim)
{
    if (!sim->worker)
        return;
    if (sim->work && !sim->work_done && sim_roll(sim, 2)) {
        work_execute(sim->work);
        sim_saw(sim, SOMETIMES_WORK_LOST_AFTER_STORE);
        sim_log(sim, "its last work reached the store");
    } else if (sim->work && !sim->work_done) {
        sim_saw(sim, SOMETIMES_WORK_LOST_BEFORE_STORE);
    }
    if (sim->work)
        worker_return(sim->worker, TAKE(sim->work)); /* never read, freed with the worker */
    sim_fetches_drop(&sim->fetches, sim->worker);
    late_comes(sim);
    worker_free(TAKE(sim->worker));
    launcher_free(TAKE(sim->launcher));
    journal_free(TAKE(sim->journal));
    coordination_leave(sim->coordination, "node", NULL);
}

/* ---- the manager --------------------------------------------------------------------------- */

void sim_start_manager(struct sim *sim)
{
    struct manager_config config = {
        .name = "manager",
        .store = sim->store,
        .coordination = sim->coordination,
        .events = sim->events,
        .outputs = sim->outputs,
        .zones = sim->zones,
        .clock = sim->clock,
        .keep_runs_for = 10000 * HOUR,
        .keep_runs_of_job = 1000000,
    };
    struct err err;

    manager_free(sim->manager);
    if (manager_new(&config, &sim->manager, &err))
        sim_violated(sim, "the manager does not start: %s", err.message);
    sim->manager_wake = sim_mono(sim);
}

/* ---- time ---------------------------------------------------------------------------------- */

static bool is_awake(const struct sim *sim)
{
    return sim->worker && sim_mono(sim) >= sim->paused_until;
}

static void move_work(struct sim *sim)
{
    if (!sim->work || !is_awake(sim) || sim_mono(sim) < sim->work_due)
        return;
    if (!sim->work_done) {
        work_execute(sim->work);
        sim->work_done = true;
        sim->work_due = sim_mono(sim) + (span_us)sim_roll(sim, 20) * MILLISECOND;
        return;
    }
    worker_return(sim->worker, TAKE(sim->work));
}

static void move_parts(struct sim *sim)
{
    if (!sim->worker && sim_mono(sim) >= sim->worker_back)
        sim_start_worker(sim);
    if (sim_mono(sim) >= sim->late_due)
        late_comes(sim);
    sim_cron_move(sim);
    for (int round = 0; round < ROUNDS; round++) {
        memory_guardian_advance(sim->guardian);
        sim->manager_wake = manager_step(sim->manager);
        move_work(sim);
        if (!is_awake(sim))
            continue;
        sim_fetches_move(&sim->fetches, sim->worker, sim_mono(sim));
        launcher_dispatch(sim->launcher);
        sim->worker_wake = worker_step(sim->worker);
    }
    books_look(sim);
}

static mono_us sooner(mono_us a, mono_us b)
{
    return a < b ? a : b;
}

static mono_us next_of_worker(const struct sim *sim)
{
    mono_us next = sim->worker_wake.deadline;

    if (!sim->worker)
        return sim->worker_back;
    if (!is_awake(sim))
        return sim->paused_until;
    if (sim->work)
        next = sooner(next, sim->work_due);
    next = sooner(next, sim_fetches_next(&sim->fetches));
    if (sim->worker_wake.instant != INSTANT_NONE)
        next = sooner(next, sim_mono(sim) + sim->worker_wake.instant - sim_now(sim));
    return next;
}

static mono_us next_event(const struct sim *sim, mono_us until)
{
    span_us guardian = memory_guardian_next(sim->guardian);
    mono_us next = sooner(until, sooner(next_of_worker(sim), sim->manager_wake));

    if (guardian >= 0)
        next = sooner(next, sim_mono(sim) + guardian);
    next = sooner(next, sim->late_due);
    next = sooner(next, sim_cron_next(sim));
    if (!sim->healing)
        next = sooner(next, sooner(sim->nemesis_due, sim->client_due));
    return next;
}

static void act(struct sim *sim)
{
    if (sim->healing)
        return;
    if (sim_mono(sim) >= sim->nemesis_due)
        nemesis_act(sim);
    if (sim_mono(sim) >= sim->client_due)
        client_act(sim);
}

void sim_run(struct sim *sim, span_us span)
{
    mono_us until = sim_mono(sim) + span;
    int spins = 0;

    while (sim_mono(sim) < until) {
        mono_us next;

        act(sim);
        move_parts(sim);
        next = next_event(sim, until);
        if (next <= sim_mono(sim)) {
            next = sim_mono(sim) + MILLISECOND;
            if (++spins > SPINS)
                sim_violated(sim, "somebody is busy and gets nothing done");
        } else {
            spins = 0;
        }
        sim->awake += next - sim_mono(sim);
        memory_clock_advance(sim->clock, next - sim_mono(sim));
    }
}

/* ---- a world ------------------------------------------------------------------------------- */

void sim_new(struct sim *sim, uint64_t seed, unsigned long long *sometimes)
{
    struct memory_store_config store = {.fault = nemesis_fault, .unreachable = nemesis_unreachable};

    *sim = (struct sim){.seed = seed, .sometimes = sometimes, .late_due = INT64_MAX};
    current = sim;
    sim->trace = getenv("CRONJOB_SIM_TRACE");
    sim->calm = seed % 4 == 0;
    sim->may_step = seed % 4 == 1;
    sim->clock = memory_clock_new(SIM_START);
    sim->true_since = SIM_START;
    store.clock = sim->clock;
    store.context = sim;
    sim->store = memory_store_new(&store);
    sim->disk = memory_disk_new();
    sim->guardian = memory_guardian_new(sim->clock, books_execute, sim);
    sim->coordination = local_coordination_new();
    sim->events = local_events_new();
    sim->outputs = memory_outputs_new();
    sim->objects = sim_objects_new(&(struct memory_objects_config){
        .clock = sim->clock, .fault = nemesis_objects, .context = sim});
    sim->files = memory_files_new();
    sim->zones = posix_zones_new(NULL, "/nowhere"); /* in UTC, whatever the machine is in */
    sim_cron_new(sim);
    sim_start_manager(sim);
    sim_start_worker(sim);
    sim->nemesis_due = sim_mono(sim) + 20 * SECOND;
    sim->client_due = sim_mono(sim);
}

void sim_free(struct sim *sim)
{
    sim_kill_worker(sim);
    manager_free(sim->manager);
    sim_cron_free(sim);
    zones_free(sim->zones);
    files_free(sim->files);
    objects_free(sim->objects);
    outputs_free(sim->outputs);
    events_free(sim->events);
    coordination_free(sim->coordination);
    memory_guardian_free(sim->guardian);
    memory_disk_free(sim->disk);
    store_free(sim->store);
    clock_free(sim->clock);
    map_release(&sim->start_index);
    free(sim->starts);
}
