/* SPDX-License-Identifier: Apache-2.0 */
/* What breaks, and when it is mended. */
#include "adapters/memory/clock.h"
#include "cluster.h"

static span_us up_to(struct cluster *cluster, span_us most)
{
    return (span_us)cluster_roll(cluster, (uint64_t)(most / MILLISECOND)) * MILLISECOND;
}

static mono_us until(struct cluster *cluster, span_us most)
{
    return cluster_mono(cluster) + up_to(cluster, most);
}

/* ---- the store's hooks --------------------------------------------------------------------- */

bool cluster_unreachable(void *context)
{
    const struct cluster *cluster = context;
    mono_us now = cluster_mono(cluster);

    return !cluster->looking &&
           (now < cluster->store_down_until || now < cluster->acting->store_cut_until);
}

/* A change of a job that comes late is learnt of with the next reconciliation only. */
static bool may_be_late(const struct store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].kind <= WRITE_JOB_ASSIGN)
            return false;
    }
    return true;
}

static void trace_writes(struct cluster *cluster, const struct store_write *writes, size_t count)
{
    static const char *const names[] = {
        [WRITE_RUN_QUEUE] = "queue",   [WRITE_RUN_CLAIM] = "claim",  [WRITE_RUN_WAITING] = "wait",
        [WRITE_RUN_STARTED] = "start", [WRITE_RUN_FINISHED] = "end", [WRITE_RUN_RECORD] = "record",
        [WRITE_RUN_LOST] = "lost",     [WRITE_RUN_PURGE] = "purge"};

    for (size_t i = 0; i < count; i++) {
        const struct store_write *write = &writes[i];
        const struct run_key *key =
            write->kind == WRITE_RUN_CLAIM ? &write->claim.key : &write->run.key;

        if (write->kind < WRITE_RUN_QUEUE || write->kind > WRITE_RUN_PURGE ||
            write->kind == WRITE_RUN_OUTPUT)
            continue;
        cluster_log(cluster, "  %s writes %s %llu-%lld-%u %s", cluster->acting->name,
                    names[write->kind], (unsigned long long)key->job,
                    (long long)(key->scheduled_at / SECOND), key->attempt,
                    write->kind == WRITE_RUN_CLAIM ? run_trigger_text(write->claim.trigger)
                                                   : run_status_text(write->run.result.status));
    }
}

static enum memory_store_fault come_late(struct cluster *cluster)
{
    cluster->late_due = MIN(cluster->late_due, until(cluster, 40 * SECOND));
    cluster_saw(cluster, SOMETIMES_STORE_LATE);
    cluster_log(cluster, "store is late for %s", cluster->acting->name);
    return MEMORY_STORE_FAULT_LATE;
}

enum memory_store_fault cluster_fault(void *context, const struct store_write *writes, size_t count)
{
    struct cluster *cluster = context;

    if (cluster->trace)
        trace_writes(cluster, writes, count);
    if (cluster->looking || cluster->healing ||
        cluster_roll(cluster, 100) >= (uint64_t)cluster->store_trouble)
        return MEMORY_STORE_FAULT_NONE;
    switch (cluster_roll(cluster, may_be_late(writes, count) ? 4 : 3)) {
    case 0:
        cluster_saw(cluster, SOMETIMES_STORE_FAILED);
        cluster_log(cluster, "store fails %s", cluster->acting->name);
        return MEMORY_STORE_FAULT_FAIL;
    case 1:
        cluster_saw(cluster, SOMETIMES_STORE_UNKNOWN_WRITTEN);
        cluster_log(cluster, "store writes for %s, the answer is lost", cluster->acting->name);
        return MEMORY_STORE_FAULT_UNKNOWN_WRITTEN;
    case 2:
        cluster_saw(cluster, SOMETIMES_STORE_UNKNOWN_LOST);
        cluster_log(cluster, "store loses a write of %s", cluster->acting->name);
        return MEMORY_STORE_FAULT_UNKNOWN_LOST;
    default:
        return come_late(cluster);
    }
}

