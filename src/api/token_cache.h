/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/token_cache.h: access tokens, kept close. Private to api/.
 *
 * The store is asked at most every TOKEN_CACHE_AGE, and at once after a change made here, so that a
 * token revoked anywhere is refused within that time. When the store does not answer nobody is let
 * in. Safe from any thread.
 */
#ifndef CRONJOB_API_TOKEN_CACHE_H
#define CRONJOB_API_TOKEN_CACHE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

#include "ports/clock.h"
#include "ports/store.h"

#define TOKEN_CACHE_AGE (2 * SECOND)

struct token_cache;

struct token_cache *token_cache_new(struct store *store, struct clock *clock);
void token_cache_free(struct token_cache *cache);

/*
 * As whom a secret acts; the name is the arena's. RC_UNAUTHORIZED: unknown, revoked or expired, all
 * told by the same words.
 */
MUST_USE enum rc token_cache_find(struct token_cache *cache, const char *secret,
                                  struct arena *arena, const char **ret_account, bool *ret_admin,
                                  struct err *err);

/* Tokens have changed: ask the store next time. */
void token_cache_expire(struct token_cache *cache);

#endif
