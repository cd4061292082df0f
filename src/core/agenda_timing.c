/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agenda_timing.h"

#include <string.h>

#include "base/check.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/table.h"

/* Those with the same hash form a chain that begins in the map. */
struct kept_schedule {
    struct kept_schedule *next;
    uint64_t uses;
    struct schedule schedule;
};

struct kept_policy {
    struct policy policy;
    uint64_t hash;
    uint32_t uses;
    uint32_t next; /* index + 1 in its chain; 0: the last */
};

/* A free place of the array holds the index + 1 of the next free one, marked as no pointer. */
static struct kept_policy *free_mark(uint32_t next)
{
    return (struct kept_policy *)((uintptr_t)next * 2 + 1);
}

static uint32_t free_next(const struct kept_policy *mark)
{
    return (uint32_t)((uintptr_t)mark / 2);
}

void timings_init(struct timings *timings)
{
    *timings = (struct timings){0};
    pool_init(&timings->schedules, sizeof(struct kept_schedule));
}

void timings_release(struct timings *timings)
{
    CHECK(timings->policy_count == 0);
    pool_release(&timings->schedules);
    map_release(&timings->schedules_by_hash);
    map_release(&timings->policies_by_hash);
    free(timings->policies);
}

static uint64_t key_of(const struct schedule *schedule)
{
    return schedule_hash(schedule) | 1; /* the map has no key 0 */
}

static struct kept_schedule *first_schedule(const struct timings *timings, uint64_t key)
{
    uint64_t value;

    return map_get(&timings->schedules_by_hash, key, &value)
               ? (struct kept_schedule *)(uintptr_t)value
               : NULL;
}

const struct schedule *timings_keep_schedule(struct timings *timings,
                                             const struct schedule *schedule)
{
    uint64_t key = key_of(schedule);
    struct kept_schedule *first = first_schedule(timings, key), *kept;

    for (kept = first; kept; kept = kept->next) {
        if (schedule_equal(&kept->schedule, schedule)) {
            kept->uses++;
            return &kept->schedule;
        }
    }
    kept = pool_alloc(&timings->schedules);
    *kept = (struct kept_schedule){.next = first, .uses = 1, .schedule = *schedule};
    map_put(&timings->schedules_by_hash, key, (uintptr_t)kept);
    return &kept->schedule;
}

void timings_drop_schedule(struct timings *timings, const struct schedule *schedule)
{
    uint64_t key = key_of(schedule);
    struct kept_schedule *first = first_schedule(timings, key), *kept, *before = NULL;

    for (kept = first; &kept->schedule != schedule; kept = kept->next)
        before = kept;
    if (--kept->uses)
        return;
    if (before)
        before->next = kept->next;
    else if (kept->next)
        map_put(&timings->schedules_by_hash, key, (uintptr_t)kept->next);
    else
        map_remove(&timings->schedules_by_hash, key);
    pool_free(&timings->schedules, kept);
}

static uint64_t policy_hash(const struct policy *policy)
{
    uint64_t words[sizeof(*policy) / sizeof(uint64_t)], hash = 0;

    memcpy(words, policy, sizeof(words));
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        hash = hash_mix(hash + words[i] + 0x9e3779b97f4a7c15u);
    return hash | 1;
}

_Static_assert(sizeof(struct policy) % sizeof(uint64_t) == 0, "every byte is hashed");

static void grow(struct timings *timings)
{
    uint32_t old = timings->policy_capacity;

    timings->policy_capacity = old ? old * 2 : 16;
    timings->policies =
        xrealloc(timings->policies, timings->policy_capacity, sizeof(struct kept_policy *));
    for (uint32_t i = old; i < timings->policy_capacity; i++)
        timings->policies[i] = free_mark(i + 1 < timings->policy_capacity ? i + 2 : 0);
    timings->policy_free = old + 1;
}

uint32_t timings_keep_policy(struct timings *timings, const struct policy *policy)
{
    uint64_t hash = policy_hash(policy), first = 0;
    struct kept_policy *kept;
    uint32_t index;

    (void)map_get(&timings->policies_by_hash, hash, &first); /* else the chain is empty */
    for (index = (uint32_t)first; index; index = kept->next) {
        kept = timings->policies[index - 1];
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): every byte is set, see the hash */
        if (memcmp(&kept->policy, policy, sizeof(*policy)) == 0) {
            kept->uses++;
            return index - 1;
        }
    }
    if (!timings->policy_free)
        grow(timings);
    index = timings->policy_free;
    timings->policy_free = free_next(timings->policies[index - 1]);
    kept = xmalloc(sizeof(*kept));
    memcpy(&kept->policy, policy, sizeof(*policy));
    kept->hash = hash;
    kept->uses = 1;
    kept->next = (uint32_t)first;
    timings->policies[index - 1] = kept;
    timings->policy_count++;
    map_put(&timings->policies_by_hash, hash, index);
    return index - 1;
}

static void unchain_policy(struct timings *timings, uint32_t gone)
{
    struct kept_policy *kept = timings->policies[gone - 1], *before;
    uint64_t first = 0;

    (void)map_get(&timings->policies_by_hash, kept->hash, &first); /* it is in there */
    if (first != gone) {
        before = timings->policies[first - 1];
        while (before->next != gone)
            before = timings->policies[before->next - 1];
        before->next = kept->next;
    } else if (kept->next) {
        map_put(&timings->policies_by_hash, kept->hash, kept->next);
    } else {
        map_remove(&timings->policies_by_hash, kept->hash);
    }
}

void timings_drop_policy(struct timings *timings, uint32_t policy)
{
    struct kept_policy *kept = timings->policies[policy];

    if (--kept->uses)
        return;
    unchain_policy(timings, policy + 1);
    free(kept);
    timings->policies[policy] = free_mark(timings->policy_free);
    timings->policy_free = policy + 1;
    timings->policy_count--;
}

const struct policy *timings_policy(const struct timings *timings, uint32_t policy)
{
    return &timings->policies[policy]->policy;
}
