/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/identity.h: who asks. Private to api/.
 *
 * - With `Authorization: Bearer SECRET` the request acts as the token's account; else with the
 *   cookie of a sign-in as its user. A wrong one is refused; it never falls back to anything else.
 * - Without, a connection over loopback acts as the account that owns the other end's socket, as
 *   the kernel says. Account 0 and the server's own have every right. A request that was passed on
 *   by a proxy (Via, Forwarded, X-Forwarded-For) is not its sender's, so it needs a token.
 * - Everybody else needs a token.
 * What they may is api/people.h's to say.
 */
#ifndef CRONJOB_API_IDENTITY_H
#define CRONJOB_API_IDENTITY_H

#include "api/call.h"

/* RC_UNAUTHORIZED: not known, err says what would help. Fills in call->who. */
MUST_USE enum rc identity_find(struct call *call, struct err *err);

/* Whether who asked may still see what a stream shows them: it ends when not. To be asked every
 * IDENTITY_LOOK, so that what was revoked elsewhere is closed within five seconds. */
#define IDENTITY_LOOK (2 * SECOND)
bool identity_still_holds(const struct call *call);

#endif
