/* SPDX-License-Identifier: Apache-2.0 */
#include "link/signature.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/mem.h"

#include "link/protocol.h"
#include "link/text.h"

enum { HEX = 2 * CRYPTO_DIGEST, SIGNED_LIMIT = 64 * 1024 };

/* ---- text ---------------------------------------------------------------------------------- */

static void make_mac(const struct link_secret *secret, const struct link_message *message,
                     const struct link_signature *signature, uint8_t ret_mac[CRYPTO_DIGEST])
{
    struct crypto_key key = {.data = secret->bytes, .length = secret->length};
    char digest[HEX + 1];
    AUTO_BUF struct buf text;

    link_hex_write(signature->digest, CRYPTO_DIGEST, digest);
    buf_init(&text, SIGNED_LIMIT);
    buf_printf(&text, "%s\n%s\n%" PRId64 "\n%016" PRIx64 "\n%s", message->method, message->target,
               signature->seconds, signature->nonce, digest);
    CHECK(!text.failed); /* targets are at most as long as a request's head */
    crypto_authenticate(&key, text.data, text.length, ret_mac);
}

const char *link_sign(const struct link_secret *secret, const struct link_message *message,
                      struct link_signature *signature, char text[LINK_SIGNATURE_TEXT])
{
    char digest[HEX + 1], mac[HEX + 1];

    make_mac(secret, message, signature, signature->mac);
    link_hex_write(signature->digest, CRYPTO_DIGEST, digest);
    link_hex_write(signature->mac, CRYPTO_DIGEST, mac);
    (void)snprintf(text, LINK_SIGNATURE_TEXT, "%d %" PRId64 " %016" PRIx64 " %s %s", LINK_VERSION,
                   signature->seconds, signature->nonce, digest, mac); /* it fits */
    return text;
}

/* A decimal number up to the blank that follows it; NULL when it is none. */
static const char *read_number(const char *text, int64_t *ret_number)
{
    size_t length = strspn(text, "0123456789");

    if (length == 0 || length > 12 || text[length] != ' ')
        return NULL;
    *ret_number = strtoll(text, NULL, 10);
    return text + length + 1;
}

static const char *read_nonce(const char *text, uint64_t *ret_nonce)
{
    if (strspn(text, "0123456789abcdef") != 16 || text[16] != ' ')
        return NULL;
    *ret_nonce = strtoull(text, NULL, 16);
    return *ret_nonce ? text + 17 : NULL;
}

/* A digest and what follows it, a blank or the end. */
static const char *read_digest(const char *text, char end, uint8_t ret_digest[CRYPTO_DIGEST])
{
    char hex[HEX + 1];

    if (strnlen(text, HEX) < HEX || text[HEX] != end)
        return NULL;
    memcpy(hex, text, HEX);
    hex[HEX] = '\0';
    return link_hex_read(hex, ret_digest, CRYPTO_DIGEST) ? text + HEX + (end ? 1 : 0) : NULL;
}

enum rc link_signature_read(const char *text, struct link_signature *ret_signature, struct err *err)
{
    struct link_signature signature = {0};
    int64_t version = 0;
    const char *rest = text ? read_number(text, &version) : NULL;

    if (!text)
        return err_fail(err, RC_UNAUTHORIZED, "the call is not signed");
    if (rest && version != LINK_VERSION)
        return err_fail(err, RC_MALFORMED,
                        "the call is of version %" PRId64 " of the link, and this server of %d",
                        version, LINK_VERSION);
    if (rest)
        rest = read_number(rest, &signature.seconds);
    if (rest)
        rest = read_nonce(rest, &signature.nonce);
    if (rest)
        rest = read_digest(rest, ' ', signature.digest);
    if (rest)
        rest = read_digest(rest, '\0', signature.mac);
    if (!rest)
        return err_fail(err, RC_UNAUTHORIZED, "the signature cannot be read");
    *ret_signature = signature;
    return RC_OK;
}

/* ---- what came ----------------------------------------------------------------------------- */

struct remembered {
    uint64_t nonce;
    int64_t seconds;
};

/*
 * A ring of the numbers that came, oldest first, and a map to find them. When it is full the oldest
 * is forgotten, and `floor` keeps calls of its second or before from coming again.
 */
