/* SPDX-License-Identifier: Apache-2.0 */
#include "api/backends.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "core/limits.h"

#define READ_EVERY (2 * SECOND)

/* A worker with a crontab. */
struct known {
    char name[LIMIT_NAME + 1];
    const struct zone *local; /* which its cron goes by */
};

struct backends {
    struct store *store;
    struct zones *zones;
    mono_us (*mono)(void);
    pthread_mutex_t mutex; /* protects all below */
    struct known *known;
    size_t count;
    mono_us read_at; /* 0: never */
};

struct backends *backends_new(struct store *store, struct zones *zones, mono_us (*mono)(void))
{
    struct backends *backends = xcalloc(1, sizeof(*backends));

    backends->store = store;
    backends->zones = zones;
    backends->mono = mono;
    pthread_mutex_init(&backends->mutex, NULL);
    return backends;
}

void backends_free(struct backends *backends)
{
    if (!backends)
        return;
    free(backends->known);
    pthread_mutex_destroy(&backends->mutex);
    free(backends);
}

struct reading {
    struct zones *zones;
    struct known *known;
    size_t count, capacity;
};

/* What could not be written is the timer's, as is a zone that is not known here. */
static bool visit_worker(void *context, const struct worker_record *worker)
{
    struct reading *reading = context;
    struct backend backend = backend_parse(worker->backend);
    const struct zone *local;

    if (!backend.crontab || backend.cron == CRON_UNWRITTEN ||
        zones_get(reading->zones, backend.time_zone, &local, NULL) != RC_OK)
        return true;
    reading->known =
        xgrow(reading->known, reading->count, &reading->capacity, sizeof(*reading->known));
    reading->known[reading->count].local = local;
    (void)snprintf(reading->known[reading->count++].name, sizeof(reading->known->name), "%s",
                   worker->name); /* fits by the limit of names */
    return true;
}

/* Who comes meanwhile makes do with what was read before. */
static void read_again(struct backends *backends)
{
    struct reading reading = {.zones = backends->zones};
    enum rc rc = store_read_workers(backends->store, visit_worker, &reading, NULL);

    if (rc == RC_OK) {
        struct known *old;

        pthread_mutex_lock(&backends->mutex);
        old = backends->known;
        backends->known = TAKE(reading.known);
        backends->count = reading.count;
        pthread_mutex_unlock(&backends->mutex);
        free(old);
    }
    free(reading.known);
}

static bool is_old(struct backends *backends)
{
    mono_us now = backends->mono();
    bool old;

    pthread_mutex_lock(&backends->mutex);
    old = !backends->read_at || now - backends->read_at >= READ_EVERY;
    if (old)
        backends->read_at = now;
    pthread_mutex_unlock(&backends->mutex);
    return old;
}

static const struct zone *find(struct backends *backends, const char *worker)
{
    const struct zone *local = NULL;

    pthread_mutex_lock(&backends->mutex);
    for (size_t i = 0; i < backends->count && !local; i++)
        if (strcmp(backends->known[i].name, worker) == 0)
            local = backends->known[i].local;
    pthread_mutex_unlock(&backends->mutex);
    return local;
}

const char *backends_scheduler(struct backends *backends, const char *worker,
                               const struct crontab_timing *timing)
{
    struct crontab_timing local = *timing;

    if (is_old(backends))
        read_again(backends);
    local.local = find(backends, worker);
    return local.local && !crontab_obstacle(&local) ? "crontab" : "timer";
}
