/* SPDX-License-Identifier: Apache-2.0 */
#include "http/sse.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"

static void field(struct buf *buf, const char *name, const char *value)
{
    CHECK(!strpbrk(value, "\r\n"));
    (void)buf_printf(buf, "%s: %s\n", name, value);
}

static size_t line_length(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && text[i] != '\n' && text[i] != '\r')
        i++;
    return i;
}

void http_sse_event(struct buf *buf, const char *id, const char *event, const char *data,
                    size_t length)
{
    const char *end = data + length;

    if (id)
        field(buf, "id", id);
    if (event)
        field(buf, "event", event);
    for (;;) {
        size_t line = line_length(data, (size_t)(end - data));

        (void)buf_puts(buf, "data: ");
        (void)buf_append(buf, data, line);
        (void)buf_putc(buf, '\n');
        data += line;
        if (data == end)
            break;
        data += end - data > 1 && data[0] == '\r' && data[1] == '\n' ? 2 : 1;
    }
    (void)buf_putc(buf, '\n');
}

void http_sse_comment(struct buf *buf, const char *text)
{
    CHECK(!strpbrk(text, "\r\n"));
    (void)buf_printf(buf, ": %s\n\n", text);
}

void http_sse_retry(struct buf *buf, span_us delay)
{
    (void)buf_printf(buf, "retry: %" PRId64 "\n\n", delay / MILLISECOND);
}
