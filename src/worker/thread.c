/* SPDX-License-Identifier: Apache-2.0 */
/* The worker on two threads: a loop that owns its state, and one that may wait for store and
 * journal. */
#include <poll.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

#define STOP_AT_MOST (5 * SECOND) /* for the work that is under way */

/* ---- the store thread ---- */

static void travel(void *context, struct work *work)
{
    struct worker *worker = context;

    mailbox_post(&worker->to_store, &work->mail);
}

static void *run_store(void *context)
{
    struct worker *worker = context;
    struct pollfd pollfd = {.fd = worker->to_store.fd, .events = POLLIN};

    for (;;) {
        struct mail *mail = mailbox_take_all(&worker->to_store);
        struct work *work;

        if (!mail) {
            (void)poll(&pollfd, 1, -1); /* the stop comes by the same way */
            continue;
        }
        work = container_of(mail, struct work, mail);
        if (!work->worker) {
            free(work);
            return NULL;
        }
        work_execute(work);
        worker_return(worker, work);
    }
}

/* ---- the coordination thread ---- */

static void *run_coordination(void *context)
{
    struct worker *worker = context;
    struct pollfd pollfd = {.fd = worker->to_coordination.fd, .events = POLLIN};
    bool stop = false;

    while (!stop) {
        struct mail *mail = mailbox_take_all(&worker->to_coordination);

        if (!mail)
            (void)poll(&pollfd, 1, -1); /* the stop comes by the same way */
        while (mail) {
            struct message *message = container_of(mail, struct message, mail);

            mail = mail->next;
            stop = stop || message->kind == MESSAGE_STOP;
            if (!stop)
                worker_ask_coordination(worker, message->kind);
            free(message);
        }
    }
    return NULL;
}

/* ---- the loop thread ---- */

static void something_came(struct loop_source *source, uint32_t events)
{
    (void)source; /* the step that follows takes it */
    (void)events;
}

static void launcher_has_news(struct loop_source *source, uint32_t events)
{
    struct worker *worker = container_of(source, struct worker, launcher_source);

    (void)events;
    launcher_dispatch(worker->launcher);
}

static void cron_calls(struct loop_source *source, uint32_t events)
{
    struct worker *worker = container_of(source, struct worker, fires_source);

    (void)events;
    fires_dispatch(worker->config.fires);
}

/* The step that follows asks the clock. */
static void instant_came(void *context, bool stepped)
{
    if (!stepped)
        return;
    log_warn("wall clock was set, all ticks are computed again");
    worker_doubt_clock(context);
}

/* Until what is under way is done: results are not lost either way, but sooner known. */
static void finish(struct worker *worker)
{
    mono_us until = clock_mono(worker->config.clock) + STOP_AT_MOST;

    while (worker->phase == PHASE_READY && clock_mono(worker->config.clock) < until) {
        (void)worker_step(worker);
        if (!worker->travelling)
            return;
        (void)loop_run_once(&worker->loop, until); /* its return wakes us */
    }
}

static void *run_loop(void *context)
{
    struct worker *worker = context;

    while (!atomic_load(&worker->stopping)) {
        struct worker_wake wake = worker_step(worker);

        loop_set_instant(&worker->loop, wake.instant);
        (void)loop_run_once(&worker->loop, wake.deadline); /* stopping is asked above */
    }
    finish(worker);
    return NULL;
}

static enum rc add_sources(struct worker *worker, struct err *err)
{
    enum rc rc;

