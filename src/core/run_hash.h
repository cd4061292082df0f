/* SPDX-License-Identifier: Apache-2.0 */
/* core/run_hash.h: run keys as keys of a hash table. */
#ifndef CRONJOB_CORE_RUN_HASH_H
#define CRONJOB_CORE_RUN_HASH_H

#include "base/table.h"

#include "core/run.h"

static inline uint64_t run_key_hash(const struct run_key *key)
{
    uint64_t attempt = ((uint64_t)key->target << 32) | key->attempt;

    return hash_mix(key->job ^ hash_mix((uint64_t)key->scheduled_at ^ hash_mix(attempt)));
}

#endif
