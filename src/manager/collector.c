/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of manager/collect.h. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

#include "manager/collect.h"

#define PASS_EVERY  HOUR
#define RETRY_AFTER MINUTE

enum { JOBS_MAX = 10000 }; /* others wait for the pass over all */

struct collector {
    struct collect_config config;
    pthread_t thread;
    mono_us files_at, outputs_at; /* when the next passes are due; the thread's */
    pthread_mutex_t mutex;        /* protects all below */
    pthread_cond_t told;
    struct map jobs; /* whose outputs are to be looked at */
    bool asked;      /* there are such */
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

/* When the next pass is due. */
static mono_us end_pass(struct collector *collector, const char *what, span_us every,
                        size_t removed, enum rc rc, const struct err *err)
{
    if (removed > 0)
        log_info("objects that nobody needs were removed", LOG_TEXT("kind", what),
                 LOG_U64("count", removed));
    if (rc != RC_OK)
        log_warn("objects that nobody needs were not removed, trying again", LOG_TEXT("kind", what),
                 LOG_ERR(err, rc));
    return clock_mono(collector->config.clock) + (rc == RC_OK ? every : RETRY_AFTER);
}

static void pass_files(struct collector *collector, const struct collect_config *config)
{
    span_us every = MIN(PASS_EVERY, MAX(config->keep_for / 2, SECOND));
    struct err err = {0};
    size_t removed = 0;
    enum rc rc;

    if (clock_mono(config->clock) < collector->files_at)
        return;
    rc = config->keep_for ? collect_files(config, &removed, &err) : RC_OK;
    collector->files_at = end_pass(collector, "executable", every, removed, rc, &err);
}

static job_id take_job(struct collector *collector)
{
    size_t at = 0;
    uint64_t job = 0, value;

    pthread_mutex_lock(&collector->mutex);
    collector->asked = false;
    if (map_next(&collector->jobs, &at, &job, &value))
        map_remove(&collector->jobs, job);
    pthread_mutex_unlock(&collector->mutex);
    return job;
}

/* Those of jobs that were asked for; when that fails, soon those of all. */
static void pass_jobs(struct collector *collector, const struct collect_config *config)
{
    struct err err = {0};
    size_t removed = 0, sum = 0;
    enum rc rc = RC_OK;
    job_id job;

    while (rc == RC_OK && config->goes_on(config->context) && (job = take_job(collector)) != 0) {
        rc = collect_outputs(config, job, &removed, &err);
        sum += removed;
    }
    if (rc != RC_OK || sum > 0)
        collector->outputs_at =
            MIN(collector->outputs_at, end_pass(collector, "output", PASS_EVERY, sum, rc, &err));
}

static void pass_outputs(struct collector *collector, const struct collect_config *config)
{
    struct err err = {0};
    size_t removed = 0;
    enum rc rc;

    if (clock_mono(config->clock) < collector->outputs_at)
        return;
    rc = collect_outputs(config, 0, &removed, &err);
    collector->outputs_at = end_pass(collector, "output", PASS_EVERY, removed, rc, &err);
}

/* When the next pass is due. */
static mono_us make_passes(struct collector *collector)
{
    struct collect_config config = collector->config;

    config.goes_on = goes_on;
    config.context = collector;
    pass_files(collector, &config);
    pass_outputs(collector, &config);
    pass_jobs(collector, &config);
    return MIN(collector->files_at, collector->outputs_at);
}

/* Until then, at most, or somebody wakes it. */
static void wait_until(struct collector *collector, mono_us deadline)
{
    span_us span = MAX(deadline - clock_mono(collector->config.clock), (span_us)SECOND);
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* there always is one */
    until.tv_sec += span / SECOND;
    pthread_mutex_lock(&collector->mutex);
    while (!collector->woken && !collector->asked && !collector->stopping)
        if (pthread_cond_timedwait(&collector->told, &collector->mutex, &until))
            break;
    if (collector->woken)
        collector->files_at = collector->outputs_at = 0;
    collector->woken = collector->asked = false;
    pthread_mutex_unlock(&collector->mutex);
}

static void *run(void *context)
{
    struct collector *collector = context;

    while (!is_stopping(collector)) {
        bool leads = collector->config.goes_on(collector->config.context);

        wait_until(collector, leads ? make_passes(collector)
                                    : clock_mono(collector->config.clock) + PASS_EVERY);
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
    map_release(&collector->jobs);
    pthread_cond_destroy(&collector->told);
    pthread_mutex_destroy(&collector->mutex);
    free(collector);
}

enum rc collector_new(const struct collect_config *config, struct collector **ret_collector,
                      struct err *err)
{
    struct collector *collector = xcalloc(1, sizeof(*collector));

    collector->config = *config;
    map_init(&collector->jobs);
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

void collector_look_at_outputs(struct collector *collector, job_id job)
{
    if (!collector)
        return;
    pthread_mutex_lock(&collector->mutex);
    if (collector->jobs.count < JOBS_MAX)
        map_put(&collector->jobs, job, 1);
    collector->asked = true;
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
