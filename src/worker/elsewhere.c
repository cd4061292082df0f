/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of our jobs that other workers execute: a job that came to us may have one that goes on, or
 * another worker, which does not know yet that the job is ours, was first to claim a tick. They
 * count as active, or two runs would overlap where the job forbids it. Such runs are seen when a
 * job is loaded and when a claim is refused; until they have ended they are asked for again and
 * again, and one that failed is tried again here.
 *
 * Two workers may follow a job at the same time, each with claims of its own: so after a claim that
 * was won the store is asked who else has a run of the job. Claim first and then look: of two that
 * do so at once, at least one sees the other. Such a run may be of a tick that is still to come
 * here; so to the agenda it has a key of its own, and that it ended is all that is told of it.
 */
#include <string.h>

#include "base/mem.h"

#include "worker/internal.h"

#define ASK_EVERY   (500 * MILLISECOND)
#define DOUBT_AFTER (1 * SECOND)

/* ---- on the store thread ------------------------------------------------------------------- */

/* No run of ours has this target. */
#define BESIDE UINT32_MAX

static void add(struct work *work, const struct run_key *key, enum run_trigger trigger,
                const struct run_result *result)
{
    work->elsewhere = xgrow(work->elsewhere, work->elsewhere_count, &work->elsewhere_capacity,
                            sizeof(*work->elsewhere));
    work->elsewhere[work->elsewhere_count++] =
        (struct elsewhere){.key = *key, .trigger = trigger, .result = *result};
}

void work_note_elsewhere(struct work *work, const struct run_record *run)
{
    static const struct claim_token none;

    if (work->worker->config.alone || run_status_is_final(run->run.result.status) ||
        !memcmp(&run->token, &none, sizeof(none)) ||
        !strcmp(run->run.worker, work->worker->config.name))
        return;
    add(work, &run->run.key, run->run.trigger, &run->run.result);
}

