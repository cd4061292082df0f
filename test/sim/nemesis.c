/* SPDX-License-Identifier: Apache-2.0 */
/* What breaks, and when it is mended. */
#include "adapters/memory/clock.h"
#include "adapters/memory/journal.h"
#include "adapters/memory/launcher.h"
#include "adapters/memory/store.h"
#include "sim.h"

/* ---- the store's hooks --------------------------------------------------------------------- */

bool nemesis_unreachable(void *context)
{
    const struct sim *sim = context;

    return !sim->looking && sim_mono(sim) < sim->store_down_until;
}

/*
 * Not where the clock may be set back: a claim that was refused as too early could then succeed
 * when it comes, and nobody waits for it any more. Nor a change of a job: its worker would learn of
 * it with the next reconciliation only.
 */
static bool may_be_late(const struct sim *sim, const struct store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].kind <= WRITE_JOB_ASSIGN)
            return false;
    }
    return !sim->may_step;
}

static enum memory_store_fault come_late(struct sim *sim)
{
    mono_us due = sim_mono(sim) + (span_us)sim_roll(sim, 40000) * MILLISECOND;

    sim->late_due = MIN(sim->late_due, due);
    sim_saw(sim, SOMETIMES_STORE_LATE);
    sim_log(sim, "store is late");
    return MEMORY_STORE_FAULT_LATE;
}

static void trace_run(struct sim *sim, const char *what, const struct run_key *key,
                      const char *more)
{
    sim_log(sim, "  writes %s %llu-%lld-%u %s", what, (unsigned long long)key->job,
            (long long)(key->scheduled_at / SECOND), key->attempt, more);
}

static void trace_writes(struct sim *sim, const struct store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct store_write *write = &writes[i];

        if (write->kind == WRITE_RUN_CLAIM)
            trace_run(sim, "claim", &write->claim.key, run_trigger_text(write->claim.trigger));
        if (write->kind == WRITE_RUN_RECORD)
            trace_run(sim, write->run.count > 1 ? "stretch" : "record", &write->run.key,
                      write->run.reason);
        if (write->kind == WRITE_RUN_FINISHED)
            trace_run(sim, "end", &write->run.key, run_status_text(write->run.result.status));
    }
}

enum memory_store_fault nemesis_fault(void *context, const struct store_write *writes, size_t count)
{
    struct sim *sim = context;

    if (sim->trace)
        trace_writes(sim, writes, count);
    if (sim->looking || sim->healing || sim_roll(sim, 100) >= (uint64_t)sim->store_trouble)
        return MEMORY_STORE_FAULT_NONE;
    switch (sim_roll(sim, may_be_late(sim, writes, count) ? 4 : 3)) {
    case 0:
        sim_saw(sim, SOMETIMES_STORE_FAILED);
        sim_log(sim, "store fails");
        return MEMORY_STORE_FAULT_FAIL;
    case 1:
        sim_saw(sim, SOMETIMES_STORE_UNKNOWN_WRITTEN);
        sim_log(sim, "store writes, and the answer is lost");
        return MEMORY_STORE_FAULT_UNKNOWN_WRITTEN;
    case 2:
        sim_saw(sim, SOMETIMES_STORE_UNKNOWN_LOST);
        sim_log(sim, "store loses a write, and the answer too");
        return MEMORY_STORE_FAULT_UNKNOWN_LOST;
    default:
        return come_late(sim);
    }
}

enum memory_objects_fault nemesis_objects(void *context, enum memory_objects_call call,
                                          const char *key)
{
    static const enum memory_objects_fault faults[] = {
        MEMORY_OBJECTS_FAULT_FAIL, MEMORY_OBJECTS_FAULT_CUT, MEMORY_OBJECTS_FAULT_CORRUPT};
    struct sim *sim = context;

    (void)key;
    if (call != MEMORY_OBJECTS_GET)
        return MEMORY_OBJECTS_FAULT_NONE;
    if (sim_mono(sim) < sim->objects_away_until)
        return MEMORY_OBJECTS_FAULT_FAIL;
    if (sim_roll(sim, 100) >= (uint64_t)sim->objects_trouble)
        return MEMORY_OBJECTS_FAULT_NONE;
    sim_saw(sim, SOMETIMES_OBJECTS_TROUBLED);
    return faults[sim_roll(sim, ARRAY_SIZE(faults))];
}

/* ---- single faults ------------------------------------------------------------------------- */

static void crash_worker(struct sim *sim)
{
    if (!sim->worker)
        return;
    sim_log(sim, "worker dies");
    sim_saw(sim, SOMETIMES_WORKER_CRASHED);
    if (memory_guardian_running(sim->guardian))
        sim_saw(sim, SOMETIMES_RUN_OUTLIVED_WORKER);
    sim_kill_worker(sim);
    sim->worker_back = sim_mono(sim) + (span_us)sim_roll(sim, 8000) * MILLISECOND;
    if (sim_roll(sim, 8) == 0)
        sim->worker_back += (span_us)sim_roll(sim, 3) * HOUR;
}

static void crash_guardian(struct sim *sim)
{
    sim_log(sim, "guardian dies");
    sim_saw(sim, SOMETIMES_GUARDIAN_CRASHED);
    memory_guardian_kill(sim->guardian);
    books_note_guardian_death(sim);
}

