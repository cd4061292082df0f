/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that wait for their job to be loaded: a queue for each job, since many may wait for each. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "worker/internal.h"

struct queue {
    struct table_node node; /* in worker->waiting, by job */
    job_id job;
    struct list list; /* struct waiting; never empty */
};

static struct queue *find_queue(const struct worker *worker, job_id job)
{
    struct table_node *node = table_first(&worker->waiting, hash_mix(job));

    while (node && container_of(node, struct queue, node)->job != job)
        node = table_next(node);
    return node ? container_of(node, struct queue, node) : NULL;
}

static struct queue *add_queue(struct worker *worker, job_id job)
{
    struct queue *queue = xcalloc(1, sizeof(*queue));

    queue->job = job;
    list_init(&queue->list);
    table_insert(&worker->waiting, &queue->node, hash_mix(job));
    return queue;
}

struct waiting *worker_add_waiting(struct worker *worker, const struct run_key *key,
                                   enum wait_kind kind)
{
    struct waiting *waiting = xcalloc(1, sizeof(*waiting));
    struct queue *queue = find_queue(worker, key->job);

    if (!queue)
        queue = add_queue(worker, key->job);
    waiting->key = *key;
    waiting->kind = kind;
    list_append(&queue->list, &waiting->link);
    return waiting;
}

bool worker_end_waiting(struct worker *worker, const struct run_key *key,
                        const struct run_result *result, const char *reason)
{
    struct queue *queue = find_queue(worker, key->job);
    struct waiting *waiting;

    if (!queue)
        return false;
    list_for_each (waiting, &queue->list, link) {
        if (run_key_compare(&waiting->key, key) != 0 || waiting->kind == WAIT_RUN)
            continue;
        if (waiting->kind != WAIT_ENDED) {
            waiting->kind = WAIT_ENDED;
            waiting->result = *result;
            memcpy(waiting->reason, reason, MIN(strlen(reason), (size_t)LIMIT_REASON));
        }
        return true;
    }
    return false;
}

static struct waiting *take(struct worker *worker, struct queue *queue)
{
    struct waiting *waiting = list_take(&queue->list, struct waiting, link);

    if (list_is_empty(&queue->list)) {
        table_remove(&worker->waiting, &queue->node);
        free(queue);
    }
    return waiting;
}

struct waiting *worker_take_waiting(struct worker *worker, job_id job)
{
    struct queue *queue = find_queue(worker, job);

    return queue ? take(worker, queue) : NULL;
}

void worker_free_waiting(struct worker *worker)
{
    struct table_node *node;

    while ((node = table_after(&worker->waiting, NULL)))
        free(take(worker, container_of(node, struct queue, node)));
    table_release(&worker->waiting);
}
