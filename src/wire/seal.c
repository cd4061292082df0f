/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/seal.h"

#include "wire/json.h"

static const struct seal_subject of_user = {.kind = SEAL_USER};
static const struct seal_subject of_token = {.kind = SEAL_TOKEN};

/* ---- texts: without a limit of the buffer nothing fails -------------------------------------- */

static void write_user(const struct user_record *user, struct buf *text)
{
    struct json_writer writer;

    json_writer_init(&writer, text);
    json_write_object_begin(&writer);
    json_member_string(&writer, "name", user->name);
    json_member_string(&writer, "role", role_text(user->role));
    json_member_boolean(&writer, "privileged", user->privileged);
    json_member_boolean(&writer, "disabled", user->disabled);
    json_member_strings(&writer, "accounts", &user->accounts);
    json_member_string(&writer, "password", user->password);
    json_write_object_end(&writer);
}

static void write_token(const struct access_token *token, struct buf *text)
{
    char hash[CRYPTO_DIGEST_TEXT];
    struct json_writer writer;

    _Static_assert(sizeof(token->hash) == CRYPTO_DIGEST, "the secret's hash is a digest");
    json_writer_init(&writer, text);
    json_write_object_begin(&writer);
    json_member_string(&writer, "id", token->id);
    json_member_string(&writer, "name", token->name);
    json_member_string(&writer, "account", token->account);
    json_member_boolean(&writer, "admin", token->admin);
    json_member_boolean(&writer, "session", token->session);
    json_member_string(&writer, "scope", role_text(token->scope));
    json_member_string(&writer, "hash", crypto_digest_text(token->hash, hash));
    json_member_integer(&writer, "expires_at", token->expires_at);
    json_write_object_end(&writer);
}

static void put_seal(const char *seal, struct buf *text)
{
    if (!seal || !*seal)
        return;
    (void)buf_putc(text, '\n');
    (void)buf_puts(text, seal);
}

void wire_user_sealed(const struct user_record *user, struct buf *text)
{
    write_user(user, text);
    put_seal(user->seal, text);
}

void wire_token_sealed(const struct access_token *token, struct buf *text)
{
    write_token(token, text);
    put_seal(token->seal, text);
}

/* ---- seals ----------------------------------------------------------------------------------- */

static const char *seal(const uint8_t own[CRYPTO_PRIVATE], const struct seal_subject *subject,
                        struct buf *text, struct arena *arena)
{
    (void)seal_put(own, subject, text);
    return arena_strndup(arena, text->data + text->length - SEAL_TEXT, SEAL_TEXT);
}

const char *wire_user_seal(const uint8_t own[CRYPTO_PRIVATE], const struct user_record *user,
                           struct arena *arena)
{
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    write_user(user, &text);
    return seal(own, &of_user, &text, arena);
}

const char *wire_token_seal(const uint8_t own[CRYPTO_PRIVATE], const struct access_token *token,
                            struct arena *arena)
{
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    write_token(token, &text);
    return seal(own, &of_token, &text, arena);
}

/* What is no seal at all does not fit either. */
static enum rc check(const uint8_t known[CRYPTO_PUBLIC], const struct seal_subject *subject,
                     const char *seal, const struct buf *text)
{
    enum rc rc = seal_check(known, subject, text->data, text->length);

    return rc == RC_NOT_FOUND && seal && *seal ? RC_FORBIDDEN : rc;
}

enum rc wire_user_seal_check(const uint8_t known[CRYPTO_PUBLIC], const struct user_record *user)
{
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    wire_user_sealed(user, &text);
    return check(known, &of_user, user->seal, &text);
}

enum rc wire_token_seal_check(const uint8_t known[CRYPTO_PUBLIC], const struct access_token *token)
{
    struct buf AUTO_BUF text;

    buf_init(&text, SIZE_MAX);
    wire_token_sealed(token, &text);
    return check(known, &of_token, token->seal, &text);
}
