/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs of life. A worker that is not alone has a lease with each sign that the store has taken:
 *
 *     sent                          what is fenced is killed      the store's lease has passed
 *       |--------------- lease - a fifth - 0.5 s ---|--------------------------|
 *
 * It counts from when the sign was sent, for nobody knows when it arrived. The margin is for clocks
 * that do not run alike and for the kill itself.
 */
#include "base/log.h"

#include "worker/internal.h"

enum { SIGNS_A_LEASE = 4 };
_Static_assert((int)BACKEND_TEXT <= (int)LIMIT_REASON + 1, "an item has room for it");

#define FENCE_MARGIN (500 * MILLISECOND)

/* When signs do not arrive: so long before the lease passes coordination is asked, so often. */
#define FENCE_AHEAD (2 * SECOND)
#define FENCE_EVERY (500 * MILLISECOND)

static span_us fenced_lease(const struct worker_config *config)
{
    return config->lease - config->lease / 5 - FENCE_MARGIN;
}

static span_us interval(const struct worker_config *config)
{
    return config->sign_every ? config->sign_every : config->lease / SIGNS_A_LEASE;
}

/* Before all results that wait: there may be many, and the lease does not wait for them. */
static struct item *add_first(struct worker *worker)
{
    struct item *item = worker_add_item(worker, WRITE_WORKER);

    list_remove(&item->link);
    list_append(worker->items.next, &item->link);
    return item;
}

void worker_write_sign(struct worker *worker, instant_us now)
{
    const struct worker_config *config = &worker->config;
    struct backend backend;
    struct item *item;

    atomic_store(&worker->due_next_hour, (int64_t)agenda_due_until(worker->agenda, now + HOUR));
    worker->next_sign = clock_mono(config->clock) + interval(config);
    worker->sign_waits = true;
    item = add_first(worker);
    backend = worker_backend(worker);
    item->write.worker = (struct worker_record){
        .name = config->name,
        .url = config->url,
        .version = config->version,
        .backend = backend_print(&backend, item->reason), /* nothing else is written there */
        .labels = config->labels,
        .running = (int64_t)worker->active.count,
        .tasks = (int64_t)agenda_job_count(worker->agenda),
        .started_at = worker->started_at,
    };
}

void work_date_sign(struct work *work)
{
    const struct worker_config *config = &work->worker->config;
    struct worker_record *record;

    if (!work->sign)
        return;
    record = &work->sign->write.worker;
    record->clock_offset = work->clock.offset;
    record->clock_synchronised =
        config->clock_is_synchronised && config->clock_is_synchronised(config->context);
    record->lease_until = clock_now(config->clock) - work->clock.offset + config->lease;
}

static void renew_lease(struct worker *worker, const struct work *work)
{
    mono_us now = clock_mono(worker->config.clock);

    if (now >= worker->lease_until) {
        if (worker->lease_until)
            worker_reload_jobs(worker);
        worker->lease_since = now;
        worker->unsure = worker->active.count > 0;
        worker->looks |= worker->unsure ? LOOK_STRAYS : 0U;
    }
    worker->lease_until = work->begun_at + fenced_lease(&worker->config);
    worker_tell_lease(worker);
}

void worker_take_sign(struct worker *worker, const struct work *work)
{
    if (!work->sign)
        return;
    worker->sign_waits = false;
    worker->announced = true;
    if (worker->config.alone)
        return;
    renew_lease(worker, work);
    worker_take_clock(worker, &work->clock);
}

/* What runs is another's to run again only when the store's lease has passed and we are no member
 * any more, so it may live until the later of the two. */
void worker_tell_lease(struct worker *worker)
{
    const struct worker_config *config = &worker->config;
    mono_us now = clock_mono(config->clock);
    mono_us until = worker->lease_until;

    if (!until)
        return;
    worker->tell_lease_at = MAX(until - FENCE_AHEAD, now + FENCE_EVERY);
    if (now >= until - FENCE_AHEAD)
        until = MAX(until, coordination_member_until(config->coordination, config->name));
    launcher_set_lease(worker->launcher, until);
}

bool worker_may_claim(const struct worker *worker, mono_us now)
{
    return worker->config.alone || (now < worker->lease_until && !worker->unsure &&
                                    !worker->conflict && worker->clock_state == CLOCK_RIGHT);
}

/* ---- readiness, asked for on other threads ------------------------------------------------- */

static const char conflict_text[] = "another worker lives under this name";

static const char *why_unready(const struct worker *worker, mono_us now)
{
    if (worker->conflict)
        return conflict_text;
    if (!worker->connected)
        return "the guardian is not connected";
    if (worker->phase != PHASE_READY)
        return "the store was not reached yet";
    if (worker->config.alone)
        return NULL;
    if (worker->clock_state == CLOCK_WRONG)
        return "the clock differs from the store's by more than a second";
    return worker_may_claim(worker, now) ? NULL : "the store was not reached for a lease";
}

void worker_note_readiness(struct worker *worker, mono_us now)
{
    atomic_store(&worker->unready, why_unready(worker, now));
}

enum rc worker_is_ready(struct worker *worker, struct err *err)
{
    const char *unready = atomic_load(&worker->unready);

    if (!unready)
        return RC_OK;
    return err_fail(err, unready == conflict_text ? RC_CONFLICT : RC_UNAVAILABLE, "%s", unready);
}
