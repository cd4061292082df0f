/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that wait for the next trip to the store. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "worker/internal.h"

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
