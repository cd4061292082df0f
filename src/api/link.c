/* SPDX-License-Identifier: Apache-2.0 */
#include "api/link.h"

#include <string.h>

enum { LINK_LIMIT = 16 * 1024 };

struct copying {
    struct buf *buf;
    const char *name; /* the parameter that changes */
};

static void put_escaped(struct buf *buf, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";

    for (; *text; text++) {
        if (strchr(plain, *text))
            buf_putc(buf, *text);
        else
            buf_printf(buf, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

static bool put_parameter(void *context, const char *name, const char *value)
{
    struct copying *copying = context;

    if (strcmp(name, copying->name) == 0)
        return true;
    put_escaped(copying->buf, name);
    buf_putc(copying->buf, '=');
    put_escaped(copying->buf, value ? value : "");
    buf_putc(copying->buf, '&');
    return true;
}

const char *link_next(struct call *call, const char *name, const char *value)
{
    struct copying copying = {.name = name};
    AUTO_BUF struct buf buf;

    buf_init(&buf, LINK_LIMIT);
    copying.buf = &buf;
    buf_putc(&buf, '<');
    buf_puts(&buf, http_request_path(call->request)); /* as it was sent: still encoded */
    buf_putc(&buf, '?');
    http_request_each_query(call->request, put_parameter, &copying);
    put_escaped(&buf, name);
    buf_putc(&buf, '=');
    put_escaped(&buf, value);
    buf_puts(&buf, ">; rel=\"next\"");
    return buf.failed ? NULL : arena_strdup(call->arena, buf.data);
}