struct link_guard {
    struct link_secret secret;
    pthread_mutex_t mutex; /* protects all below */
    struct map nonces;
    struct remembered *ring;
    size_t capacity;
    size_t oldest;
    size_t count;
    int64_t floor;
};

struct link_guard *link_guard_new(const struct link_secret *secret, size_t nonces)
{
    struct link_guard *guard = xcalloc(1, sizeof(*guard));

    guard->secret = *secret;
    guard->capacity = nonces ? nonces : LINK_NONCES_MAX;
    guard->ring = xcalloc(guard->capacity, sizeof(*guard->ring));
    guard->floor = INT64_MIN;
    map_init(&guard->nonces);
    CHECK(!pthread_mutex_init(&guard->mutex, NULL));
    return guard;
}

void link_guard_free(struct link_guard *guard)
{
    if (!guard)
        return;
    link_secret_forget(&guard->secret);
    pthread_mutex_destroy(&guard->mutex);
    map_release(&guard->nonces);
    free(guard->ring);
    free(guard);
}

static enum rc check_clock(const struct link_signature *signature, instant_us now, struct err *err)
{
    int64_t apart = now / SECOND - signature->seconds;
    int64_t most = LINK_CLOCK_APART / SECOND;

    if (apart <= most && apart >= -most)
        return RC_OK;
    return err_fail(err, RC_UNAUTHORIZED,
                    "the caller's clock is %" PRId64 " s %s this one's; at most %" PRId64
                    " s are allowed",
                    apart < 0 ? -apart : apart, apart < 0 ? "ahead of" : "behind", most);
}

static void forget_oldest(struct link_guard *guard)
{
    map_remove(&guard->nonces, guard->ring[guard->oldest].nonce);
    guard->oldest = (guard->oldest + 1) % guard->capacity;
    guard->count--;
}

/* Under the mutex. What is too old to be accepted need not be remembered. */
static void remember(struct link_guard *guard, const struct link_signature *signature,
                     int64_t seconds)
{
    int64_t most = LINK_CLOCK_APART / SECOND;

    while (guard->count > 0 && guard->ring[guard->oldest].seconds < seconds - most)
        forget_oldest(guard);
    if (guard->count == guard->capacity) {
        guard->floor = MAX(guard->floor, guard->ring[guard->oldest].seconds);
        forget_oldest(guard);
    }
    guard->ring[(guard->oldest + guard->count) % guard->capacity] =
        (struct remembered){.nonce = signature->nonce, .seconds = signature->seconds};
    guard->count++;
    map_put(&guard->nonces, signature->nonce, 1);
}

static enum rc check_repetition(struct link_guard *guard, const struct link_signature *signature,
                                instant_us now, struct err *err)
{
    uint64_t ignored;
    enum rc rc = RC_OK;

    pthread_mutex_lock(&guard->mutex);
    if (map_get(&guard->nonces, signature->nonce, &ignored))
        rc = err_fail(err, RC_CONFLICT, "this call came before");
    else if (signature->seconds <= guard->floor)
        rc = err_fail(err, RC_UNAUTHORIZED,
                      "the call is older than the last %zu that are remembered", guard->capacity);
    else
        remember(guard, signature, now / SECOND);
    pthread_mutex_unlock(&guard->mutex);
    return rc;
}

enum rc link_guard_check(struct link_guard *guard, const struct link_signature *signature,
                         const struct link_message *message, instant_us now, struct err *err)
{
    uint8_t mac[CRYPTO_DIGEST];
    enum rc rc = check_clock(signature, now, err);

    if (rc != RC_OK)
        return rc;
    make_mac(&guard->secret, message, signature, mac);
    if (!crypto_equal(mac, signature->mac, sizeof(mac)))
        return err_fail(err, RC_UNAUTHORIZED,
                        "the signature is wrong: the two have different cluster secrets");
    return check_repetition(guard, signature, now, err);
}

enum rc link_signature_check_body(const struct link_signature *signature, const void *body,
                                  size_t length, struct err *err)
{
    uint8_t digest[CRYPTO_DIGEST];

    crypto_digest(body, length, digest);
    if (crypto_equal(digest, signature->digest, sizeof(digest)))
        return RC_OK;
    return err_fail(err, RC_UNAUTHORIZED, "the body is not the one that was signed");
}
