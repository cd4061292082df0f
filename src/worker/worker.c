/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

/* Claims are decided before the tick, so that store and journal have answered when it comes. */
#define LEAD (200 * MILLISECOND)

#define LOOK_EVERY (30 * SECOND)

enum rc worker_new(const struct worker_config *config, struct worker **ret_worker, struct err *err)
{
    struct worker *worker = xcalloc(1, sizeof(*worker));
    enum rc rc;

    worker->config = *config;
    worker->inbox.fd = worker->returned.fd = worker->fetched.fd = worker->kept.fd = -1;
    worker->to_store.fd = worker->to_coordination.fd = worker->to_crontab.fd = -1;
    list_init(&worker->unsent);
    list_init(&worker->handed_over);
    list_init(&worker->unwritten);
    list_init(&worker->items);
    list_init(&worker->fileless);
    list_init(&worker->urgent_files);
    list_init(&worker->early_files);
    cache_init(&worker->cache, config->cache_limit);
    worker->agenda = agenda_new(&(struct agenda_config){.lead = LEAD, .boot_at = config->boot_at});
    worker->started_at = clock_now(config->clock);
    map_init(&worker->loading);
    map_init(&worker->tasks);
    map_init(&worker->by_store.seen);
    worker->next_look = config->alone ? INT64_MAX : 0;
    worker_make_deliverer(worker);
    worker_note_readiness(worker, 0);
    worker_open_crontab(worker);
    rc = ledger_open(&worker->ledger, config->journal, err);
    if (rc == RC_OK)
        rc = mailbox_init(&worker->inbox, err);
    if (rc == RC_OK)
        rc = mailbox_init(&worker->returned, err);
    if (rc == RC_OK)
        rc = mailbox_init(&worker->fetched, err);
    if (rc == RC_OK)
        rc = mailbox_init(&worker->kept, err);
    if (rc != RC_OK) {
        worker_free(worker);
        return rc;
    }
    *ret_worker = worker;
    return RC_OK;
}

void worker_attach(struct worker *worker, struct launcher *launcher)
{
    worker->launcher = launcher;
}

void worker_return(struct worker *worker, struct work *work)
{
    mailbox_post(&worker->returned, &work->mail);
}

int64_t worker_due_next_hour(void *context)
{
    struct worker *worker = context;

    return atomic_load(&worker->due_next_hour);
}

static void read_inbox(struct worker *worker)
{
    struct mail *mail = mailbox_take_all(&worker->inbox);

    while (mail) {
        struct message *message = container_of(mail, struct message, mail);

        mail = mail->next;
        if (message->kind == MESSAGE_TASKS)
            worker_take_tasks(worker, message);
        else if (message->kind == MESSAGE_JOINED)
            worker_take_joined(worker, message);
        free(message);
    }
}

static void read_returned(struct worker *worker)
{
    struct mail *mail = mailbox_take_all(&worker->returned);

    while (mail) {
        struct work *work = container_of(mail, struct work, mail);

        mail = mail->next;
        worker_take_work(worker, work);
    }
}

/* The agenda is asked again when it is due; while claims wait, when the trip comes back. */
static instant_us next_instant(const struct worker *worker)
{
    instant_us next = agenda_next(worker->agenda);

    if (worker->phase != PHASE_READY || next >= INSTANT_MAX ||
        !worker_may_claim(worker, clock_mono(worker->config.clock)))
        return INSTANT_NONE;
    if (worker->claim_count >= LIMIT_BATCH || worker->item_count >= LIMIT_BATCH)
        return INSTANT_NONE;
    return next;
}

static mono_us next_deadline(const struct worker *worker)
{
    mono_us next = INT64_MAX;

    if (worker->phase == PHASE_READY)
        next = MIN(worker->next_look,
                   worker->elsewhere.table.count ? worker->ask_elsewhere : INT64_MAX);
    if (worker->phase == PHASE_READY && !worker->sign_waits && !worker->conflict)
        next = MIN(next, worker->next_sign);
    if (worker->lease_until)
        next = MIN(next, worker->tell_lease_at);
    if (worker->phase == PHASE_RECOVERING && worker->conflict)
        next = worker->join_at;
    if (worker->announced && !worker->joined && !worker->joining)
        next = MIN(next, worker->join_at);
    next = MIN(next, worker_files_deadline(worker));
    next = MIN(next, worker_crontab_deadline(worker));
    if (!list_is_empty(&worker->unwritten))
        next = MIN(next, list_first(&worker->unwritten, struct active, link)->started_mono +
                             RECORD_STARTED);
    if (worker->failed)
        next = MIN(next, worker->retry_at);
    if (worker->steps_outputs)
        next = MIN(next, worker->deliver_at);
    return next;
}

