/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Membership: first a sign of life is stored, so that who hears of us can read what we are; then
 * we join, and try until we can. Our tasks are watched from the beginning.
 */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#include "worker/internal.h"

#define JOIN_AGAIN (1 * SECOND)

static void on_tasks(void *context, const struct task *tasks, size_t count)
{
    struct worker *worker = context;
    struct message *message = xmalloc(sizeof(*message) + count * sizeof(*tasks));

    *message = (struct message){.kind = MESSAGE_TASKS, .count = count};
    memcpy(message->tasks, tasks, count * sizeof(*tasks));
    mailbox_post(&worker->inbox, &message->mail);
}

void worker_watch_tasks(struct worker *worker)
{
    const struct worker_config *config = &worker->config;
    struct err err = {0};
    enum rc rc =
        coordination_watch_tasks(config->coordination, config->name, on_tasks, worker, &err);

    if (rc != RC_OK)
        log_error("worker cannot watch its tasks", LOG_ERR(&err, rc));
}

static void tell_readiness(struct worker *worker, const char *unready)
{
    atomic_store(&worker->unready, unready);
}

void worker_join(struct worker *worker, mono_us now)
{
    const struct worker_config *config = &worker->config;
    struct err err = {0};
    enum rc rc;

    if (worker->joined || !worker->announced || now < worker->join_at)
        return;
    rc = coordination_join(config->coordination, config->name, &err);
    worker->joined = rc == RC_OK;
    worker->join_at = now + JOIN_AGAIN;
    if (rc == RC_OK) {
        tell_readiness(worker, NULL);
        return;
    }
    tell_readiness(worker, rc == RC_CONFLICT ? "another worker has this name"
                                             : "coordination does not answer");
    log_warn("worker could not join, trying again", LOG_TEXT("worker", config->name),
             LOG_ERR(&err, rc));
}

enum rc worker_is_ready(struct worker *worker, struct err *err)
{
    const char *unready = atomic_load(&worker->unready);

    return unready ? err_fail(err, RC_UNAVAILABLE, "%s", unready) : RC_OK;
}
