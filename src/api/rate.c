/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rate.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUCKETS = 1024 };

/* In microseconds of the rate: a request costs SECOND / a_second of them. */
struct bucket {
    uint64_t key;
    mono_us at;
    span_us left;
};

struct rate {
    unsigned a_second;
    pthread_mutex_t mutex; /* protects the buckets */
    struct bucket buckets[BUCKETS];
};

struct rate *rate_new(unsigned a_second)
{
    struct rate *rate = xcalloc(1, sizeof(*rate));

    rate->a_second = a_second;
    pthread_mutex_init(&rate->mutex, NULL);
    return rate;
}

void rate_free(struct rate *rate)
{
    if (!rate)
        return;
    pthread_mutex_destroy(&rate->mutex);
    free(rate);
}

/* FNV-1a. */
static uint64_t key_of(const char *name)
{
    uint64_t key = 0xcbf29ce484222325u;

    for (; *name; name++)
        key = (key ^ (unsigned char)*name) * 0x100000001b3u;
    return key;
}

static bool take(struct bucket *bucket, uint64_t key, span_us cost, mono_us now)
{
    if (bucket->key != key)
        *bucket = (struct bucket){.key = key, .at = now, .left = RATE_BURST * SECOND};
    bucket->left = MIN(bucket->left + (now - bucket->at), RATE_BURST * SECOND);
    bucket->at = now;
    if (bucket->left < cost)
        return false;
    bucket->left -= cost;
    return true;
}

bool rate_admits(struct rate *rate, const char *name, mono_us now)
{
    uint64_t key = key_of(name);
    bool admits;

    if (!rate->a_second)
        return true;
    pthread_mutex_lock(&rate->mutex);
    admits = take(&rate->buckets[key % BUCKETS], key, SECOND / rate->a_second, now);
    pthread_mutex_unlock(&rate->mutex);
    return admits;
}
