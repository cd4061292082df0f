/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/buf.h: a growing run of bytes that cannot exist without its maximum.
 *
 * `data` is always terminated by a NUL that is not counted in `length`, so it can be read as a
 * string when the content has none of its own. An append past the limit changes nothing, answers
 * RC_TOO_BIG and is remembered in `failed`, so that a writer of many small pieces may check once.
 */
#ifndef CRONJOB_BASE_BUF_H
#define CRONJOB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/rc.h"

struct buf {
    char *data;
    size_t length;
    size_t capacity;
    size_t limit;
    bool failed;
};

void buf_init(struct buf *buf, size_t limit);
void buf_release(struct buf *buf);
void buf_reset(struct buf *buf); /* empty again, memory kept */

enum rc buf_append(struct buf *buf, const void *data, size_t length);
enum rc buf_puts(struct buf *buf, const char *text);
enum rc buf_putc(struct buf *buf, char c);
enum rc buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);

/* Room for `length` more bytes at data + length; the caller then adds what it wrote to `length`. */
MUST_USE enum rc buf_reserve(struct buf *buf, size_t length);

/* Removes `length` bytes from the front. */
void buf_consume(struct buf *buf, size_t length);

/* The content as a heap string that the caller frees; the buffer is empty afterwards. */
char *buf_take(struct buf *buf);

#define AUTO_BUF CLEANUP(buf_release)

#endif
