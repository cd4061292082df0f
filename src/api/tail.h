/* SPDX-License-Identifier: Apache-2.0 */
/* api/tail.h: where the last lines of an output begin. Private to api/. */
#ifndef CRONJOB_API_TAIL_H
#define CRONJOB_API_TAIL_H

#include "ports/outputs.h"

/*
 * The offset of the last `lines` lines of the first `size` bytes; a line that is not ended counts.
 * Reads backwards from the end, so that the end of a long output costs what a short one does.
 */
MUST_USE enum rc tail_find(struct outputs *outputs, const struct run_key *run, int64_t size,
                           int64_t lines, int64_t *ret_offset, struct err *err);

#endif
