/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/sse.h: the framing of Server-Sent Events (WHATWG HTML, 9.2). Pure.
 *
 * An answer of type HTTP_SSE_TYPE is a row of these. All append to a buffer; check buf->failed.
 */
#ifndef CRONJOB_HTTP_SSE_H
#define CRONJOB_HTTP_SSE_H

#include "base/buf.h"
#include "base/instant.h"

#define HTTP_SSE_TYPE "text/event-stream"

/*
 * One event. `id` is what a client that comes back sends as Last-Event-ID, `event` its name; either
 * may be NULL and neither holds a line end. Each line of `data` becomes a line of its own, whatever
 * ends it: nobody can forge an event from within the data of another.
 */
void http_sse_event(struct buf *buf, const char *id, const char *event, const char *data,
                    size_t length);

/* A comment, which clients pass over: a heartbeat. One line. */
void http_sse_comment(struct buf *buf, const char *text);

/* How long a client is to wait before it comes back when the connection ends. */
void http_sse_retry(struct buf *buf, span_us delay);

#endif
