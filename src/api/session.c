/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing in and out. A session is a token like any other, made by a password instead of an
 * administrator: it expires, is seen and revoked among the tokens, and goes with the password.
 */
#include <string.h>

#include "api/answer.h"
#include "api/cookie.h"
#include "api/handlers.h"
#include "api/password.h"
#include "api/people.h"
#include "api/sign_ins.h"
#include "api/source.h"
#include "api/tokens.h"
#include "wire/user.h"

#define SESSION_HOLDS (12 * HOUR)

/* Lives in the arena of its change. */
struct login {
    struct password_work work;
    struct login_request request;
    struct user_record user; /* name "": there is none */
    const char *source;
};

/* ---- in ---------------------------------------------------------------------------------------
 */

static const char *session_cookie(const struct call *call, const char *secret, span_us age)
{
    return cookie_text(SESSION_COOKIE, secret, age, source_is_secure(call), call->arena);
}

static void session_made(struct pending *pending)
{
    const struct login *login = pending->context;
    const struct access_token *token = &pending->change.access;
    struct call *call = pending->call;
    struct answer answer = answer_new(200, ANSWER_JSON);
    struct json_writer writer;
    AUTO_BUF struct buf body;

    people_expire(call->api->people);
    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&writer, &body);
    json_write_object_begin(&writer);
    json_member_string(&writer, "user", token->account);
    json_member_string(&writer, "role", role_text(login->user.role));
    json_member_instant(&writer, "expires_at", token->expires_at);
    if (login->request.token)
        json_member_string(&writer, "token", pending->secret);
    else
        answer_header(&answer, "Set-Cookie",
                      session_cookie(call, pending->secret, token->expires_at - token->created_at));
    json_write_object_end(&writer);
    answer_send(call, &answer, &body);
}

/* One answer for every failure, so that nobody learns who is a user. */
static void refuse_login(struct pending *pending)
{
    const struct login *login = pending->context;

    audit_failed_login(pending->call, login->request.user);
    answer_refusal(pending->call, 401, rc_text(RC_UNAUTHORIZED),
                   "the user or the password is wrong", NULL);
    pending_drop(pending);
}

static void login_compared(struct password_work *work)
{
    struct login *login = container_of(work, struct login, work);
    struct pending *pending = work->pending;
    const struct user_record *user = &login->user;

    if (!work->matches || user->disabled) {
        refuse_login(pending);
        return;
    }
    pending->change.audit.who = user->name;
    sign_ins_succeed(pending->call->api->sign_ins, login->request.user, login->source);
    pending->change.access = (struct access_token){
        .name = "session", .account = user->name, .session = true, .scope = ROLE_ADMIN};
    token_draw(pending, login->request.expires_in ? login->request.expires_in : SESSION_HOLDS);
    pending_submit(pending);
}

static void compare(struct pending *pending, struct login *login)
{
    struct call *call = pending->call;
    struct err err = {0};
    enum rc rc = people_find_user(call->api->people, login->request.user, &pending->change.arena,
                                  &login->user, &err);

    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        answer_failure(call, rc, &err);
        pending_drop(pending);
        return;
    }
    login->work = (struct password_work){
        .pending = pending,
        .given = login->request.password,
        .hash = rc == RC_OK && login->user.password[0] ? login->user.password : NULL,
        .done = login_compared,
    };
    password_submit(&login->work);
}

void handle_login(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_TOKEN_CREATE, session_made);
    struct problems problems = {.arena = &pending->change.arena};
    struct login *login = arena_calloc(&pending->change.arena, sizeof(*login));
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    enum rc rc = wire_login_read(body, length, &problems, &login->request, &err);
    span_us wait;

    if (rc != RC_OK) {
        answer_rejected(call, rc, &problems, &err);
        pending_drop(pending);
        return;
    }
    pending->context = login;
    login->source = source_of(call);
    wait = sign_ins_begin(call->api->sign_ins, login->request.user, login->source,
                          clock_mono(call->api->config.clock));
    if (wait == 0) {
        compare(pending, login);
        return;
    }
    answer_later(call, wait, "too many attempts to sign in");
    pending_drop(pending);
}

/* ---- out --------------------------------------------------------------------------------------
 */

static void session_ended(struct pending *pending)
{
    struct call *call = pending->call;
    struct answer answer = answer_new(204, NULL);

    people_expire(call->api->people);
    if (call->who.by_cookie)
        answer_header(&answer, "Set-Cookie", session_cookie(call, "", 0));
    answer_send(call, &answer, NULL);
}

void handle_logout(struct call *call)
{
    struct pending *pending;
    struct err err = {0};

    if (!call->who.by_session) {
        answer_failure(call,
                       err_fail(&err, RC_CONFLICT, "this request is not of a session: %s",
                                call->who.token ? "its token was not made by signing in"
                                                : "it came without a token"),
                       &err);
        return;
    }
    pending = pending_new(call, CHANGE_TOKEN_REVOKE, session_ended);
    pending->change.access.id = arena_strdup(&pending->change.arena, call->who.token);
    pending_submit(pending);
}
