/* SPDX-License-Identifier: Apache-2.0 */
#include "api/people.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "api/seals.h"
#include "api/secret.h"

struct known_user {
    struct user_record record;
    bool is_sealed;
};

/* What the store had when it was asked last. */
struct picture {
    struct seals *seals; /* the people's */
    struct arena arena;
    struct access_token *tokens; /* by hash; those that are sealed */
    size_t token_count, token_capacity;
    struct known_user *users; /* by name */
    size_t user_count, user_capacity;
};

struct people {
    struct store *store;
    struct clock *clock;
    struct seals *seals;
    pthread_mutex_t mutex; /* protects all below */
    struct picture picture;
    bool fresh;
    mono_us read_at;
};

struct people *people_new(struct store *store, struct clock *clock, const uint8_t *seal)
{
    struct people *people = xcalloc(1, sizeof(*people));

    people->store = store;
    people->clock = clock;
    people->seals = seals_new(seal);
    pthread_mutex_init(&people->mutex, NULL);
    return people;
}

static void picture_release(struct picture *picture)
{
    arena_release(&picture->arena);
    free(picture->tokens);
    free(picture->users);
    *picture = (struct picture){0};
}

void people_free(struct people *people)
{
    if (!people)
        return;
    picture_release(&people->picture);
    seals_free(people->seals);
    pthread_mutex_destroy(&people->mutex);
    free(people);
}

/* ---- reading the store ------------------------------------------------------------------------
 */

static bool keep_token(void *context, const struct access_token *token)
{
    struct picture *picture = context;
    struct access_token *kept;

    if (!seals_fit_token(picture->seals, token))
        return true;
    picture->tokens = xgrow(picture->tokens, picture->token_count, &picture->token_capacity,
                            sizeof(*picture->tokens));
    kept = &picture->tokens[picture->token_count++];
    *kept = *token;
    kept->id = arena_strdup(&picture->arena, token->id);
    kept->name = "";
    kept->account = arena_strdup(&picture->arena, token->account);
    kept->seal = "";
    return true;
}

static struct user_record copy_user(struct arena *arena, const struct user_record *user)
{
    struct user_record copy = *user;

    copy.name = arena_strdup(arena, user->name);
    copy.password = arena_strdup(arena, user->password);
    copy.seal = "";
    copy.accounts = strings_copy(&user->accounts, arena);
    return copy;
}

static bool keep_user(void *context, const struct user_record *user)
{
    struct picture *picture = context;

    picture->users = xgrow(picture->users, picture->user_count, &picture->user_capacity,
                           sizeof(*picture->users));
    picture->users[picture->user_count++] =
        (struct known_user){copy_user(&picture->arena, user), seals_fit_user(picture->seals, user)};
    return true;
}

static int compare_tokens(const void *a, const void *b)
{
    return memcmp(((const struct access_token *)a)->hash, ((const struct access_token *)b)->hash,
                  SECRET_DIGEST);
}

static int compare_users(const void *a, const void *b)
{
    return strcmp(((const struct known_user *)a)->record.name,
                  ((const struct known_user *)b)->record.name);
}

/*
 * By search, not in constant time: what is compared are digests, and how long that takes says
 * something of the digest only, from which nobody gets to the secret.
 */
static struct access_token *find_token(const struct picture *picture, const uint8_t *hash)
{
    struct access_token wanted = {0};

    if (!picture->token_count)
        return NULL;
    memcpy(wanted.hash, hash, sizeof(wanted.hash));
    return bsearch(&wanted, picture->tokens, picture->token_count, sizeof(wanted), compare_tokens);
}

static const struct known_user *find_user(const struct picture *picture, const char *name)
{
    struct known_user wanted = {.record.name = name};

    if (!picture->user_count)
        return NULL;
    return bsearch(&wanted, picture->users, picture->user_count, sizeof(wanted), compare_users);
}

/* A use that was told may not be in the store yet; it must not be told again each time. */
static void keep_uses(const struct picture *old, struct picture *fresh)
{
    for (size_t i = 0; i < fresh->token_count; i++) {
        const struct access_token *token = find_token(old, fresh->tokens[i].hash);

        if (token)
            fresh->tokens[i].last_used_at = MAX(fresh->tokens[i].last_used_at, token->last_used_at);
    }
}

