/* SPDX-License-Identifier: Apache-2.0 */
#include "api/answer.h"

#include <string.h>

#include "base/check.h"

#include "api/cookie.h"
#include "api/source.h"
#include "wire/problem.h"

struct answer answer_new(unsigned status, const char *type)
{
    static const struct http_header security[] = {HTTP_SECURITY_HEADERS};
    struct answer answer = {.status = status, .type = type};

    answer_header(&answer, "Cache-Control", "no-store");
    for (size_t i = 0; i < ARRAY_SIZE(security); i++)
        answer_header(&answer, security[i].name, security[i].value);
    return answer;
}

void answer_header(struct answer *answer, const char *name, const char *value)
{
    if (!value)
        return;
    CHECK(answer->header_count < ANSWER_HEADERS);
    answer->headers[answer->header_count++] = (struct http_header){.name = name, .value = value};
}

void answer_send(struct call *call, const struct answer *answer, const struct buf *body)
{
    if (body && body->failed) {
        answer_failure(call, RC_TOO_BIG, &(struct err){"the answer is larger than allowed"});
        return;
    }
    http_respond(call->request, answer->status, answer->type, body ? body->data : NULL,
                 body ? body->length : 0, answer->headers, answer->header_count);
}

void answer_stream(struct call *call, const struct answer *answer, const struct http_stream *stream)
{
    http_stream(call->request, answer->status, answer->type, stream, answer->headers,
                answer->header_count);
}

void answer_json(struct call *call, const struct buf *body)
{
    struct answer answer = answer_new(call->route->status, ANSWER_JSON);

    answer_send(call, &answer, body);
}

struct refusal {
    unsigned status;
    const char *title;
    const char *detail;              /* NULL: none */
    const struct problems *problems; /* NULL: none */
    const struct http_header *extra; /* NULL: none */
};

static void send_refusal(struct call *call, const struct refusal *refusal)
{
    struct answer answer = answer_new(refusal->status, WIRE_PROBLEM_TYPE);
    struct json_writer writer;
    AUTO_BUF struct buf body;

    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&writer, &body);
    wire_problem_write(&writer, (int)refusal->status, refusal->title, refusal->detail,
                       refusal->problems);
    if (refusal->extra)
        answer_header(&answer, refusal->extra->name, refusal->extra->value);
    if (refusal->status == 401 && call->who.by_cookie) /* or the browser sends it for ever */
        answer_header(&answer, "Set-Cookie",
                      cookie_text(SESSION_COOKIE, "", 0, source_is_secure(call), call->arena));
    answer_send(call, &answer, &body);
}

void answer_failure(struct call *call, enum rc rc, const struct err *err)
{
    static const struct http_header retry = {.name = "Retry-After", .value = "1"};
    static const struct http_header challenge = {.name = "WWW-Authenticate",
                                                 .value = "Bearer realm=\"cronjob\""};
    struct refusal refusal = {.status = (unsigned)rc_http_status(rc),
                              .title = rc_text(rc),
                              .detail = err ? err_message(err, rc) : NULL};

    if (rc == RC_UNAUTHORIZED || rc == RC_FORBIDDEN)
        audit_refusal(call, rc, err);
    if (rc == RC_UNKNOWN)
        refusal.extra = NULL; /* look first: it may have been done */
    else if (refusal.status == 503 || refusal.status == 429)
        refusal.extra = &retry;
    else if (rc == RC_UNAUTHORIZED)
        refusal.extra = &challenge;
    send_refusal(call, &refusal);
}

void answer_problems(struct call *call, const struct problems *problems)
{
    struct refusal refusal = {.status = (unsigned)rc_http_status(RC_INVALID),
                              .title = rc_text(RC_INVALID),
                              .problems = problems};

    if (problems->count > 0)
        refusal.detail = arena_printf(call->arena, "%s: %s", problems->items[0].field,
                                      problems->items[0].message);
    send_refusal(call, &refusal);
}

void answer_rejected(struct call *call, enum rc rc, const struct problems *problems,
                     const struct err *err)
{
    if (rc == RC_INVALID && problems->count > 0)
        answer_problems(call, problems);
    else
        answer_failure(call, rc, err);
}

void answer_bad_field(struct call *call, const char *field, const char *message)
{
    struct problems problems = {.arena = call->arena};

    problems_add(&problems, field, "%s", message);
    answer_problems(call, &problems);
}

void answer_refusal(struct call *call, unsigned status, const char *title, const char *detail,
                    const struct http_header *extra)
{
    send_refusal(call, &(struct refusal){
                           .status = status, .title = title, .detail = detail, .extra = extra});
}

void answer_later(struct call *call, span_us wait, const char *detail)
{
    struct http_header retry = {
        .name = "Retry-After",
        .value = arena_printf(call->arena, "%lld", (long long)((wait + SECOND - 1) / SECOND))};

    answer_refusal(call, (unsigned)rc_http_status(RC_LIMITED), rc_text(RC_LIMITED), detail, &retry);
}
