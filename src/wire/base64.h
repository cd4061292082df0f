/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/base64.h: BASE64 (RFC 4648, section 4) read in pieces of any size, and written. Pure.
 *
 * Reading is strict: the standard alphabet, padding at the end, nothing else, so that a file has
 * one text. What is wrong is RC_INVALID and said so that it can be mended, with the position of the
 * character, counted from 1.
 */
#ifndef CRONJOB_WIRE_BASE64_H
#define CRONJOB_WIRE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* All zeros to begin with. */
struct base64_reader {
    uint64_t position; /* characters so far */
    uint32_t bits;     /* of the group of four that is not complete */
    unsigned count;    /* its characters, with padding */
    unsigned padding;  /* of the last group: then nothing may follow */
};

/* The most bytes that so many further characters make. */
#define BASE64_ROOM(length) (((length) + 3) / 4 * 3)

/* Decodes a piece into `data`, which has BASE64_ROOM(length) bytes. */
MUST_USE enum rc base64_read(struct base64_reader *reader, const char *text, size_t length,
                             uint8_t *data, size_t *ret_length, struct err *err);

/* Whether what was read may end here. An empty text is refused: no file of a job is empty. */
MUST_USE enum rc base64_end(const struct base64_reader *reader, struct err *err);

/* The characters of so many bytes, with padding. */
#define BASE64_TEXT(length) (((length) + 2) / 3 * 4)

/* Writes BASE64_TEXT(length) characters and no NUL. A piece that is not the last has a length that
 * 3 divides. */
void base64_write(const uint8_t *data, size_t length, char *text);

#endif