static enum rc refresh(struct people *people, span_us age, struct err *err)
{
    struct picture fresh = {.seals = people->seals};
    mono_us now = clock_mono(people->clock);
    enum rc rc;

    if (people->fresh && now - people->read_at < age)
        return RC_OK;
    people->fresh = false;
    rc = store_read_tokens(people->store, keep_token, &fresh, err);
    if (rc == RC_OK)
        rc = store_read_users(people->store, keep_user, &fresh, err);
    if (rc != RC_OK) {
        picture_release(&fresh);
        return rc;
    }
    if (fresh.token_count)
        qsort(fresh.tokens, fresh.token_count, sizeof(*fresh.tokens), compare_tokens);
    if (fresh.user_count)
        qsort(fresh.users, fresh.user_count, sizeof(*fresh.users), compare_users);
    seals_turn(people->seals);
    keep_uses(&people->picture, &fresh);
    picture_release(&people->picture);
    people->picture = fresh;
    people->fresh = true;
    people->read_at = now;
    return RC_OK;
}

void people_expire(struct people *people)
{
    pthread_mutex_lock(&people->mutex);
    people->fresh = false;
    pthread_mutex_unlock(&people->mutex);
}

/* ---- who somebody is --------------------------------------------------------------------------
 */

struct rights rights_of_user(const struct user_record *user)
{
    struct rights rights = rights_of_role(user->role);

    rights.privileged = user->privileged;
    rights.accounts = user->accounts;
    return rights;
}

static struct rights rights_of_name(const struct picture *picture, const char *name,
                                    struct arena *arena)
{
    const struct known_user *user = find_user(picture, name);
    struct rights rights;

    if (user) {
        rights = rights_of_user(&user->record);
    } else {
        rights = rights_of_role(ROLE_EDITOR);
        rights.accounts = (struct strings){&name, 1};
    }
    rights.accounts = strings_copy(&rights.accounts, arena);
    return rights;
}

static enum rc check_sealed(const struct known_user *user, enum rc otherwise, struct err *err)
{
    if (!user || user->is_sealed)
        return RC_OK;
    return err_fail(err, otherwise, "no manager signed the user %s: see `cronjob sign`",
                    user->record.name);
}

/* RC_UNAUTHORIZED: nobody is let in by this name. */
static enum rc check_name(const struct picture *picture, const char *name, struct err *err)
{
    const struct known_user *user = find_user(picture, name);
    enum rc rc = check_sealed(user, RC_UNAUTHORIZED, err);

    if (rc == RC_OK && user && user->record.disabled)
        rc = err_fail(err, RC_UNAUTHORIZED, "the user %s is disabled", name);
    return rc;
}

static void note_use(struct access_token *token, instant_us now, struct person *person)
{
    if (token->last_used_at != INSTANT_NONE && now - token->last_used_at < TOKEN_USE_AGE)
        return;
    token->last_used_at = now;
    person->tells_use = true;
}

static enum rc identify(struct people *people, const uint8_t *hash, struct arena *arena,
                        struct person *ret_person, struct err *err)
{
    struct picture *picture = &people->picture;
    struct access_token *token = find_token(picture, hash);
    instant_us now = clock_now(people->clock);
    struct rights rights;

    if (!token || (token->expires_at != INSTANT_NONE && token->expires_at <= now) ||
        check_name(picture, token->account, NULL) != RC_OK)
        return err_fail(err, RC_UNAUTHORIZED, "the token is not valid (any more)");
    rights = token->admin ? rights_of_all() : rights_of_name(picture, token->account, arena);
    *ret_person = (struct person){
        .name = arena_strdup(arena, token->account),
        .rights = rights_capped(&rights, token->scope),
        .token = arena_strdup(arena, token->id),
        .session = token->session,
    };
    note_use(token, now, ret_person);
    return RC_OK;
}

enum rc people_find_secret(struct people *people, const char *secret, struct arena *arena,
                           struct person *ret_person, struct err *err)
{
    uint8_t hash[SECRET_DIGEST];
    enum rc rc;

