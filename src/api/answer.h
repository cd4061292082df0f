/* SPDX-License-Identifier: Apache-2.0 */
/* api/answer.h: how every answer of the API looks. Private to api/. */
#ifndef CRONJOB_API_ANSWER_H
#define CRONJOB_API_ANSWER_H

#include "base/buf.h"

#include "api/call.h"

#define ANSWER_JSON  "application/json"
#define ANSWER_BYTES "application/octet-stream"
#define ANSWER_TEXT  "text/plain; charset=utf-8"
#define ANSWER_HTML  "text/html; charset=utf-8"

enum { ANSWER_HEADERS = 12, ANSWER_LIMIT = 64 * 1024 * 1024 };

struct answer {
    unsigned status;
    const char *type; /* NULL: no body */
    struct http_header headers[ANSWER_HEADERS];
    size_t header_count;
};

/* With the headers that every answer has. */
struct answer answer_new(unsigned status, const char *type);
/* `value` lives as long as the request; NULL adds nothing. */
void answer_header(struct answer *answer, const char *name, const char *value);

void answer_send(struct call *call, const struct answer *answer, const struct buf *body);
void answer_stream(struct call *call, const struct answer *answer,
                   const struct http_stream *stream);

/* 200, or what the route says, with JSON. A buffer that has failed is RC_TOO_BIG's answer. */
void answer_json(struct call *call, const struct buf *body);

/* application/problem+json (RFC 9457). */
void answer_failure(struct call *call, enum rc rc, const struct err *err);
void answer_problems(struct call *call, const struct problems *problems);
/* The problems when there are any, else the failure. */
void answer_rejected(struct call *call, enum rc rc, const struct problems *problems,
                     const struct err *err);
/* One bad field: 422. */
void answer_bad_field(struct call *call, const char *field, const char *message);
/* 429: try again after the span. */
void answer_later(struct call *call, span_us wait, const char *detail);
/* A status that no result code stands for. `extra` is one more header, or NULL. */
void answer_refusal(struct call *call, unsigned status, const char *title, const char *detail,
                    const struct http_header *extra);

#endif
