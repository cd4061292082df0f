/* SPDX-License-Identifier: Apache-2.0 */
#include "api/token_cache.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

#include "api/secret.h"

struct entry {
    uint8_t hash[SECRET_DIGEST];
    instant_us expires_at;
    bool admin;
    const char *account; /* of the cache's arena */
};

struct token_cache {
    struct store *store;
    struct clock *clock;
    pthread_mutex_t mutex; /* protects all below */
    struct arena arena;
    struct entry *entries;
    size_t count, capacity;
    bool fresh;
    mono_us read_at;
};

struct token_cache *token_cache_new(struct store *store, struct clock *clock)
{
    struct token_cache *cache = xcalloc(1, sizeof(*cache));

    cache->store = store;
    cache->clock = clock;
    pthread_mutex_init(&cache->mutex, NULL);
    return cache;
}

void token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    arena_release(&cache->arena);
    free(cache->entries);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

static bool keep_token(void *context, const struct access_token *token)
{
    struct token_cache *cache = context;
    struct entry *entry;

    if (cache->count == cache->capacity) {
        cache->capacity = cache->capacity ? cache->capacity * 2 : 16;
        cache->entries = xrealloc(cache->entries, cache->capacity, sizeof(*cache->entries));
    }
    entry = &cache->entries[cache->count++];
    *entry = (struct entry){.expires_at = token->expires_at,
                            .admin = token->admin,
                            .account = arena_strdup(&cache->arena, token->account)};
    memcpy(entry->hash, token->hash, sizeof(entry->hash));
    return true;
}

static enum rc refresh(struct token_cache *cache, struct err *err)
{
    mono_us now = clock_mono(cache->clock);
    enum rc rc;

    if (cache->fresh && now - cache->read_at < TOKEN_CACHE_AGE)
        return RC_OK;
    cache->fresh = false;
    cache->count = 0;
    arena_release(&cache->arena);
    rc = store_read_tokens(cache->store, keep_token, cache, err);
    if (rc != RC_OK)
        return rc;
    cache->fresh = true;
    cache->read_at = now;
    return RC_OK;
}

/* Looks at every entry, so that the time taken says nothing of which one matched. */
static const struct entry *find(const struct token_cache *cache, const uint8_t *hash)
{
    const struct entry *found = NULL;

    for (size_t i = 0; i < cache->count; i++)
        if (secret_equal(cache->entries[i].hash, hash))
            found = &cache->entries[i];
    return found;
}

enum rc token_cache_find(struct token_cache *cache, const char *secret, struct arena *arena,
                         const char **ret_account, bool *ret_admin, struct err *err)
{
    uint8_t hash[SECRET_DIGEST];
    const struct entry *entry;
    enum rc rc;

    secret_digest(secret, strlen(secret), hash);
    pthread_mutex_lock(&cache->mutex);
    rc = refresh(cache, err);
    if (rc == RC_OK) {
        entry = find(cache, hash);
        if (!entry ||
            (entry->expires_at != INSTANT_NONE && entry->expires_at <= clock_now(cache->clock))) {
            rc = err_fail(err, RC_UNAUTHORIZED, "the token is not valid (any more)");
        } else {
            *ret_account = arena_strdup(arena, entry->account);
            *ret_admin = entry->admin;
        }
    }
    pthread_mutex_unlock(&cache->mutex);
    return rc;
}

void token_cache_expire(struct token_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    cache->fresh = false;
    pthread_mutex_unlock(&cache->mutex);
}
