/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sign_ins.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

enum { BUCKETS = 1024, WAYS = 4, COUNTS = 3 };

/* What is counted, how many failures are free, and the longest wait. */
static const struct rule {
    bool by_user, by_address;
    unsigned free;
    span_us most;
} rules[COUNTS] = {
    {true, true, 3, MINUTE},
    {false, true, 30, MINUTE},
    {true, false, 20, 5 * SECOND},
};

struct count {
    uint64_t key; /* 0: free */
    unsigned failures;
    mono_us last;
};

struct sign_ins {
    pthread_mutex_t mutex; /* protects all below */
    struct count counts[BUCKETS][WAYS];
};

struct sign_ins *sign_ins_new(void)
{
    struct sign_ins *sign_ins = xcalloc(1, sizeof(*sign_ins));

    pthread_mutex_init(&sign_ins->mutex, NULL);
    return sign_ins;
}

void sign_ins_free(struct sign_ins *sign_ins)
{
    if (!sign_ins)
        return;
    pthread_mutex_destroy(&sign_ins->mutex);
    free(sign_ins);
}

/* Which rule, and of whom; 0: the rule does not count this one. */
static uint64_t key_of(size_t rule, const char *user, const char *address)
{
    struct crypto_hash hash;
    uint8_t digest[CRYPTO_DIGEST];
    uint64_t key;

    if (rules[rule].by_address && !*address)
        return 0;
    crypto_hash_begin(&hash);
    crypto_hash_add(&hash, &rule, sizeof(rule));
    if (rules[rule].by_user)
        crypto_hash_add(&hash, user, strlen(user) + 1);
    if (rules[rule].by_address)
        crypto_hash_add(&hash, address, strlen(address) + 1);
    crypto_hash_end(&hash, digest);
    memcpy(&key, digest, sizeof(key));
    return key ? key : 1;
}

/* NULL: there is none. */
static struct count *find(struct sign_ins *sign_ins, uint64_t key)
{
    struct count *ways = sign_ins->counts[key % BUCKETS];

    for (size_t i = 0; key && i < WAYS; i++) {
        if (ways[i].key == key)
            return &ways[i];
    }
    return NULL;
}

static struct count *take_oldest(struct sign_ins *sign_ins, uint64_t key)
{
    struct count *ways = sign_ins->counts[key % BUCKETS];
    struct count *oldest = &ways[0];

    for (size_t i = 1; i < WAYS; i++) {
        if (!ways[i].key || (oldest->key && ways[i].last < oldest->last))
            oldest = &ways[i];
    }
    *oldest = (struct count){.key = key};
    return oldest;
}

static span_us wait_after(const struct rule *rule, unsigned failures)
{
    span_us wait = SECOND;

    if (failures < rule->free)
        return 0;
    for (unsigned i = rule->free; i < failures && wait < rule->most; i++)
        wait *= 2;
    return MIN(wait, rule->most);
}

static span_us wait_of(struct count *count, const struct rule *rule, mono_us now)
{
    if (!count)
        return 0;
    if (now - count->last > SIGN_IN_QUIET)
        count->failures = 0;
    return MAX(0, count->last + wait_after(rule, count->failures) - now);
}

static void note(struct sign_ins *sign_ins, uint64_t key, mono_us now)
{
    struct count *count = find(sign_ins, key);

    if (!key)
        return;
    if (!count)
        count = take_oldest(sign_ins, key);
    count->failures++;
    count->last = now;
}

span_us sign_ins_begin(struct sign_ins *sign_ins, const char *user, const char *address,
                       mono_us now)
{
    uint64_t keys[COUNTS];
    span_us wait = 0;

    for (size_t i = 0; i < COUNTS; i++)
        keys[i] = key_of(i, user, address);
    pthread_mutex_lock(&sign_ins->mutex);
    for (size_t i = 0; i < COUNTS; i++)
        wait = MAX(wait, wait_of(find(sign_ins, keys[i]), &rules[i], now));
    for (size_t i = 0; wait == 0 && i < COUNTS; i++)
        note(sign_ins, keys[i], now);
    pthread_mutex_unlock(&sign_ins->mutex);
    return wait;
}

void sign_ins_succeed(struct sign_ins *sign_ins, const char *user, const char *address)
{
    pthread_mutex_lock(&sign_ins->mutex);
    for (size_t i = 0; i < COUNTS; i++) {
        struct count *count = find(sign_ins, key_of(i, user, address));

        if (!count)
            continue;
        if (rules[i].by_user && rules[i].by_address)
            count->failures = 0;
        else if (count->failures)
            count->failures--; /* one's own success is no pardon for guesses at others */
    }
    pthread_mutex_unlock(&sign_ins->mutex);
}
