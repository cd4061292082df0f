/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Membership: first a sign of life is stored, so that who hears of us can read what we are; then
 * we join, and try until we can. Our tasks are watched from the beginning. Coordination may be slow
 * to answer, so it is asked on a thread of its own; a worker that has none, on the loop's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

#define JOIN_AGAIN (1 * SECOND)

/* ---- on the coordination thread ------------------------------------------------------------ */

static void on_tasks(void *context, const struct task *tasks, size_t count)
{
    struct worker *worker = context;
    struct message *message = xmalloc(sizeof(*message) + count * sizeof(*tasks));

    *message = (struct message){.kind = MESSAGE_TASKS, .count = count};
    memcpy(message->tasks, tasks, count * sizeof(*tasks));
    mailbox_post(&worker->inbox, &message->mail);
}

static void watch(struct worker *worker)
{
    const struct worker_config *config = &worker->config;
    struct err err = {0};
    enum rc rc =
        coordination_watch_tasks(config->coordination, config->name, on_tasks, worker, &err);

    if (rc != RC_OK)
        log_error("worker cannot watch its tasks", LOG_ERR(&err, rc));
}

static void join(struct worker *worker)
{
    const struct worker_config *config = &worker->config;
    struct message *answer = xcalloc(1, sizeof(*answer));

    answer->kind = MESSAGE_JOINED;
    answer->rc = coordination_join(config->coordination, config->name, &answer->err);
    mailbox_post(&worker->inbox, &answer->mail);
}

void worker_ask_coordination(struct worker *worker, enum message_kind kind)
{
    if (kind == MESSAGE_WATCH)
        watch(worker);
    else if (kind == MESSAGE_JOIN)
        join(worker);
}

/* ---- on the loop thread -------------------------------------------------------------------- */

static void ask(struct worker *worker, enum message_kind kind)
{
    struct message *message;

    if (worker->to_coordination.fd < 0) {
        worker_ask_coordination(worker, kind);
        return;
    }
    message = xcalloc(1, sizeof(*message));
    message->kind = kind;
    mailbox_post(&worker->to_coordination, &message->mail);
}

void worker_watch_tasks(struct worker *worker)
{
    ask(worker, MESSAGE_WATCH);
}

void worker_join(struct worker *worker, mono_us now)
{
    if (worker->joined || worker->joining || !worker->announced || now < worker->join_at)
        return;
    worker->joining = true;
    ask(worker, MESSAGE_JOIN);
}

void worker_take_joined(struct worker *worker, const struct message *message)
{
    const char *name = worker->config.name;

    worker->joining = false;
    worker->joined = message->rc == RC_OK;
    worker->conflict = message->rc == RC_CONFLICT;
    worker->join_at = clock_mono(worker->config.clock) + JOIN_AGAIN;
    if (message->rc == worker->join_rc)
        return;
    worker->join_rc = message->rc;
    if (worker->conflict)
        log_error("another worker lives under this name, no ticks are taken",
                  LOG_TEXT("worker", name));
    else if (!worker->joined)
        log_warn("worker could not join, trying again", LOG_TEXT("worker", name),
                 LOG_ERR(&message->err, message->rc));
    else
        log_info("worker has joined", LOG_TEXT("worker", name));
}
