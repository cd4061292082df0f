/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: made, listed, revoked, by administrators. The secret is in one answer only. */
#include "api/tokens.h"

#include <string.h>

#include "api/account.h"
#include "api/answer.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/people.h"
#include "api/secret.h"
#include "wire/token.h"

struct token_list {
    struct people *people;
    struct json_writer writer;
};

static bool visit_token(void *context, const struct access_token *token)
{
    struct token_list *list = context;

    if (people_take_token(list->people, token))
        wire_token_write(&list->writer, token, NULL);
    return true;
}

void handle_token_list(struct call *call)
{
    struct token_list list = {.people = call->api->people};
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&list.writer, &body);
    json_write_array_begin(&list.writer);
    rc = store_read_tokens(call->api->config.store, visit_token, &list, &err);
    json_write_array_end(&list.writer);
    if (rc == RC_OK)
        answer_json(call, &body);
    else
        answer_failure(call, rc, &err);
}

static void token_created(struct pending *pending)
{
    struct call *call = pending->call;
    struct answer answer = answer_new(201, ANSWER_JSON);
    struct json_writer writer;
    AUTO_BUF struct buf body;

    people_expire(call->api->people);
    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&writer, &body);
    wire_token_write(&writer, &pending->change.access, pending->secret);
    answer_header(&answer, "Location",
                  arena_printf(call->arena, "/tokens/%s", pending->change.access.id));
    answer_send(call, &answer, &body);
}

void token_draw(struct pending *pending, span_us holds)
{
    struct arena *arena = &pending->change.arena;
    struct access_token *token = &pending->change.access;
    char secret[SECRET_TEXT], id[SECRET_ID_TEXT];

    secret_new(secret);
    secret_new_id(id);
    token->id = arena_strdup(arena, id);
    token->created_at = call_now(pending->call);
    token->expires_at = holds ? token->created_at + holds : INSTANT_NONE;
    token->last_used_at = INSTANT_NONE;
    secret_digest(secret, strlen(secret), token->hash);
    pending->secret = arena_strdup(arena, secret);
}

/* A token for nobody would be one that may do nothing. */
static enum rc check_account(struct call *call, const char *account, struct problems *problems,
                             struct err *err)
{
    struct user_record user;
    enum rc rc = people_find_user(call->api->people, account, call->arena, &user, err);

    if (rc == RC_NOT_FOUND)
        rc = account_exists(account, err);
    if (rc != RC_NOT_FOUND)
        return rc;
    problems_add(problems, "account", "there is no user and no account %.80s", account);
    return RC_INVALID;
}

/* Nobody makes a token that may do more than they themselves. */
static enum rc check_rights(struct call *call, const struct access_token *token, struct err *err)
{
    struct rights theirs = rights_of_all();
    enum rc rc = RC_OK;

    if (!token->admin)
        rc = people_rights_of(call->api->people, token->account, call->arena, &theirs, err);
    theirs = rights_capped(&theirs, token->scope);
    if (rc == RC_OK && !rights_cover(&call->who.rights, &theirs))
        rc = err_fail(err, RC_FORBIDDEN, "the token would have more rights than %s",
                      call->who.account);
    return rc;
}

static enum rc fill_in_token(struct pending *pending, const struct token_request *request,
                             struct problems *problems, struct err *err)
{
    struct call *call = pending->call;
    struct access_token *token = &pending->change.access;
    bool own = request->account[0] == '\0';
    enum rc rc = RC_OK;

    *token = (struct access_token){
        .name = request->name,
        .account = own ? arena_strdup(&pending->change.arena, call->who.account) : request->account,
        .admin = request->admin,
        .scope = request->scope,
    };
    people_expire(call->api->people);
    if (!own)
        rc = check_account(call, token->account, problems, err);
    if (rc == RC_OK)
        rc = check_rights(call, token, err);
    if (rc == RC_OK)
        token_draw(pending, request->expires_in);
    return rc;
}

void handle_token_create(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_TOKEN_CREATE, token_created);
    struct problems problems = {.arena = &pending->change.arena};
    struct token_request request;
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    enum rc rc = wire_token_request_read(body, length, &problems, &request, &err);

    if (rc == RC_OK)
        rc = fill_in_token(pending, &request, &problems, &err);
    if (rc == RC_OK) {
        pending_submit(pending);
        return;
    }
    answer_rejected(call, rc, &problems, &err);
    pending_drop(pending);
}

static void token_revoked(struct pending *pending)
{
    struct answer answer = answer_new(204, NULL);

    people_expire(pending->call->api->people);
    answer_send(pending->call, &answer, NULL);
}

void handle_token_revoke(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_TOKEN_REVOKE, token_revoked);

    pending->change.access.id =
        arena_strdup(&pending->change.arena, http_request_parameter(call->request, "id"));
    pending_submit(pending);
}
