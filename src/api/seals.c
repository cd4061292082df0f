/* SPDX-License-Identifier: Apache-2.0 */
#include "api/seals.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "wire/seal.h"

/* Of one text and its seal. */
struct verdict {
    uint8_t digest[CRYPTO_DIGEST];
    enum seal_kind kind;
    bool fits;
    bool used; /* since the last turn */
};

struct seals {
    const uint8_t *known;
    pthread_mutex_t mutex;    /* protects all below */
    struct verdict *verdicts; /* by digest */
    size_t count, capacity;
};

struct seals *seals_new(const uint8_t *known)
{
    struct seals *seals = xcalloc(1, sizeof(*seals));

    seals->known = known;
    pthread_mutex_init(&seals->mutex, NULL);
    return seals;
}

void seals_free(struct seals *seals)
{
    if (!seals)
        return;
    free(seals->verdicts);
    pthread_mutex_destroy(&seals->mutex);
    free(seals);
}

/* The verdict on this digest, or where it belongs. */
static size_t find(const struct seals *seals, const uint8_t digest[CRYPTO_DIGEST], bool *ret_found)
{
    size_t low = 0, high = seals->count;

    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(digest, seals->verdicts[middle].digest, CRYPTO_DIGEST);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct verdict *insert(struct seals *seals, size_t index)
{
    struct verdict *verdict;

    seals->verdicts =
        xgrow(seals->verdicts, seals->count, &seals->capacity, sizeof(*seals->verdicts));
    verdict = &seals->verdicts[index];
    memmove(verdict + 1, verdict, (seals->count - index) * sizeof(*verdict));
    seals->count++;
    return verdict;
}

/* Whether there is a verdict on this digest; it is used. */
static bool recall(struct seals *seals, const uint8_t digest[CRYPTO_DIGEST], bool *ret_fits)
{
    bool found;
    size_t index;

    pthread_mutex_lock(&seals->mutex);
    index = find(seals, digest, &found);
    if (found) {
        seals->verdicts[index].used = true;
        *ret_fits = seals->verdicts[index].fits;
    }
    pthread_mutex_unlock(&seals->mutex);
    return found;
}

/* False: another thread was first. */
static bool remember(struct seals *seals, const struct verdict *verdict)
{
    bool found;
    size_t index;

    pthread_mutex_lock(&seals->mutex);
    index = find(seals, verdict->digest, &found);
    if (!found)
        *insert(seals, index) = *verdict;
    pthread_mutex_unlock(&seals->mutex);
    return !found;
}

static struct verdict verdict_on(enum seal_kind kind, const struct buf *sealed)
{
    struct verdict verdict = {.kind = kind, .used = true};

    crypto_digest(sealed->data, sealed->length, verdict.digest);
    return verdict;
}

/* What the check of its seal said of it, which is told to the log when it is new. */
static bool judge(struct seals *seals, struct verdict *verdict, enum rc checked, const char *name)
{
    verdict->fits = checked == RC_OK;
    if (remember(seals, verdict) && !verdict->fits)
        log_warn("no manager signed this, so it counts nowhere; see `cronjob sign`",
                 LOG_TEXT(verdict->kind == SEAL_USER ? "user" : "token", name),
                 LOG_TEXT("reason", checked == RC_NOT_FOUND ? "it has no signature"
                                                            : "its signature does not fit"));
    return verdict->fits;
}

static bool user_fits(struct seals *seals, const struct user_record *user)
{
    struct verdict verdict;
    struct buf AUTO_BUF sealed;

    buf_init(&sealed, SIZE_MAX);
    wire_user_sealed(user, &sealed);
    verdict = verdict_on(SEAL_USER, &sealed);
    if (recall(seals, verdict.digest, &verdict.fits))
        return verdict.fits;
    return judge(seals, &verdict, wire_user_seal_check(seals->known, user), user->name);
}

static bool token_fits(struct seals *seals, const struct access_token *token)
{
    struct verdict verdict;
    struct buf AUTO_BUF sealed;

    buf_init(&sealed, SIZE_MAX);
    wire_token_sealed(token, &sealed);
    verdict = verdict_on(SEAL_TOKEN, &sealed);
    if (recall(seals, verdict.digest, &verdict.fits))
        return verdict.fits;
    return judge(seals, &verdict, wire_token_seal_check(seals->known, token), token->id);
}

bool seals_fit_user(struct seals *seals, const struct user_record *user)
{
    return !seals->known || user_fits(seals, user);
}

bool seals_fit_token(struct seals *seals, const struct access_token *token)
{
    return !seals->known || token_fits(seals, token);
}

void seals_turn(struct seals *seals)
{
    size_t kept = 0, users = 0, tokens = 0;

    pthread_mutex_lock(&seals->mutex);
    for (size_t i = 0; i < seals->count; i++) {
        struct verdict *verdict = &seals->verdicts[i];

        if (!verdict->used)
            continue;
        verdict->used = false;
        users += !verdict->fits && verdict->kind == SEAL_USER;
        tokens += !verdict->fits && verdict->kind == SEAL_TOKEN;
        seals->verdicts[kept++] = *verdict;
    }
    seals->count = kept;
    pthread_mutex_unlock(&seals->mutex);
    if (!seals->known)
        return;
    metric_set(metric_series(METRIC_UNSIGNED, "user"), (double)users);
    metric_set(metric_series(METRIC_UNSIGNED, "token"), (double)tokens);
}
