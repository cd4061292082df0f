/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of manager/collect.h. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "manager/collect.h"

#define PASS_EVERY  HOUR
#define RETRY_AFTER MINUTE

struct collector {
    struct collect_config config;
    pthread_t thread;
    pthread_mutex_t mutex; /* protects the two below */
    pthread_cond_t told;
    bool woken;
    bool stopping;
};

static bool is_stopping(struct collector *collector)
{
    bool stopping;

    pthread_mutex_lock(&collector->mutex);
    stopping = collector->stopping;
    pthread_mutex_unlock(&collector->mutex);
    return stopping;
}

static bool goes_on(void *context)
{
    struct collector *collector = context;

    return !is_stopping(collector) && collector->config.goes_on(collector->config.context);
}

/* When the next pass is due, counted from now. */
static span_us make_pass(struct collector *collector)
{
    struct collect_config config = collector->config;
    struct err err = {0};
    size_t removed = 0;
    enum rc rc;

    config.goes_on = goes_on;
    config.context = collector;
    rc = collect_files(&config, &removed, &err);
    if (removed > 0)
        log_info("files that nobody needs were removed", LOG_U64("count", removed));
    if (rc == RC_OK)
        return MIN(PASS_EVERY, MAX(config.keep_for / 2, SECOND));
    log_warn("files that nobody needs were not removed, trying again", LOG_ERR(&err, rc));
    return RETRY_AFTER;
}

/* Until so much time has passed, at most, or somebody wakes it. */
static void wait_for(struct collector *collector, span_us span)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* there always is one */
    until.tv_sec += span / SECOND;
    pthread_mutex_lock(&collector->mutex);
    while (!collector->woken && !collector->stopping)
        if (pthread_cond_timedwait(&collector->told, &collector->mutex, &until))
            break;
    collector->woken = false;
    pthread_mutex_unlock(&collector->mutex);
}

static void *run(void *context)
{
    struct collector *collector = context;

    while (!is_stopping(collector)) {
        bool leads = collector->config.goes_on(collector->config.context);

        wait_for(collector, leads ? make_pass(collector) : PASS_EVERY);
    }
    return NULL;
}

static void init_sync(struct collector *collector)
{
    pthread_condattr_t attributes;

    CHECK(pthread_mutex_init(&collector->mutex, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&collector->told, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

static void release(struct collector *collector)
{
    pthread_cond_destroy(&collector->told);
    pthread_mutex_destroy(&collector->mutex);
    free(collector);
}

enum rc collector_new(const struct collect_config *config, struct collector **ret_collector,
                      struct err *err)
{
    struct collector *collector = xcalloc(1, sizeof(*collector));

    collector->config = *config;
    init_sync(collector);
    if (pthread_create(&collector->thread, NULL, run, collector)) {
        release(collector);
        return err_fail(err, RC_INTERNAL, "the collector's thread cannot be created");
    }
    *ret_collector = collector;
    return RC_OK;
}

void collector_wake(struct collector *collector)
{
    if (!collector)
        return;
    pthread_mutex_lock(&collector->mutex);
    collector->woken = true;
    pthread_cond_signal(&collector->told);
    pthread_mutex_unlock(&collector->mutex);
}

void collector_free(struct collector *collector)
{
    if (!collector)
        return;
    pthread_mutex_lock(&collector->mutex);
    collector->stopping = true;
    pthread_cond_signal(&collector->told);
    pthread_mutex_unlock(&collector->mutex);
    CHECK(pthread_join(collector->thread, NULL) == 0);
    release(collector);
}
