/* SPDX-License-Identifier: Apache-2.0 */
/* wire/difference.h: what differs between two objects of JSON. */
#ifndef CRONJOB_WIRE_DIFFERENCE_H
#define CRONJOB_WIRE_DIFFERENCE_H

#include "wire/json.h"

/* Two objects: the members that are not the same in both, as the first has them and as the second
 * does. RC_MALFORMED: one is no object. */
MUST_USE enum rc wire_difference(const struct buf *before, const struct buf *after,
                                 struct buf *ret_before, struct buf *ret_after);

#endif
