/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in memory: from any thread, once. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#include "http/engine.h"
#include "http/exchange.h"

static void copy_headers(struct http_request *request, const struct http_header *headers,
                         size_t count)
{
    struct http_header *copies = NULL;

    if (count)
        copies = arena_alloc(&request->arena, count * sizeof(*copies));
    for (size_t i = 0; i < count; i++) {
        copies[i].name = arena_strdup(&request->arena, headers[i].name);
        copies[i].value = arena_strdup(&request->arena, headers[i].value);
    }
    request->answer.headers = copies;
    request->answer.header_count = count;
}

/* From here on the request belongs to the connection's thread again. */
static void give(struct http_request *request)
{
    struct http_connection *connection = request->connection;

    pthread_mutex_lock(&connection->mutex);
    CHECK(!request->answered);
    request->answered = true;
    if (request->suspended) {
        request->suspended = false;
        engine_resume(connection->engine);
    }
    pthread_mutex_unlock(&connection->mutex);
}

/* NOLINTNEXTLINE(readability-function-size): seven things make an answer */
void http_respond(struct http_request *request, unsigned status, const char *type, const void *body,
                  size_t length, const struct http_header *headers, size_t header_count)
{
    struct http_answer *answer = &request->answer;

    CHECK(!answer->status);
    *answer = (struct http_answer){.status = status};
    if (type) {
        answer->type = arena_strdup(&request->arena, type);
        answer->body = length ? memcpy(arena_alloc(&request->arena, length), body, length) : "";
        answer->length = length;
    }
    copy_headers(request, headers, header_count);
    give(request);
}

void http_stream(struct http_request *request, unsigned status, const char *type,
                 const struct http_stream *stream, const struct http_header *headers,
                 size_t header_count)
{
    CHECK(!request->answer.status);
    request->answer = (struct http_answer){
        .status = status,
        .type = arena_strdup(&request->arena, type),
        .is_stream = true,
        .stream = *stream,
    };
    copy_headers(request, headers, header_count);
    give(request);
}

static void write_json_text(struct buf *buf, const char *text)
{
    (void)buf_putc(buf, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            (void)buf_printf(buf, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            (void)buf_printf(buf, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            (void)buf_putc(buf, *text);
    }
    (void)buf_putc(buf, '"');
}

/* RFC 9457; a detail that says nothing new is left out. */
void http_problem_write(struct buf *buf, unsigned status, const char *title, const char *detail)
{
    (void)buf_puts(buf, "{\"title\":");
    write_json_text(buf, title);
    (void)buf_printf(buf, ",\"status\":%u", status);
    if (detail && *detail && strcmp(detail, title) != 0) {
        (void)buf_puts(buf, ",\"detail\":");
        write_json_text(buf, detail);
    }
    (void)buf_puts(buf, "}\n");
}

const char *http_status_title(unsigned status)
{
    switch (status) {
    case 400:
        return rc_text(RC_MALFORMED);
    case 404:
        return rc_text(RC_NOT_FOUND);
    case 405:
        return "the method is not allowed here";
    case 408:
        return "the request took too long to arrive";
    case 413:
        return rc_text(RC_TOO_BIG);
    case 415:
        return "the body's type is not accepted here";
    default:
        return rc_text(RC_BUSY);
    }
}

static void respond_problem(struct http_request *request, unsigned status, const char *title,
                            const char *detail, const struct http_header *header)
{
    struct http_header headers[] = {
        HTTP_SECURITY_HEADERS,
        header ? *header : (struct http_header){0},
    };
    AUTO_BUF struct buf body;

    buf_init(&body, 8192);
    http_problem_write(&body, status, title, detail);
    http_respond(request, status, "application/problem+json", body.data, body.length, headers,
                 ARRAY_SIZE(headers) - (header ? 0 : 1));
}

void http_respond_status(struct http_request *request, unsigned status, const char *detail,
                         const struct http_header *header)
{
    respond_problem(request, status, http_status_title(status), detail, header);
}

void http_respond_problem(struct http_request *request, enum rc rc, const struct err *err)
{
    static const struct http_header again = {"Retry-After", "1"};

    respond_problem(request, (unsigned)rc_http_status(rc), rc_text(rc), err_message(err, rc),
                    rc_is_retryable(rc) ? &again : NULL);
}