    secret_digest(secret, strlen(secret), hash);
    pthread_mutex_lock(&people->mutex);
    rc = refresh(people, PEOPLE_AGE, err);
    if (rc == RC_OK && !find_token(&people->picture, hash))
        rc = refresh(people, PEOPLE_AGE_NEW, err);
    if (rc == RC_OK)
        rc = identify(people, hash, arena, ret_person, err);
    pthread_mutex_unlock(&people->mutex);
    return rc;
}

enum rc people_find_account(struct people *people, const char *name, bool is_master,
                            struct arena *arena, struct person *ret_person, struct err *err)
{
    enum rc rc;

    if (is_master) {
        *ret_person = (struct person){.name = arena_strdup(arena, name), .rights = rights_of_all()};
        return RC_OK;
    }
    pthread_mutex_lock(&people->mutex);
    rc = refresh(people, PEOPLE_AGE, err);
    if (rc == RC_OK)
        rc = check_name(&people->picture, name, err);
    if (rc == RC_OK)
        *ret_person = (struct person){.name = arena_strdup(arena, name),
                                      .rights = rights_of_name(&people->picture, name, arena)};
    pthread_mutex_unlock(&people->mutex);
    return rc;
}

enum rc people_find_user(struct people *people, const char *name, struct arena *arena,
                         struct user_record *ret_user, struct err *err)
{
    const struct known_user *user = NULL;
    enum rc rc;

    pthread_mutex_lock(&people->mutex);
    rc = refresh(people, PEOPLE_AGE, err);
    if (rc == RC_OK && !find_user(&people->picture, name))
        rc = refresh(people, PEOPLE_AGE_NEW, err);
    if (rc == RC_OK) {
        user = find_user(&people->picture, name);
        rc = user ? check_sealed(user, RC_NOT_FOUND, err)
                  : err_fail(err, RC_NOT_FOUND, "there is no such user");
    }
    if (rc == RC_OK)
        *ret_user = copy_user(arena, &user->record);
    pthread_mutex_unlock(&people->mutex);
    return rc;
}

enum rc people_rights_of(struct people *people, const char *name, struct arena *arena,
                         struct rights *ret_rights, struct err *err)
{
    enum rc rc;

    pthread_mutex_lock(&people->mutex);
    rc = refresh(people, PEOPLE_AGE, err);
    if (rc == RC_OK)
        rc = check_sealed(find_user(&people->picture, name), RC_FORBIDDEN, err);
    if (rc == RC_OK)
        *ret_rights = rights_of_name(&people->picture, name, arena);
    pthread_mutex_unlock(&people->mutex);
    return rc;
}

/* NULL: it is not there, or has expired. */
static const struct access_token *find_id(const struct people *people, const char *id)
{
    const struct picture *picture = &people->picture;
    instant_us now = clock_now(people->clock);

    for (size_t i = 0; i < picture->token_count; i++) {
        const struct access_token *token = &picture->tokens[i];

        if (strcmp(token->id, id) == 0)
            return token->expires_at == INSTANT_NONE || token->expires_at > now ? token : NULL;
    }
    return NULL;
}

static bool sees_as_much(const struct people *people, const char *name, const char *id,
                         const struct rights *rights)
{
    AUTO_ARENA struct arena arena = {0};
    const struct access_token *token = id ? find_id(people, id) : NULL;
    struct rights now;

    if ((id && !token) || check_name(&people->picture, name, NULL) != RC_OK)
        return false;
    now = rights_of_name(&people->picture, name, &arena);
    if (token)
        now = token->admin ? rights_of_all() : rights_capped(&now, token->scope);
    return !rights->sees_all || now.sees_all;
}

bool people_still_admit(struct people *people, const char *name, const char *token,
                        const struct rights *rights)
{
    bool admitted = true;

    pthread_mutex_lock(&people->mutex);
    if (refresh(people, PEOPLE_AGE, NULL) == RC_OK)
        admitted = sees_as_much(people, name, token, rights);
    pthread_mutex_unlock(&people->mutex);
    return admitted;
}

/* ---- what the store has -----------------------------------------------------------------------
 */

bool people_take_user(struct people *people, const struct user_record *user)
{
    return seals_fit_user(people->seals, user);
}

bool people_take_token(struct people *people, const struct access_token *token)
{
    return seals_fit_token(people->seals, token);
}
