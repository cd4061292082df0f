/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/signature.h: who calls proves that it knows the cluster's secret.
 *
 *     Cronjob-Link: 1 1764000000 9f86d081884c7d65 <64 hex digits> <64 hex digits>
 *
 * are the version, the caller's wall clock in seconds, a random number, the SHA-256 of the body,
 * and
 *
 *     HMAC-SHA256(secret, method LF target LF seconds LF nonce LF digest)
 *
 * each as it stands in the header. So a server knows who calls before it reads the body.
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
    LINK_SIGNATURE_TEXT = 192,
    LINK_NONCES_MAX = 64 * 1024, /* calls that are remembered; 1 MiB or two */
};

/* What is called. */
struct link_message {
    const char *method;
    const char *target;
};

/* What stands in the header. */
struct link_signature {
    int64_t seconds;
    uint64_t nonce; /* random, not 0 */
    uint8_t digest[32];
    uint8_t mac[32];
};

/* The value of the header for seconds, nonce and digest. Answers `text`. */
const char *link_sign(const struct link_secret *secret, const struct link_message *message,
                      struct link_signature *signature, char text[LINK_SIGNATURE_TEXT]);

/*
 * RC_UNAUTHORIZED: it is not written as above, or none (`text` NULL). RC_MALFORMED: it has another
 * version, which `err` names.
 */
MUST_USE enum rc link_signature_read(const char *text, struct link_signature *ret_signature,
                                     struct err *err);

/* The calls that came. Safe from any thread. */
struct link_guard;

/* `nonces`: how many are remembered; 0: LINK_NONCES_MAX. The secret is copied. */
struct link_guard *link_guard_new(const struct link_secret *secret, size_t nonces);
void link_guard_free(struct link_guard *guard);

/* RC_UNAUTHORIZED: the clocks disagree, the secret is another, or the call is too old; `err` says
 * which. RC_CONFLICT: it came before. */
MUST_USE enum rc link_guard_check(struct link_guard *guard, const struct link_signature *signature,
                                  const struct link_message *message, instant_us now,
                                  struct err *err);

/* Whether this is the body that was signed: RC_UNAUTHORIZED. */
MUST_USE enum rc link_signature_check_body(const struct link_signature *signature, const void *body,
                                           size_t length, struct err *err);

#endif