enum memory_objects_fault cluster_objects(void *context, enum memory_objects_call call,
                                          const char *key)
{
    static const enum memory_objects_fault faults[] = {
        MEMORY_OBJECTS_FAULT_FAIL, MEMORY_OBJECTS_FAULT_CUT, MEMORY_OBJECTS_FAULT_CORRUPT};
    struct cluster *cluster = context;

    (void)key;
    if (call != MEMORY_OBJECTS_GET)
        return MEMORY_OBJECTS_FAULT_NONE;
    if (cluster_mono(cluster) < cluster->objects_away_until)
        return MEMORY_OBJECTS_FAULT_FAIL;
    if (cluster_roll(cluster, 100) >= (uint64_t)cluster->objects_trouble)
        return MEMORY_OBJECTS_FAULT_NONE;
    cluster_saw(cluster, SOMETIMES_OBJECTS_TROUBLED);
    return faults[cluster_roll(cluster, ARRAY_SIZE(faults))];
}

/* ---- workers ------------------------------------------------------------------------------- */

static struct cluster_worker *some_worker(struct cluster *cluster)
{
    return &cluster->workers[cluster_roll(cluster, CLUSTER_WORKERS)];
}

static void crash_worker(struct cluster *cluster, struct cluster_worker *worker)
{
    if (!worker->worker)
        return;
    cluster_log(cluster, "%s dies", worker->actor.name);
    cluster_saw(cluster, SOMETIMES_WORKER_CRASHED);
    cluster_kill_worker(cluster, worker);
    worker->actor.back_at = until(cluster, 8 * SECOND);
    if (cluster_roll(cluster, 3) == 0) {
        worker->actor.back_at += up_to(cluster, 3 * MINUTE);
        cluster_saw(cluster, SOMETIMES_WORKER_AWAY_LONG);
    }
}

static void crash_guardian(struct cluster *cluster, struct cluster_worker *worker)
{
    cluster_log(cluster, "guardian of %s dies", worker->actor.name);
    cluster_saw(cluster, SOMETIMES_GUARDIAN_CRASHED);
    memory_guardian_kill(worker->guardian);
}

static void fail_power(struct cluster *cluster, struct cluster_worker *worker)
{
    cluster_saw(cluster, SOMETIMES_POWER_FAILED);
    crash_worker(cluster, worker);
    crash_guardian(cluster, worker);
}

static void pause_worker(struct cluster *cluster, struct cluster_worker *worker)
{
    worker->actor.paused_until = until(cluster, 40 * SECOND);
    cluster_log(cluster, "%s is stopped for a while", worker->actor.name);
    cluster_saw(cluster, SOMETIMES_WORKER_PAUSED);
}

static void cut_worker(struct cluster *cluster, struct cluster_worker *worker)
{
    static const int sometimes[] = {SOMETIMES_WORKER_CUT_FROM_COORDINATION,
                                    SOMETIMES_WORKER_CUT_FROM_STORE,
                                    SOMETIMES_WORKER_CUT_FROM_BOTH};
    uint64_t what = cluster_roll(cluster, 3);

    cluster_saw(cluster, (enum sometimes)sometimes[what]);
    if (what != 1)
        worker->actor.coordination_cut_until = until(cluster, MINUTE);
    if (what != 0)
        worker->actor.store_cut_until = until(cluster, MINUTE);
    cluster_log(cluster, "%s is cut off from %s", worker->actor.name,
                what == 0   ? "coordination"
                : what == 1 ? "the store"
                            : "both");
}

