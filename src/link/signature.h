/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/signature.h: who calls proves that it knows the cluster's secret.
 *
 *     Cronjob-Link: 1 1764000000 9f86d081884c7d65 <64 hex digits>
 *
 * are the version, the caller's wall clock in seconds, a random number and
 *
 *     HMAC-SHA256(secret, method LF target LF seconds LF nonce LF hex(SHA-256(body)))
 *
 * `target` is the path with its query as it is sent. A call is good for LINK_CLOCK_APART around its
 * instant, and once: numbers that came are remembered for that long. When more come than can be
 * remembered, calls that are as old as what was forgotten are refused too, so that the memory is
 * bounded and nothing can be said twice.
 *
 * The link is in clear text: a signature keeps others from calling, not from listening.
 */
#ifndef CRONJOB_LINK_SIGNATURE_H
#define CRONJOB_LINK_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

#include "link/secret.h"

#define LINK_SIGNATURE_HEADER "Cronjob-Link"
#define LINK_CLOCK_APART      (30 * SECOND)

enum {
    LINK_SIGNATURE_TEXT = 128,
    LINK_NONCES_MAX = 64 * 1024, /* calls that are remembered; 1 MiB or two */
};

/* What is signed. */
struct link_message {
    const char *method;
    const char *target;
    const void *body;
    size_t body_length;
};

/* The value of the header. Answers `text`. `nonce` is random and not 0. */
const char *link_sign(const struct link_secret *secret, const struct link_message *message,
                      instant_us now, uint64_t nonce, char text[LINK_SIGNATURE_TEXT]);

/* What came in the header. */
struct link_signature {
    int64_t seconds;
    uint64_t nonce;
    uint8_t mac[32];
};

/*
 * RC_UNAUTHORIZED: it is not written as above, or none (`text` NULL). RC_INVALID: it has another
 * version, which `err` names.
 */
MUST_USE enum rc link_signature_read(const char *text, struct link_signature *ret_signature,
                                     struct err *err);

/* Those that came. Safe from any thread. */
struct link_guard;

/* `nonces`: how many are remembered; 0: LINK_NONCES_MAX. The secret is copied. */
struct link_guard *link_guard_new(const struct link_secret *secret, size_t nonces);
void link_guard_free(struct link_guard *guard);

/* Whether the call is worth reading its body: the clocks agree. RC_UNAUTHORIZED: they do not, and
 * `err` says by how much. */
MUST_USE enum rc link_signature_check_clock(const struct link_signature *signature, instant_us now,
                                            struct err *err);

/* RC_UNAUTHORIZED: the secret is another, or the call too old. RC_CONFLICT: it came before. */
MUST_USE enum rc link_guard_check(struct link_guard *guard, const struct link_signature *signature,
                                  const struct link_message *message, instant_us now,
                                  struct err *err);

#endif