static const struct loaded *find_load(const struct work *work, job_id job)
{
    for (size_t low = 0, high = work->load_count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (work->loads[middle].id == job)
            return &work->loads[middle];
        if (work->loads[middle].id < job)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool may_overlap(const struct loaded *loaded)
{
    return loaded->due && loaded->has_run && loaded->job.concurrency != CONCURRENCY_ALLOW;
}

static bool note_of_loads(void *context, const struct run_record *run)
{
    struct work *work = context;
    const struct loaded *loaded = find_load(work, run->run.key.job);

    if (loaded && may_overlap(loaded))
        work_note_elsewhere(work, run);
    return true;
}

/* Of all that goes on at all: that is seldom much, and jobs are loaded seldom. */
static enum rc look_for_loads(struct work *work)
{
    struct run_query query = run_query_all();
    bool any = false;

    for (size_t i = 0; i < work->load_count && !work->worker->config.alone; i++)
        any = any || may_overlap(&work->loads[i]);
    query.unfinished_only = true;
    return any ? store_read_runs(work->worker->config.store, &query, note_of_loads, work,
                                 &work->err)
               : RC_OK;
}

struct asking {
    struct work *work;
    struct run_set left; /* not answered */
};

static bool note_answer(void *context, const struct run_record *run)
{
    struct asking *asking = context;

    (void)run_set_remove(&asking->left, &run->run.key);
    if (run_status_is_final(run->run.result.status))
        add(asking->work, &run->run.key, run->run.trigger, &run->run.result);
    return true;
}

/* A run that was purged has ended, somehow. */
static void note_purged(const struct asking *asking)
{
    struct run_result gone = result_without_start(RUN_KILLED, INSTANT_NONE);
    struct work *work = asking->work;

    for (size_t i = 0; i < work->asked_count; i++) {
        if (run_set_has(&asking->left, &work->asked[i]))
            add(work, &work->asked[i], TRIGGER_SCHEDULE, &gone);
    }
}

static enum rc ask(struct work *work)
{
    struct asking asking = {.work = work};
    struct run_query query = run_query_all();
    enum rc rc;

    if (!work->asked_count)
        return RC_OK;
    for (size_t i = 0; i < work->asked_count; i++)
        run_set_add(&asking.left, &work->asked[i]);
    query.keys = work->asked;
    query.key_count = work->asked_count;
    rc = store_read_runs(work->worker->config.store, &query, note_answer, &asking, &work->err);
    if (rc == RC_OK)
        note_purged(&asking);
    run_set_release(&asking.left);
    return rc;
}

enum rc work_look_elsewhere(struct work *work)
{
    enum rc rc = look_for_loads(work);

    return rc == RC_OK ? ask(work) : rc;
}

static bool note_beside(void *context, const struct run_record *run)
{
    struct work *work = context;

    if (!strcmp(run->run.worker, work->worker->config.name))
        return true;
    work->beside =
        xgrow(work->beside, work->beside_count, &work->beside_capacity, sizeof(*work->beside));
    work->beside[work->beside_count++] = run->run.key;
    return true;
}

enum rc work_look_beside(struct work *work)
{
    struct run_query query = run_query_all();
    bool won = false;

    work->beside_count = 0;
    for (size_t i = 0; i < work->claim_count; i++)
        won |= work->claims[i].outcome == CLAIM_WON;
    query.beside = &work->token;
    return won && !work->worker->config.alone
               ? store_read_runs(work->worker->config.store, &query, note_beside, work, &work->err)
               : RC_OK;
}

/* ---- on the loop thread -------------------------------------------------------------------- */

static struct run_key key_beside(const struct run_key *run)
{
    struct run_key key = *run;

    key.target = BESIDE;
    return key;
}

void worker_take_beside(struct worker *worker, const struct work *work)
{
    instant_us now = clock_now(worker->config.clock);

    for (size_t i = 0; i < work->beside_count; i++) {
        struct run_key key = key_beside(&work->beside[i]);

        run_set_add(&worker->elsewhere, &work->beside[i]);
        agenda_adopt(worker->agenda, &key, TRIGGER_MANUAL, true, now);
    }
}

static void end_beside(struct worker *worker, const struct run_key *run, instant_us now)
{
    struct run_key key = key_beside(run);
    struct run_result ended = result_without_start(RUN_SKIPPED, now);

    (void)agenda_finished(worker->agenda, &key, &ended, now); /* it is no run of ours */
}

/* What is claimed and waits for its turn is not to start when its job was removed or paused, which
 * coordination may not tell us. */
static void doubt_those_that_wait(struct worker *worker, mono_us now)
{
    for (struct table_node *node = table_after(&worker->active, NULL); node;
         node = table_after(&worker->active, node)) {
        const struct active *active = container_of(node, struct active, node);

        if (active->state == ACTIVE_CLAIMED && now - active->claimed_at > DOUBT_AFTER)
            worker_want_job(worker, active->key.job, LOAD_TASK);
    }
}

void worker_look_elsewhere(struct worker *worker, mono_us now)
{
    if (worker->config.alone || now < worker->ask_elsewhere)
        return;
    if (worker->elsewhere.table.count)
        worker->looks |= LOOK_ELSEWHERE;
    doubt_those_that_wait(worker, now);
    worker->ask_elsewhere = now + ASK_EVERY;
}

void worker_pack_elsewhere(struct worker *worker, struct work *work)
{
    if (work->looks & LOOK_ELSEWHERE)
        work->asked = run_set_copy(&worker->elsewhere, LIMIT_BATCH, &work->asked_count);
}

static void begin(struct worker *worker, const struct elsewhere *run, instant_us now)
{
    uint64_t revision;

    if (!map_get(&worker->tasks, run->key.job, &revision) ||
        !agenda_revision(worker->agenda, run->key.job))
        return;
    agenda_adopt(worker->agenda, &run->key, run->trigger, true, now);
    run_set_add(&worker->elsewhere, &run->key);
}

void worker_take_elsewhere(struct worker *worker, const struct work *work)
{
    instant_us now = clock_now(worker->config.clock);

    for (size_t i = 0; i < work->elsewhere_count; i++) {
        const struct elsewhere *run = &work->elsewhere[i];

        if (!run_status_is_final(run->result.status)) {
            begin(worker, run, now);
        } else if (run_set_remove(&worker->elsewhere, &run->key)) {
            (void)agenda_finished(worker->agenda, &run->key, &run->result,
                                  now); /* who executed it has said what becomes of the job */
            end_beside(worker, &run->key, now);
        }
    }
}
