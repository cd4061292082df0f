/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/seal.h: what workers execute, and who may say so, is signed by a manager, for the store is
 * written by many.
 *
 * A sealed text is the text, a line end and the seal: a signature (Ed25519) of the text together
 * with what it is about, so that it fits nowhere else. JSON as we write it has no line ends, so the
 * seal is found from the end, and a text without one is not sealed. Who has the private key seals;
 * who has the public one checks. Pure.
 *
 * A seal says that a manager wrote this, at some time: not that it is the newest. Who can write
 * into the store may bring back what a job was, at its revision, or not let it run, and what a user
 * or token was.
 */
#ifndef CRONJOB_CORE_SEAL_H
#define CRONJOB_CORE_SEAL_H

#include "base/buf.h"
#include "base/crypto.h"

#include "core/job.h"

enum { SEAL_TEXT = 86 }; /* characters of a seal */

struct seal_keys {
    uint8_t own[CRYPTO_PRIVATE];
    uint8_t known[CRYPTO_PUBLIC];
};

/* What a text is about. */
struct seal_subject {
    enum seal_kind {
        SEAL_JOB,   /* its document: .revision, .owner */
        SEAL_RUN,   /* what was given with a run on demand: .scheduled_at; for all its attempts */
        SEAL_USER,  /* all that gives it rights, its name too: wire/seal.h */
        SEAL_TOKEN, /* likewise, with its id */
    } kind;
    job_id job;
    uint64_t revision;
    const char *owner;
    instant_us scheduled_at;
};

/* The same keys for all who know the secret. */
void seal_keys_derive(const void *secret, size_t length, struct seal_keys *ret_keys);

/* `text` holds what is to be sealed. RC_TOO_BIG: its limit is reached. */
enum rc seal_put(const uint8_t own[CRYPTO_PRIVATE], const struct seal_subject *subject,
                 struct buf *text);

/* The length of the text without its seal; all of it when it has none. */
size_t seal_body(const char *text, size_t length);

/* RC_OK: its seal fits. RC_NOT_FOUND: it has none. RC_FORBIDDEN: it is about something else, or the
 * text is not as it was sealed. */
MUST_USE enum rc seal_check(const uint8_t known[CRYPTO_PUBLIC], const struct seal_subject *subject,
                            const char *text, size_t length);

#endif