static void disturb_clock(struct cluster *cluster, struct cluster_worker *worker)
{
    span_us off = up_to(cluster, cluster_roll(cluster, 2) ? 1200 * MILLISECOND : 10 * SECOND);

    if (!cluster->skewed)
        return;
    off = cluster_roll(cluster, 2) ? off : -off;
    memory_clock_set(worker->clock, cluster_now(cluster) + off);
    worker->clock_right_at = until(cluster, MINUTE);
    cluster_saw(cluster, SOMETIMES_CLOCK_OFF);
    cluster_log(cluster, "clock of %s is off by %lld ms", worker->actor.name,
                (long long)(off / MILLISECOND));
}

/* ---- managers ------------------------------------------------------------------------------ */

/* Mostly the one that leads. */
static struct cluster_manager *some_manager(struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->manager_count && cluster_roll(cluster, 3); i++) {
        struct cluster_manager *manager = &cluster->managers[i];

        if (manager->manager && manager_leads(manager->manager))
            return manager;
    }
    return &cluster->managers[cluster_roll(cluster, cluster->manager_count)];
}

static void crash_manager(struct cluster *cluster, struct cluster_manager *manager, span_us away)
{
    if (!manager->manager)
        return;
    cluster_log(cluster, "%s dies", manager->actor.name);
    cluster_saw(cluster, SOMETIMES_MANAGER_CRASHED);
    cluster_kill_manager(cluster, manager);
    manager->actor.back_at = until(cluster, away);
}

static void crash_all_managers(struct cluster *cluster)
{
    cluster_saw(cluster, SOMETIMES_ALL_MANAGERS_DOWN);
    for (size_t i = 0; i < cluster->manager_count; i++)
        crash_manager(cluster, &cluster->managers[i], MINUTE);
}

static void pause_manager(struct cluster *cluster, struct cluster_manager *manager)
{
    manager->actor.paused_until = until(cluster, 30 * SECOND);
    cluster_log(cluster, "%s is stopped for a while", manager->actor.name);
    cluster_saw(cluster, SOMETIMES_MANAGER_PAUSED);
}

static void cut_manager(struct cluster *cluster, struct cluster_manager *manager)
{
    bool store = cluster_roll(cluster, 2);
    mono_us end = until(cluster, MINUTE);

    cluster_saw(cluster,
                store ? SOMETIMES_MANAGER_CUT_FROM_STORE : SOMETIMES_MANAGER_CUT_FROM_COORDINATION);
    if (store)
        manager->actor.store_cut_until = end;
    else
        manager->actor.coordination_cut_until = end;
    cluster_log(cluster, "%s is cut off from %s", manager->actor.name,
                store ? "the store" : "coordination");
}

static void mislead_manager(struct cluster *cluster, struct cluster_manager *manager)
{
    if (!manager->manager || !manager_leads(manager->manager))
        return;
    ensemble_mislead(manager->actor.coordination,
                     cluster_mono(cluster) + 5 * SECOND + up_to(cluster, 20 * SECOND));
    cluster_saw(cluster, SOMETIMES_MANAGER_MISLED);
    cluster_log(cluster, "%s believes that it leads", manager->actor.name);
}

/* ---- store and coordination ---------------------------------------------------------------- */

static void trouble_store(struct cluster *cluster)
{
    if (cluster_roll(cluster, 3) == 0) {
        cluster->store_down_until = until(cluster, 40 * SECOND);
        cluster_log(cluster, "store is down for a while");
        cluster_saw(cluster, SOMETIMES_STORE_DOWN);
    } else {
        cluster->store_trouble = cluster_roll(cluster, 2) ? (int)cluster_roll(cluster, 50) : 0;
    }
}

static void trouble_coordination(struct cluster *cluster)
{
    switch (cluster_roll(cluster, 3)) {
    case 0:
        cluster->coordination_down_until = until(cluster, MINUTE);
        cluster_saw(cluster, SOMETIMES_COORDINATION_DOWN);
        cluster_log(cluster, "coordination is down for a while");
        break;
    case 1:
        ensemble_wipe(cluster->ensemble);
        cluster_saw(cluster, SOMETIMES_COORDINATION_WIPED);
        cluster_log(cluster, "coordination lost all it had");
        break;
    default:
        ensemble_trouble(cluster->ensemble,
                         cluster_roll(cluster, 2) ? (int)cluster_roll(cluster, 50) : 0);
        cluster_saw(cluster, SOMETIMES_COORDINATION_TROUBLED);
        break;
    }
}

