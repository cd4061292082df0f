/* SPDX-License-Identifier: Apache-2.0 */
#include "api/transfers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

struct transfers {
    pthread_mutex_t mutex; /* protects all below */
    pthread_cond_t work;   /* something waits, or it stops */
    struct transfer *first, **end;
    size_t waiting, capacity;
    pthread_t *threads;
    unsigned thread_count, thread_limit, idle;
    bool stopping;
};

struct transfers *transfers_new(unsigned threads, size_t capacity)
{
    struct transfers *transfers = xcalloc(1, sizeof(*transfers));

    CHECK(pthread_mutex_init(&transfers->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&transfers->work, NULL) == 0);
    transfers->end = &transfers->first;
    transfers->capacity = capacity;
    transfers->threads = xcalloc(threads, sizeof(*transfers->threads));
    transfers->thread_limit = threads;
    return transfers;
}

/* The oldest that waits, NULL when there is none. */
static struct transfer *take(struct transfers *transfers)
{
    struct transfer *transfer = transfers->first;

    if (!transfer)
        return NULL;
    transfers->first = transfer->next;
    if (!transfers->first)
        transfers->end = &transfers->first;
    transfers->waiting--;
    return transfer;
}

static void *work(void *context)
{
    struct transfers *transfers = context;

    pthread_mutex_lock(&transfers->mutex);
    for (;;) {
        struct transfer *transfer = take(transfers);
        bool cancelled = transfers->stopping;

        if (transfer) {
            pthread_mutex_unlock(&transfers->mutex);
            transfer->run(transfer, cancelled);
            pthread_mutex_lock(&transfers->mutex);
            continue;
        }
        if (transfers->stopping)
            break;
        transfers->idle++;
        (void)pthread_cond_wait(&transfers->work, &transfers->mutex); /* until stop() at most */
        transfers->idle--;
    }
    pthread_mutex_unlock(&transfers->mutex);
    return NULL;
}

/* False when there is no thread to do it and none can be made. */
static bool find_thread(struct transfers *transfers)
{
    if (transfers->waiting < transfers->idle || transfers->thread_count == transfers->thread_limit)
        return true;
    if (pthread_create(&transfers->threads[transfers->thread_count], NULL, work, transfers) == 0)
        transfers->thread_count++;
    return transfers->thread_count > 0;
}

static enum rc submit(struct transfers *transfers, struct transfer *transfer, struct err *err)
{
    if (transfers->stopping)
        return err_fail(err, RC_CLOSED, "the server is stopping");
    if (transfers->waiting >= transfers->capacity)
        return err_fail(err, RC_BUSY, "%zu are waiting already", transfers->waiting);
    if (!find_thread(transfers))
        return err_fail(err, RC_BUSY, "no thread can be made");
    transfer->next = NULL;
    *transfers->end = transfer;
    transfers->end = &transfer->next;
    transfers->waiting++;
    pthread_cond_signal(&transfers->work);
    return RC_OK;
}

enum rc transfers_submit(struct transfers *transfers, struct transfer *transfer, struct err *err)
{
    enum rc rc;

    pthread_mutex_lock(&transfers->mutex);
    rc = submit(transfers, transfer, err);
    pthread_mutex_unlock(&transfers->mutex);
    return rc;
}

void transfers_stop(struct transfers *transfers)
{
    pthread_mutex_lock(&transfers->mutex);
    transfers->stopping = true;
    pthread_cond_broadcast(&transfers->work);
    pthread_mutex_unlock(&transfers->mutex);
    for (unsigned i = 0; i < transfers->thread_count; i++) /* nobody adds any more */
        CHECK(pthread_join(transfers->threads[i], NULL) == 0);
    transfers->thread_count = 0;
}

void transfers_free(struct transfers *transfers)
{
    if (!transfers)
        return;
    transfers_stop(transfers);
    CHECK(!transfers->first);
    pthread_cond_destroy(&transfers->work);
    pthread_mutex_destroy(&transfers->mutex);
    free(transfers->threads);
    free(transfers);
}
