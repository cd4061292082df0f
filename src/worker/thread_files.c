/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads on which files are waited for: one for copies on the disk, and two for downloads,
 * each of which has one at a time (file.c), so that an object store that does not answer holds up
 * nothing that is here.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#include "worker/internal.h"

enum { FETCHERS = 3 };

struct fetcher {
    struct worker *worker;
    struct mailbox inbox;
    pthread_t thread;
    bool running;
    atomic_size_t waiting;
};

/* A fetch without files is the sign to stop. */
static bool take(struct fetcher *fetcher, struct fetch *fetch)
{
    if (!fetch->files) {
        free(fetch);
        return false;
    }
    fetch_execute(fetch);
    atomic_fetch_sub(&fetcher->waiting, 1);
    worker_return_fetch(fetcher->worker, fetch);
    return true;
}

static void *run_fetcher(void *context)
{
    struct fetcher *fetcher = context;
    struct pollfd pollfd = {.fd = fetcher->inbox.fd, .events = POLLIN};
    bool more = true;

    while (more) {
        struct mail *mail = mailbox_take_all(&fetcher->inbox);

        if (!mail)
            (void)poll(&pollfd, 1, -1); /* the stop comes by the same way */
        while (mail) {
            struct fetch *fetch = container_of(mail, struct fetch, mail);

            mail = mail->next;
            more = take(fetcher, fetch) && more;
        }
    }
    return NULL;
}

/* The first is for the disk. */
static struct fetcher *choose(struct worker *worker, enum fetch_kind kind)
{
    struct fetcher *fetchers = worker->fetchers;

    if (kind != FETCH_DOWNLOAD)
        return &fetchers[0];
    return atomic_load(&fetchers[1].waiting) <= atomic_load(&fetchers[2].waiting) ? &fetchers[1]
                                                                                  : &fetchers[2];
}

static void hand_over(void *context, struct fetch *fetch)
{
    struct fetcher *fetcher = choose(context, fetch->kind);

    atomic_fetch_add(&fetcher->waiting, 1);
    mailbox_post(&fetcher->inbox, &fetch->mail);
}

static enum rc start(struct fetcher *fetcher, struct worker *worker, struct err *err)
{
    enum rc rc = mailbox_init(&fetcher->inbox, err);

    if (rc != RC_OK)
        return rc;
    fetcher->worker = worker;
    fetcher->running = pthread_create(&fetcher->thread, NULL, run_fetcher, fetcher) == 0;
    if (fetcher->running)
        return RC_OK;
    mailbox_release(&fetcher->inbox);
    return err_fail(err, RC_INTERNAL, "the worker's threads cannot be created");
}

enum rc worker_start_fetchers(struct worker *worker, struct err *err)
{
    enum rc rc = RC_OK;

    if (!worker->config.files)
        return RC_OK;
    worker->fetchers = xcalloc(FETCHERS, sizeof(*worker->fetchers));
    worker->config.fetch = hand_over;
    for (int i = 0; i < FETCHERS && rc == RC_OK; i++)
        rc = start(&worker->fetchers[i], worker, err);
    return rc;
}

static void stop(struct fetcher *fetcher)
{
    struct fetch *fetch = xcalloc(1, sizeof(*fetch));

    mailbox_post(&fetcher->inbox, &fetch->mail);
    (void)pthread_join(fetcher->thread, NULL); /* fails only for a thread that is not there */
    mailbox_release(&fetcher->inbox);
}

void worker_stop_fetchers(struct worker *worker)
{
    for (int i = 0; worker->fetchers && i < FETCHERS; i++)
        if (worker->fetchers[i].running)
            stop(&worker->fetchers[i]);
    free(TAKE(worker->fetchers));
}
