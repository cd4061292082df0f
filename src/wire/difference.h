/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/difference.h: what differs between two objects of JSON, as they are written. Pure.
 *
 * The texts are a writer's of ours (wire/json.h): no white space between their parts, and equal
 * values are spelled alike. It is fastest when both have the same members in the same order.
 */
#ifndef CRONJOB_WIRE_DIFFERENCE_H
#define CRONJOB_WIRE_DIFFERENCE_H

#include "base/buf.h"
#include "base/err.h"

/* The members of `object` that `other` has not, or not so, as an object. RC_MALFORMED: one is no
 * object. RC_TOO_BIG: it does not fit. */
MUST_USE enum rc wire_difference(const struct buf *object, const struct buf *other,
                                 struct buf *ret_difference);

#endif
