/* SPDX-License-Identifier: Apache-2.0 */
/* Writes about users, access tokens and the audit. */
#include <string.h>

#include "base/mem.h"

#include "core/audit.h"

#include "adapters/memory/store_write.h"

static const char *copy_text(struct arena *arena, const char *text)
{
    return arena_strdup(arena, text ? text : "");
}

/* ---- access tokens -----------------------------------------------------------------------------
 */

static enum rc create_token(struct memory_store *store, struct store_write *write)
{
    const struct access_token *record = &write->access;
    struct memory_token *token;
    bool found;
    size_t index = memory_token_index(store, record->id, &found);

    if (found)
        return err_fail(&write->err, RC_CONFLICT, "there is a token '%s' already", record->id);
    token = xcalloc(1, sizeof(*token));
    token->record = *record;
    token->record.id = copy_text(&token->arena, record->id);
    token->record.name = copy_text(&token->arena, record->name);
    token->record.account = copy_text(&token->arena, record->account);
    token->record.seal = copy_text(&token->arena, record->seal);
    memory_array_insert(&store->tokens, index, token);
    return RC_OK;
}

static enum rc no_token(struct store_write *write)
{
    return err_fail(&write->err, RC_NOT_FOUND, "there is no token '%s'", write->access.id);
}

static enum rc revoke_token(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_token_index(store, write->access.id, &found);

    if (!found)
        return no_token(write);
    memory_token_free(memory_array_remove(&store->tokens, index));
    return RC_OK;
}

static enum rc use_token(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_token_index(store, write->access.id, &found);
    struct access_token *token;

    if (!found)
        return no_token(write);
    token = &((struct memory_token *)store->tokens.items[index])->record;
    token->last_used_at = MAX(token->last_used_at, write->access.last_used_at);
    return RC_OK;
}

static enum rc seal_token(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_token_index(store, write->access.id, &found);
    struct memory_token *token;

    if (!found)
        return no_token(write);
    token = store->tokens.items[index];
    token->record.seal = copy_text(&token->arena, write->access.seal);
    return RC_OK;
}

/* Erases the tokens that `is_wanted` picks. */
static void erase_tokens(struct memory_store *store, const struct store_write *write,
                         bool (*is_wanted)(const struct access_token *token,
                                           const struct store_write *write))
{
    for (size_t i = store->tokens.count; i-- > 0;) {
        if (is_wanted(&((const struct memory_token *)store->tokens.items[i])->record, write))
            memory_token_free(memory_array_remove(&store->tokens, i));
    }
}

static bool has_expired(const struct access_token *token, const struct store_write *write)
{
    return token->expires_at != INSTANT_NONE && token->expires_at < write->access.expires_at;
}

static bool is_of_user(const struct access_token *token, const struct store_write *write)
{
    return strcmp(token->account, write->user.record.name) == 0;
}

static bool is_session_of_user(const struct access_token *token, const struct store_write *write)
{
    return token->session && is_of_user(token, write);
}

/* ---- users -------------------------------------------------------------------------------------
 */

static struct memory_user *new_user(const struct user_record *record)
{
    struct memory_user *user = xcalloc(1, sizeof(*user));

    user->record = *record;
    user->record.name = copy_text(&user->arena, record->name);
    user->record.password = copy_text(&user->arena, record->password);
    user->record.seal = copy_text(&user->arena, record->seal);
    user->record.accounts = strings_copy(&record->accounts, &user->arena);
    return user;
}

static enum rc create_user(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_user_index(store, write->user.record.name, &found);

    if (found)
        return err_fail(&write->err, RC_CONFLICT, "there is a user '%s' already",
                        write->user.record.name);
    memory_array_insert(&store->users, index, new_user(&write->user.record));
    return RC_OK;
}

static enum rc no_user(struct store_write *write)
{
    return err_fail(&write->err, RC_NOT_FOUND, "there is no user '%s'", write->user.record.name);
}

static enum rc change_user(struct memory_store *store, struct store_write *write)
{
    const struct write_user *change = &write->user;
    struct user_record record;
    struct memory_user *old;
    bool found;
    size_t index = memory_user_index(store, change->record.name, &found);

    if (!found)
        return no_user(write);
    old = store->users.items[index];
    record = old->record;
    record.seal = change->record.seal;
    user_record_change(&record, &change->record, change->sets);
    store->users.items[index] = new_user(&record);
    memory_user_free(old);
    if (change->sets & USER_PASSWORD)
        erase_tokens(store, write, is_session_of_user);
    return RC_OK;
}

static enum rc remove_user(struct memory_store *store, struct store_write *write)
{
    bool found;
    size_t index = memory_user_index(store, write->user.record.name, &found);

    if (!found)
        return no_user(write);
    memory_user_free(memory_array_remove(&store->users, index));
    erase_tokens(store, write, is_of_user);
    return RC_OK;
}

/* ---- audit -------------------------------------------------------------------------------------
 */

static const char *subject_of(struct arena *arena, const struct write_audit *audit)
{
    if (audit->of && audit->of->kind == WRITE_JOB_CREATE && audit->of->outcome == RC_OK)
        return arena_printf(arena, "%llu", (unsigned long long)audit->of->job.id);
    return copy_text(arena, audit->record.subject);
}

static enum rc record_audit(struct memory_store *store, const struct write_audit *audit)
{
    const struct store_write *of = audit->of;
    struct memory_audit *kept;
    struct audit_record *record;

    if (of && of->kind == WRITE_JOB_CREATE && of->job.replayed)
        return RC_OK;
    kept = xcalloc(1, sizeof(*kept));
    record = &kept->record;
    *record = (struct audit_record){
        .id = ++store->audited,
        .at = audit->record.at,
        .who = copy_text(&kept->arena, audit->record.who),
        .source = copy_text(&kept->arena, audit->record.source),
        .action = copy_text(&kept->arena, audit->record.action),
        .subject = subject_of(&kept->arena, audit),
        .before = copy_text(&kept->arena, audit->record.before),
        .after = copy_text(&kept->arena, audit->record.after),
        .outcome = copy_text(&kept->arena,
                             of ? audit_outcome(of->outcome, &of->err) : audit->record.outcome),
    };
    memory_array_insert(&store->audit, store->audit.count, kept);
    return RC_OK;
}

static enum rc expire_audit(struct memory_store *store, instant_us at)
{
    for (size_t i = store->audit.count; i-- > 0;) {
        if (((const struct memory_audit *)store->audit.items[i])->record.at < at)
            memory_audit_free(memory_array_remove(&store->audit, i));
    }
    return RC_OK;
}

enum rc memory_write_user(struct memory_store *store, struct store_write *write)
{
    if (write->kind == WRITE_TOKEN_CREATE)
        return create_token(store, write);
    if (write->kind == WRITE_TOKEN_REVOKE)
        return revoke_token(store, write);
    if (write->kind == WRITE_TOKEN_USED)
        return use_token(store, write);
    if (write->kind == WRITE_TOKEN_SEAL)
        return seal_token(store, write);
    if (write->kind == WRITE_USER_CREATE)
        return create_user(store, write);
    if (write->kind == WRITE_USER_CHANGE)
        return change_user(store, write);
    if (write->kind == WRITE_USER_REMOVE)
        return remove_user(store, write);
    if (write->kind == WRITE_AUDIT)
        return record_audit(store, &write->audit);
    if (write->kind == WRITE_AUDIT_EXPIRE)
        return expire_audit(store, write->audit.record.at);
    if (write->kind != WRITE_TOKEN_EXPIRE)
        return RC_INTERNAL;
    erase_tokens(store, write, has_expired);
    return RC_OK;
}
