/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/head.h: what the header fields of a request say about its framing. Pure.
 *
 * A request whose end two parsers could see at different places is refused, and its connection
 * closed: whoever stands in front might see another request in the rest (RFC 9112, 6.3 and 11.2).
 */
#ifndef CRONJOB_HTTP_HEAD_H
#define CRONJOB_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_head {
    uint64_t length; /* Content-Length */
    bool has_length;
    bool chunked;
    bool expects_continue;
    unsigned hosts;
    const char *type;    /* Content-Type; NULL when absent. Not copied */
    const char *problem; /* the first thing found wrong: 400 */
};

/* Takes one field into account. `value` is NUL-terminated. Begin with `= {0}`. */
void http_head_take(struct http_head *head, const char *name, size_t name_length, const char *value,
                    size_t value_length);

/* What is wrong with the whole, or NULL. HTTP/1.1 needs exactly one Host (RFC 9112, 3.2). */
const char *http_head_problem(const struct http_head *head, bool is_1_0);

static inline bool http_head_has_body(const struct http_head *head)
{
    return head->chunked || head->length > 0;
}

#endif
