/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/deflate.h: bytes made smaller, a piece at a time, each by itself (RFC 1950: with a
 * checksum). False: there is no memory, or what comes is damaged.
 */
#ifndef CRONJOB_BASE_DEFLATE_H
#define CRONJOB_BASE_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* The most that deflate_piece() makes of so many bytes: what `packed` must have room for. */
size_t deflate_bound(size_t length);

MUST_USE bool deflate_piece(const void *data, size_t length, void *packed, size_t *ret_length);

/* It must be exactly `length` bytes again, made of exactly those that are given. */
MUST_USE bool inflate_piece(const void *packed, size_t packed_length, void *data, size_t length);

#endif