    worker->inbox_source = (struct loop_source){worker->inbox.fd, something_came};
    worker->returned_source = (struct loop_source){worker->returned.fd, something_came};
    worker->fetched_source = (struct loop_source){worker->fetched.fd, something_came};
    worker->launcher_source =
        (struct loop_source){launcher_fd(worker->launcher), launcher_has_news};
    worker->kept_source = (struct loop_source){worker->kept.fd, something_came};
    if (worker->config.fires)
        worker->fires_source = (struct loop_source){fires_fd(worker->config.fires), cron_calls};
    loop_watch_clock(&worker->loop, instant_came, worker);
    rc = loop_add(&worker->loop, &worker->inbox_source, EPOLLIN, err);
    if (rc == RC_OK)
        rc = loop_add(&worker->loop, &worker->returned_source, EPOLLIN, err);
    if (rc == RC_OK)
        rc = loop_add(&worker->loop, &worker->fetched_source, EPOLLIN, err);
    if (rc == RC_OK)
        rc = loop_add(&worker->loop, &worker->launcher_source, EPOLLIN, err);
    if (rc == RC_OK)
        rc = loop_add(&worker->loop, &worker->kept_source, EPOLLIN, err);
    if (rc == RC_OK && worker->config.fires)
        rc = loop_add(&worker->loop, &worker->fires_source, EPOLLIN, err);
    return rc;
}

enum rc worker_start(struct worker *worker, struct err *err)
{
    enum rc rc = loop_init(&worker->loop, err);

    if (rc == RC_OK)
        rc = mailbox_init(&worker->to_store, err);
    if (rc == RC_OK)
        rc = mailbox_init(&worker->to_coordination, err);
    if (rc == RC_OK)
        rc = add_sources(worker, err);
    if (rc != RC_OK)
        return rc;
    worker->config.execute = travel;
    worker->config.execute_context = worker;
    worker->steps_outputs = false; /* they have a thread of their own */
    rc = worker_start_fetchers(worker, err);
    if (rc == RC_OK)
        rc = worker_start_crontab(worker, err);
    if (rc != RC_OK)
        return rc;
    if (pthread_create(&worker->store_thread, NULL, run_store, worker) ||
        pthread_create(&worker->coordination_thread, NULL, run_coordination, worker) ||
        pthread_create(&worker->loop_thread, NULL, run_loop, worker))
        return err_fail(err, RC_INTERNAL, "the worker's threads cannot be created");
    worker->threads = true;
    return worker->deliverer ? deliverer_start(worker->deliverer, err) : RC_OK;
}

static void post_stop(struct mailbox *mailbox)
{
    struct message *message = xcalloc(1, sizeof(*message));

    message->kind = MESSAGE_STOP;
    mailbox_post(mailbox, &message->mail);
}

static void stop_store_thread(struct worker *worker)
{
    struct work *stop = xcalloc(1, sizeof(*stop));

    mailbox_post(&worker->to_store, &stop->mail);
    (void)pthread_join(worker->store_thread, NULL); /* fails only for a thread that is not there */
    mailbox_release(&worker->to_store);
}

static void stop_coordination_thread(struct worker *worker)
{
    post_stop(&worker->to_coordination);
    (void)pthread_join(worker->coordination_thread,
                       NULL); /* fails only for a thread that is not there */
    mailbox_release(&worker->to_coordination);
    worker->to_coordination.fd = -1;
}

void worker_stop(struct worker *worker)
{
    if (!worker->threads)
        return;
    worker->threads = false;
    atomic_store(&worker->stopping, true);
    post_stop(&worker->inbox);
    (void)pthread_join(worker->loop_thread, NULL); /* fails only for a thread that is not there */
    stop_store_thread(worker);
    if (worker->deliverer)
        deliverer_stop(worker->deliverer);
    stop_coordination_thread(worker);
    worker_stop_fetchers(worker);
    worker_stop_crontab(worker);
    if (worker->joined) /* or it would be another's name */
        (void)coordination_leave(worker->config.coordination, worker->config.name,
                                 NULL); /* its lease runs out either way */
    loop_remove(&worker->loop, &worker->inbox_source);
    loop_remove(&worker->loop, &worker->returned_source);
    loop_remove(&worker->loop, &worker->fetched_source);
    loop_remove(&worker->loop, &worker->launcher_source);
    loop_remove(&worker->loop, &worker->kept_source);
    if (worker->config.fires)
        loop_remove(&worker->loop, &worker->fires_source);
    loop_release(&worker->loop);
}
