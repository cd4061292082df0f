/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/people.h: users and access tokens, kept close: who somebody is and what they may. Private to
 * api/.
 *
 * The store is asked at most every PEOPLE_AGE, and at once after a change made here, so that what
 * was revoked or taken away anywhere is refused within that time; for somebody who is not known,
 * at most every PEOPLE_AGE_NEW, so that who was made anywhere is soon let in. When the
 * store does not answer nobody is let in. Safe from any thread.
 *
 * Where managers seal, a user or token that none has sealed (api/seals.h) is as if it were not
 * there. But nobody is let in by the name of such a user: without the row it might be an account's,
 * which may more than the user might.
 *
 * Who is known by a name has the rights of the user of that name. An account without a user is an
 * editor who runs jobs as itself; the accounts that may do everything on the machine (root, the
 * server's own) have every right, with or without a user.
 */
#ifndef CRONJOB_API_PEOPLE_H
#define CRONJOB_API_PEOPLE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

#include "core/rights.h"

#include "ports/clock.h"
#include "ports/store.h"

#define PEOPLE_AGE     (2 * SECOND)
#define PEOPLE_AGE_NEW (100 * MILLISECOND) /* before somebody is taken for unknown */
#define TOKEN_USE_AGE  MINUTE /* how old the time of a token's last use gets before it is told */

struct people;

/* `seal`: as api_config's. */
struct people *people_new(struct store *store, struct clock *clock, const uint8_t *seal);
void people_free(struct people *people);

/* Memory is the arena's that was given. */
struct person {
    const char *name;
    struct rights rights;
    const char *token; /* its id; NULL: known without one */
    bool session;      /* the token is of a sign-in */
    bool tells_use;    /* the token's last use is to be told to the store */
};

/*
 * Whom a secret stands for, capped to the token's scope. RC_UNAUTHORIZED: unknown, revoked,
 * expired, or of a user that is disabled or not sealed, all told by the same words.
 */
MUST_USE enum rc people_find_secret(struct people *people, const char *secret, struct arena *arena,
                                    struct person *ret_person, struct err *err);

/* An account of this machine. `is_master`: it holds every right. RC_UNAUTHORIZED: its user is
 * disabled or not sealed. */
MUST_USE enum rc people_find_account(struct people *people, const char *name, bool is_master,
                                     struct arena *arena, struct person *ret_person,
                                     struct err *err);

/* A user, strings copied. RC_NOT_FOUND, also when it is not sealed: the message tells. */
MUST_USE enum rc people_find_user(struct people *people, const char *name, struct arena *arena,
                                  struct user_record *ret_user, struct err *err);

/* What a token would carry that acts as this name: the user's rights, or an account's own.
 * RC_FORBIDDEN: the user is not sealed. */
MUST_USE enum rc people_rights_of(struct people *people, const char *name, struct arena *arena,
                                  struct rights *ret_rights, struct err *err);

/* Whether somebody who was let in before would be again, seeing as much: `token` is the id of the
 * token used, or NULL. A store that does not answer has taken nothing away. */
bool people_still_admit(struct people *people, const char *name, const char *token,
                        const struct rights *rights);

/* Whether one that was read from the store counts; also within a visit of the store. */
bool people_take_user(struct people *people, const struct user_record *user);
bool people_take_token(struct people *people, const struct access_token *token);

/* Users or tokens have changed: ask the store next time. */
void people_expire(struct people *people);

struct rights rights_of_user(const struct user_record *user);

#endif