static void fail_power(struct sim *sim)
{
    sim_saw(sim, SOMETIMES_POWER_FAILED);
    if (sim_roll(sim, 2)) {
        crash_worker(sim);
        crash_guardian(sim);
    } else {
        crash_guardian(sim);
        crash_worker(sim);
    }
}

static void pause_worker(struct sim *sim)
{
    sim->paused_until = sim_mono(sim) + (span_us)sim_roll(sim, 40000) * MILLISECOND;
    sim_log(sim, "worker is stopped for a while");
    sim_saw(sim, SOMETIMES_WORKER_PAUSED);
}

static void sleep_machine(struct sim *sim)
{
    span_us span = (span_us)sim_roll(sim, sim_roll(sim, 4) ? 60 : 30000) * SECOND;

    sim_log(sim, "machine sleeps for %lld s", (long long)(span / SECOND));
    sim_saw(sim, SOMETIMES_MACHINE_SLEPT);
    memory_clock_advance(sim->clock, span);
}

static void step_clock(struct sim *sim)
{
    span_us span = (span_us)sim_roll(sim, sim_roll(sim, 3) ? 30 : 9000) * SECOND;
    bool back = sim->may_step && sim_roll(sim, 2);

    sim_log(sim, "clock is set %s by %lld s", back ? "back" : "forward",
            (long long)(span / SECOND));
    if (back) {
        instant_us before = sim_now(sim);

        memory_clock_set(sim->clock, before - span);
        sim->was_back = true;
        sim->true_since = MAX(sim->true_since, before);
        sim_saw(sim, SOMETIMES_CLOCK_SET_BACK);
    } else {
        memory_clock_set(sim->clock, sim_now(sim) + span);
        sim_saw(sim, SOMETIMES_CLOCK_SET_FORWARD);
    }
}

static void restart_manager(struct sim *sim)
{
    sim_log(sim, "manager is restarted");
    sim_saw(sim, SOMETIMES_MANAGER_RESTARTED);
    sim_start_manager(sim);
}

static void trouble_store(struct sim *sim)
{
    if (sim_roll(sim, 3) == 0) {
        sim->store_down_until = sim_mono(sim) + (span_us)sim_roll(sim, 60000) * MILLISECOND;
        sim_log(sim, "store is down for a while");
        sim_saw(sim, SOMETIMES_STORE_DOWN);
    } else {
        sim->store_trouble = sim_roll(sim, 2) ? (int)sim_roll(sim, 60) : 0;
    }
}

/* A journal that failed is not believed again: its worker is restarted. */
static void break_journal(struct sim *sim)
{
    bool full = sim_roll(sim, 2);

    memory_disk_fail(sim->disk, 1 + (int)sim_roll(sim, 4), full ? RC_FULL : RC_IO,
                     sim_roll(sim, 2));
    sim_saw(sim, full ? SOMETIMES_JOURNAL_FULL : SOMETIMES_JOURNAL_FAILED);
    sim_log(sim, "journal %s", full ? "is full" : "fails");
    sim_run(sim, (span_us)sim_roll(sim, 3000) * MILLISECOND);
    memory_disk_fail(sim->disk, 0, RC_OK, false);
    if (!full)
        crash_worker(sim);
}

/* Copies go, so that the objects are asked again. */
static void trouble_objects(struct sim *sim)
{
    const char *hash = sim_file_hash(sim_roll(sim, SIM_FILES));

    if (sim_roll(sim, 2)) {
        sim->objects_away_until = sim_mono(sim) + (span_us)sim_roll(sim, 120000) * MILLISECOND;
        sim_log(sim, "objects are away for a while");
        sim_saw(sim, SOMETIMES_OBJECTS_AWAY);
    } else {
        sim->objects_trouble = sim_roll(sim, 2) ? (int)sim_roll(sim, 60) : 0;
    }
    if (sim_roll(sim, 2)) {
        if (memory_files_damage(sim->files, hash))
            sim_saw(sim, SOMETIMES_CACHE_DAMAGED);
    } else {
        (void)!files_remove(sim->files, hash, NULL); /* in memory nothing fails */
    }
}

void nemesis_act(struct sim *sim)
{
    sim->nemesis_due = sim_mono(sim) + (span_us)sim_roll(sim, 40000) * MILLISECOND;
    if (sim->calm)
        return;
    switch (sim_roll(sim, 14)) {
    case 0:
    case 1:
        crash_worker(sim);
        break;
    case 2:
        crash_guardian(sim);
        break;
    case 3:
        fail_power(sim);
        break;
    case 4:
        pause_worker(sim);
        break;
    case 5:
        sleep_machine(sim);
        break;
    case 6:
        step_clock(sim);
        break;
    case 7:
        restart_manager(sim);
        break;
    case 8:
        break_journal(sim);
        break;
    case 9:
    case 10:
        trouble_objects(sim);
        break;
    default:
        trouble_store(sim);
        break;
    }
}

void nemesis_heal(struct sim *sim)
{
    sim_log(sim, "all is well from here on");
    sim->healing = true;
    sim->store_trouble = 0;
    sim->store_down_until = 0;
    sim->objects_trouble = 0;
    sim->objects_away_until = 0;
    sim->paused_until = 0;
    memory_disk_fail(sim->disk, 0, RC_OK, false);
    sim->worker_back = sim_mono(sim);
    sim->late_due = MIN(sim->late_due, sim_mono(sim) + SECOND);
}