/* Copies go, so that the objects are asked again. */
static void trouble_objects(struct cluster *cluster, struct cluster_worker *worker)
{
    const char *hash = sim_file_hash(cluster_roll(cluster, SIM_FILES));

    if (cluster_roll(cluster, 2)) {
        cluster->objects_away_until = until(cluster, 2 * MINUTE);
        cluster_log(cluster, "objects are away for a while");
        cluster_saw(cluster, SOMETIMES_OBJECTS_AWAY);
    } else {
        cluster->objects_trouble = cluster_roll(cluster, 2) ? (int)cluster_roll(cluster, 60) : 0;
    }
    if (cluster_roll(cluster, 2)) {
        if (memory_files_damage(worker->files, hash))
            cluster_saw(cluster, SOMETIMES_CACHE_DAMAGED);
    } else {
        (void)!files_remove(worker->files, hash, NULL); /* in memory nothing fails */
    }
}

void cluster_nemesis_act(struct cluster *cluster)
{
    cluster->nemesis_due = until(cluster, 25 * SECOND);
    if (cluster->calm)
        return;
    switch (cluster_roll(cluster, 20)) {
    case 0:
    case 1:
        crash_worker(cluster, some_worker(cluster));
        break;
    case 2:
        crash_guardian(cluster, some_worker(cluster));
        break;
    case 3:
        fail_power(cluster, some_worker(cluster));
        break;
    case 4:
    case 5:
        pause_worker(cluster, some_worker(cluster));
        break;
    case 6:
    case 7:
        cut_worker(cluster, some_worker(cluster));
        break;
    case 8:
        disturb_clock(cluster, some_worker(cluster));
        break;
    case 9:
        crash_manager(cluster, some_manager(cluster), 20 * SECOND);
        break;
    case 10:
        pause_manager(cluster, some_manager(cluster));
        break;
    case 11:
        cut_manager(cluster, some_manager(cluster));
        break;
    case 12:
        mislead_manager(cluster, some_manager(cluster));
        break;
    case 13:
        if (cluster_roll(cluster, 4) == 0)
            crash_all_managers(cluster);
        break;
    case 14:
        trouble_coordination(cluster);
        break;
    case 15:
    case 16:
        trouble_objects(cluster, some_worker(cluster));
        break;
    default:
        trouble_store(cluster);
        break;
    }
}

static void heal_actor(struct actor *actor, mono_us now)
{
    actor->back_at = now;
    actor->paused_until = actor->store_cut_until = actor->coordination_cut_until = 0;
    if (actor->coordination)
        ensemble_mislead(actor->coordination, 0);
}

void cluster_heal(struct cluster *cluster)
{
    mono_us now = cluster_mono(cluster);

    cluster_log(cluster, "all is well from here on");
    cluster->healing = true;
    cluster->healed_at = now;
    cluster->store_trouble = cluster->objects_trouble = 0;
    cluster->objects_away_until = 0;
    cluster->store_down_until = cluster->coordination_down_until = 0;
    ensemble_trouble(cluster->ensemble, 0);
    for (size_t i = 0; i < cluster->manager_count; i++)
        heal_actor(&cluster->managers[i].actor, now);
    for (size_t i = 0; i < CLUSTER_WORKERS; i++) {
        heal_actor(&cluster->workers[i].actor, now);
        memory_clock_set(cluster->workers[i].clock, cluster_now(cluster));
        cluster->workers[i].clock_right_at = 0;
    }
    cluster->late_due = MIN(cluster->late_due, now + SECOND);
}
