/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/sign_ins.h: how long who failed to sign in has to wait. Private to api/.
 *
 * Attempts are counted three times: of a user from an address, from an address, and of a user from
 * everywhere. The first few are free; from then on each failure makes the wait before the next
 * attempt twice as long, up to a most that keeps a stranger from locking somebody out for good. An
 * attempt counts as a failure from its beginning, so that many at once are no way around; one that
 * succeeds is taken back. What is quiet for QUIET is forgotten. The table is of a fixed size and
 * the oldest gives way. Safe from any thread; time is an argument.
 */
#ifndef CRONJOB_API_SIGN_INS_H
#define CRONJOB_API_SIGN_INS_H

#include "base/instant.h"

#define SIGN_IN_QUIET (15 * MINUTE)

struct sign_ins;

struct sign_ins *sign_ins_new(void);
void sign_ins_free(struct sign_ins *sign_ins);

/* `address` "": it is not known, as behind a proxy. 0: go on, it is counted; else how long to wait,
 * and nothing is counted. */
span_us sign_ins_begin(struct sign_ins *sign_ins, const char *user, const char *address,
                       mono_us now);
/* The attempt was no failure. */
void sign_ins_succeed(struct sign_ins *sign_ins, const char *user, const char *address);

#endif
