/* SPDX-License-Identifier: Apache-2.0 */
/* The manager on a thread of its own: a loop that steps it when something came or is due. */
#include <stdlib.h>

#include "base/mem.h"

#include "manager/collect.h"
#include "manager/internal.h"

static void something_came(struct loop_source *source, uint32_t events)
{
    (void)source; /* the step that follows takes it */
    (void)events;
}

static void *run(void *context)
{
    struct manager *manager = context;
    mono_us next = 0;

    while (!atomic_load(&manager->stopping)) {
        (void)loop_run_once(&manager->loop, next); /* only loop_stop() answers false */
        next = manager_step(manager);
    }
    return NULL;
}

static bool still_leads(void *context)
{
    return manager_leads(context);
}

static enum rc start_collector(struct manager *manager, struct err *err)
{
    struct collect_config config = {.store = manager->config.store,
                                    .objects = manager->config.objects,
                                    .clock = manager->config.clock,
                                    .keep_for = manager->config.keep_files_for,
                                    .goes_on = still_leads,
                                    .context = manager};

    if (!config.objects || !*objects_url(config.objects))
        return RC_OK;
    return collector_new(&config, &manager->collector, err);
}

enum rc manager_start(struct manager *manager, struct err *err)
{
    enum rc rc = loop_init(&manager->loop, err);

    if (rc != RC_OK)
        return rc;
    manager->inbox_source = (struct loop_source){manager->inbox.fd, something_came};
    manager->news_source = (struct loop_source){manager->news.fd, something_came};
    rc = loop_add(&manager->loop, &manager->inbox_source, EPOLLIN, err);
    if (rc == RC_OK)
        rc = loop_add(&manager->loop, &manager->news_source, EPOLLIN, err);
    if (rc == RC_OK)
        rc = start_collector(manager, err);
    if (rc == RC_OK && pthread_create(&manager->thread, NULL, run, manager))
        rc = err_fail(err, RC_INTERNAL, "the manager's thread cannot be created");
    if (rc != RC_OK) {
        collector_free(TAKE(manager->collector));
        loop_release(&manager->loop);
        return rc;
    }
    manager->started = true;
    return RC_OK;
}

void manager_stop(struct manager *manager)
{
    struct news *news;

    atomic_store(&manager->closed, true);
    if (!manager->started)
        return;
    atomic_store(&manager->stopping, true);
    news = xcalloc(1, sizeof(*news));
    news->kind = NEWS_STOP;
    mailbox_post(&manager->news, &news->mail);
    (void)pthread_join(manager->thread, NULL); /* fails only for a thread that is not there */
    collector_free(TAKE(manager->collector));
    if (manager->leads)
        coordination_resign(manager->config.coordination);
    loop_remove(&manager->loop, &manager->inbox_source);
    loop_remove(&manager->loop, &manager->news_source);
    loop_release(&manager->loop);
    manager->started = false;
}
