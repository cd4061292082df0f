/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/token.h"

#include "wire/field.h"

void wire_token_write(struct json_writer *writer, const struct access_token *token,
                      const char *secret)
{
    json_write_object_begin(writer);
    json_member_string(writer, "id", token->id);
    json_member_string(writer, "name", token->name);
    json_member_string(writer, "account", token->account);
    json_member_boolean(writer, "admin", token->admin);
    json_member_string(writer, "scope", role_text(token->scope));
    json_member_boolean(writer, "session", token->session);
    json_member_instant(writer, "created_at", token->created_at);
    json_member_instant(writer, "expires_at", token->expires_at);
    json_member_instant(writer, "last_used_at", token->last_used_at);
    if (secret)
        json_member_string(writer, "token", secret);
    json_write_object_end(writer);
}

#define ROLE_WORD(code, text) [code] = (text),
static const char *const role_words[] = {ROLE_TABLE(ROLE_WORD)};
static const struct field_choice roles = {role_words, ARRAY_SIZE(role_words)};

static const struct field request_fields[] = {
    FIELD("name", FIELD_TEXT, offsetof(struct token_request, name)),
    FIELD("account", FIELD_TEXT, offsetof(struct token_request, account)),
    FIELD("admin", FIELD_BOOLEAN, offsetof(struct token_request, admin)),
    FIELD_OF("scope", offsetof(struct token_request, scope), roles),
    FIELD("expires_in", FIELD_SPAN, offsetof(struct token_request, expires_in)),
};

enum rc wire_token_request_read(const char *text, size_t length, struct problems *problems,
                                struct token_request *ret_request, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    struct token_request request = {.name = "", .account = "", .scope = ROLE_COUNT};
    enum rc rc = json_document_read(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    if (json_value_kind(document) != JSON_KIND_OBJECT)
        return err_fail(err, RC_MALFORMED, "a request for a token is an object, not %s",
                        json_kind_text(json_value_kind(document)));
    (void)fields_read(document, request_fields, ARRAY_SIZE(request_fields), problems,
                      &request); /* the count of problems tells */
    if (!name_is_valid(request.name))
        problems_add(problems, "name",
                     "'%.80s' is not a name: 1 to %d of the characters A-Z a-z 0-9 . _ -",
                     request.name, LIMIT_NAME);
    if (request.scope == ROLE_COUNT)
        request.scope = request.admin ? ROLE_ADMIN : ROLE_EDITOR;
    if (request.admin && request.scope != ROLE_ADMIN)
        problems_add(problems, "scope", "is '%s', but an admin token may do everything",
                     role_text(request.scope));
    if (problems->count)
        return err_fail(err, RC_INVALID, "the token has fields that are not acceptable");
    *ret_request = request;
    return RC_OK;
}
