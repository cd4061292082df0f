/* SPDX-License-Identifier: Apache-2.0 */
/* api/tokens.h: what makes a token one. Private to api/. */
#ifndef CRONJOB_API_TOKENS_H
#define CRONJOB_API_TOKENS_H

#include "api/pending.h"

/* Draws id and secret of the change's token, which holds for `holds` (0: for ever) from now on. The
 * secret goes to pending->secret, its digest into the token. */
void token_draw(struct pending *pending, span_us holds);

#endif