/* Once in a while, at the same time: nothing here is urgent. */
static void look_around(struct worker *worker, mono_us now)
{
    worker_look_for_jobs(worker, now);
    worker_look_elsewhere(worker, now);
    if (now < worker->next_look)
        return;
    if (worker->next_look)
        worker->looks |= LOOK_STRAYS;
    worker->next_look = now + LOOK_EVERY;
}

static void do_due(struct worker *worker, instant_us now, mono_us mono)
{
    if (!atomic_load(&worker->stopping) && worker_may_claim(worker, mono))
        worker_advance(worker, now);
    worker_move_files(worker, mono);
    worker_move_crontab(worker, mono);
    worker_send_unsent(worker);
    worker_write_started(worker, mono);
    if (mono >= worker->next_sign && !worker->sign_waits && !worker->conflict)
        worker_write_sign(worker, now);
    worker_join(worker, mono);
    look_around(worker, mono);
}

struct worker_wake worker_step(struct worker *worker)
{
    instant_us now;
    mono_us mono;

    read_returned(worker);
    read_inbox(worker);
    worker_take_fetches(worker);
    worker_take_kept(worker);
    now = clock_now(worker->config.clock);
    mono = clock_mono(worker->config.clock);
    if (worker->phase == PHASE_READY)
        do_due(worker, now, mono);
    if (worker->lease_until && mono >= worker->tell_lease_at)
        worker_tell_lease(worker);
    worker_note_readiness(worker, mono);
    worker_send_work(worker);
    worker_step_outputs(worker, mono);
    return (struct worker_wake){next_instant(worker), next_deadline(worker)};
}

static void free_runs(struct worker *worker)
{
    struct table_node *node;

    worker_free_known(worker);
    worker_free_waiting(worker);
    while ((node = table_after(&worker->active, NULL))) {
        table_remove(&worker->active, node);
        active_free(container_of(node, struct active, node));
    }
    table_release(&worker->active);
    while (!list_is_empty(&worker->items))
        free(list_take(&worker->items, struct item, link));
}

static void free_mail(struct worker *worker)
{
    struct mail *mail = worker->inbox.fd >= 0 ? mailbox_take_all(&worker->inbox) : NULL;

    while (mail) {
        struct message *message = container_of(mail, struct message, mail);

        mail = mail->next;
        free(message);
    }
    mail = worker->returned.fd >= 0 ? mailbox_take_all(&worker->returned) : NULL;
    while (mail) {
        struct work *work = container_of(mail, struct work, mail);

        mail = mail->next;
        work_free(work);
    }
    mail = worker->fetched.fd >= 0 ? mailbox_take_all(&worker->fetched) : NULL;
    while (mail) {
        struct fetch *fetch = container_of(mail, struct fetch, mail);

        mail = mail->next;
        fetch_free(fetch);
    }
    mail = worker->kept.fd >= 0 ? mailbox_take_all(&worker->kept) : NULL;
    while (mail) {
        struct keeping *keeping = container_of(mail, struct keeping, mail);

        mail = mail->next;
        keeping_free(keeping);
    }
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    worker_stop(worker);
    deliverer_free(worker->deliverer);
    coordination_unwatch(worker->config.coordination, worker);
    free_mail(worker);
    work_free(worker->failed);
    free_runs(worker);
    map_release(&worker->loading);
    map_release(&worker->tasks);
    map_release(&worker->by_store.seen);
    run_set_release(&worker->run_tasks);
    run_set_release(&worker->kills);
    run_set_release(&worker->strays);
    run_set_release(&worker->elsewhere);
    cache_release(&worker->cache);
    worker_close_crontab(worker);
    free(worker->claims);
    free(worker->notes);
    free(worker->loads);
    agenda_free(worker->agenda);
    ledger_release(&worker->ledger);
    if (worker->inbox.fd >= 0)
        mailbox_release(&worker->inbox);
    if (worker->returned.fd >= 0)
        mailbox_release(&worker->returned);
    if (worker->fetched.fd >= 0)
        mailbox_release(&worker->fetched);
    if (worker->kept.fd >= 0)
        mailbox_release(&worker->kept);
    free(worker);
}
