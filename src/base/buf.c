/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { FIRST_CAPACITY = 256 };

static char empty[1];

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.data = empty, .limit = limit};
}

void buf_release(struct buf *buf)
{
    if (buf->capacity)
        free(buf->data);
    *buf = (struct buf){.data = empty, .limit = buf->limit};
}

void buf_reset(struct buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->capacity)
        buf->data[0] = '\0';
}

enum rc buf_reserve(struct buf *buf, size_t length)
{
    size_t capacity = buf->capacity;

    if (length > buf->limit || buf->length > buf->limit - length) {
        buf->failed = true;
        return RC_TOO_BIG;
    }
    if (buf->length + length < capacity)
        return RC_OK;
    capacity = MAX(capacity * 2, buf->length + length + 1);
    capacity = MAX(capacity, (size_t)FIRST_CAPACITY);
    buf->data = xrealloc(buf->capacity ? buf->data : NULL, capacity, 1);
    buf->data[buf->length] = '\0';
    buf->capacity = capacity;
    return RC_OK;
}

enum rc buf_append(struct buf *buf, const void *data, size_t length)
{
    enum rc rc = buf_reserve(buf, length);

    if (rc != RC_OK)
        return rc;
    if (length)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    if (buf->capacity)
        buf->data[buf->length] = '\0';
    return RC_OK;
}

enum rc buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

enum rc buf_putc(struct buf *buf, char c)
{
    return buf_append(buf, &c, 1);
}

enum rc buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    enum rc rc;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(length >= 0);
    rc = buf_reserve(buf, (size_t)length);
    if (rc == RC_OK && length > 0) {
        (void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again); /* fits */
        buf->length += (size_t)length;
    }
    va_end(again);
    return rc;
}

void buf_consume(struct buf *buf, size_t length)
{
    CHECK(length <= buf->length);
    if (!length)
        return;
    memmove(buf->data, buf->data + length, buf->length - length + 1);
    buf->length -= length;
}

char *buf_take(struct buf *buf)
{
    char *text = buf->capacity ? buf->data : xstrdup("");

    buf_init(buf, buf->limit);
    return text;
}
