/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/seals.h: which users and tokens of the store a manager sealed (wire/seal.h). Private to api/.
 *
 * Each is checked when it is seen first, and again when it, or its seal, is another: what was found
 * is remembered by a digest of both, for users and tokens are read every few seconds. One that does
 * not count is told to the log when that is found. Safe from any thread, also within a visit of the
 * store.
 */
#ifndef CRONJOB_API_SEALS_H
#define CRONJOB_API_SEALS_H

#include "core/record.h"
#include "core/seal.h"

struct seals;

/* `known` NULL: nothing is sealed here, so everything counts. Else it outlives the seals. */
struct seals *seals_new(const uint8_t *known);
void seals_free(struct seals *seals);

bool seals_fit_user(struct seals *seals, const struct user_record *user);
bool seals_fit_token(struct seals *seals, const struct access_token *token);

/* All that there is was asked for: what was not, since the last time, is forgotten. Says in the
 * metrics how many do not count. */
void seals_turn(struct seals *seals);

#endif
