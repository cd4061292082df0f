/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that wait for the next trip to the store. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "worker/internal.h"

enum { SIGNS_A_LEASE = 3 };

struct item *worker_add_item(struct worker *worker, enum write_kind kind)
{
    struct item *item = xcalloc(1, sizeof(*item));

    item->write.kind = kind;
    list_append(&worker->items, &item->link);
    worker->item_count++;
    return item;
}

void item_set_reason(struct item *item, const char *reason)
{
    memcpy(item->reason, reason, MIN(strlen(reason), (size_t)LIMIT_REASON));
    item->write.run.reason = item->reason;
}

void worker_write_started(struct worker *worker, mono_us now)
{
    while (!list_is_empty(&worker->unwritten)) {
        struct active *active = list_first(&worker->unwritten, struct active, link);
        struct item *item;

        if (now - active->started_mono < RECORD_STARTED)
            return;
        list_remove(&active->link);
        item = worker_add_item(worker, WRITE_RUN_STARTED);
        item->write.run.key = active->key;
        item->write.run.token = active->token;
        item->write.run.result = (struct run_result){.status = RUN_RUNNING,
                                                     .started_at = active->started_at,
                                                     .finished_at = INSTANT_NONE,
                                                     .exit_code = -1};
        item->write.run.reason = "";
    }
}

void worker_write_sign(struct worker *worker, instant_us now)
{
    const struct worker_config *config = &worker->config;

    atomic_store(&worker->due_next_hour, (int64_t)agenda_due_until(worker->agenda, now + HOUR));
    worker->next_sign = clock_mono(config->clock) + config->lease / SIGNS_A_LEASE;
    worker_add_item(worker, WRITE_WORKER)->write.worker = (struct worker_record){
        .name = config->name,
        .url = config->url,
        .version = config->version,
        .backend = "timer",
        .labels = config->labels,
        .running = (int64_t)worker->active.count,
        .tasks = (int64_t)agenda_job_count(worker->agenda),
        .started_at = worker->started_at,
        .lease_until = now + config->lease,
    };
}
