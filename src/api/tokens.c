/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens: made, listed, revoked, by administrators. The secret is in one answer only. */
#include <string.h>

#include "api/account.h"
#include "api/answer.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "api/secret.h"
#include "api/token_cache.h"
#include "wire/token.h"

static bool visit_token(void *context, const struct access_token *token)
{
    wire_token_write(context, token, NULL);
    return true;
}

void handle_token_list(struct call *call)
{
    struct json_writer writer;
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&writer, &body);
    json_write_array_begin(&writer);
    rc = store_read_tokens(call->api->config.store, visit_token, &writer, &err);
    json_write_array_end(&writer);
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

    token_cache_expire(call->api->tokens);
    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&writer, &body);
    wire_token_write(&writer, &pending->change.access, pending->secret);
    answer_header(&answer, "Location",
                  arena_printf(call->arena, "/tokens/%s", pending->change.access.id));
    answer_send(call, &answer, &body);
}

/* A token for an account that is not there would be one that may do nothing. */
static enum rc check_account(const struct token_request *request, struct problems *problems,
                             struct err *err)
{
    enum rc rc = request->account[0] ? account_exists(request->account, err) : RC_OK;

    if (rc != RC_NOT_FOUND)
        return rc;
    problems_add(problems, "account", "there is no account %.80s", request->account);
    return RC_INVALID;
}

/* The name and the secret are drawn; the store keeps the secret's digest only. */
static void fill_in_token(struct pending *pending, const struct token_request *request)
{
    struct call *call = pending->call;
    struct arena *arena = &pending->change.arena;
    struct access_token *token = &pending->change.access;
    instant_us now = call_now(call);
    char secret[SECRET_TEXT], id[SECRET_ID_TEXT];

    secret_new(secret);
    secret_new_id(id);
    *token = (struct access_token){
        .id = arena_strdup(arena, id),
        .name = request->name,
        .account = request->account[0] ? request->account : arena_strdup(arena, call->who.account),
        .admin = request->admin,
        .created_at = now,
        .expires_at = request->expires_in ? now + request->expires_in : INSTANT_NONE,
    };
    secret_digest(secret, strlen(secret), token->hash);
    pending->secret = arena_strdup(arena, secret);
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
        rc = check_account(&request, &problems, &err);
    if (rc == RC_OK) {
        fill_in_token(pending, &request);
        pending_submit(pending);
        return;
    }
    answer_rejected(call, rc, &problems, &err);
    pending_drop(pending);
}

static void token_revoked(struct pending *pending)
{
    struct answer answer = answer_new(204, NULL);

    token_cache_expire(pending->call->api->tokens);
    answer_send(pending->call, &answer, NULL);
}

void handle_token_revoke(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_TOKEN_REVOKE, token_revoked);

    pending->change.access.id =
        arena_strdup(&pending->change.arena, http_request_parameter(call->request, "id"));
    pending_submit(pending);
}
