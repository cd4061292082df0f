/* SPDX-License-Identifier: Apache-2.0 */
#include "link/change_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#include "link/protocol.h"
#include "link/text.h"
#include "wire/job.h"

enum { TOKEN_ID_MAX = 64, HASH = 32 };

static const char *const kinds[] = {
    [CHANGE_JOB_CREATE] = "job_create",
    [CHANGE_JOB_REPLACE] = "job_replace",
    [CHANGE_JOB_REMOVE] = "job_remove",
    [CHANGE_JOB_PURGE] = "job_purge",
    [CHANGE_RUN_NOW] = "run_now",
    [CHANGE_RUN_KILL] = "run_kill",
    [CHANGE_WORKER_DRAIN] = "worker_drain",
    [CHANGE_WORKER_REMOVE] = "worker_remove",
    [CHANGE_TOKEN_CREATE] = "token_create",
    [CHANGE_TOKEN_REVOKE] = "token_revoke",
    [CHANGE_TOKEN_USED] = "token_used",
    [CHANGE_USER_CREATE] = "user_create",
    [CHANGE_USER_CHANGE] = "user_change",
    [CHANGE_USER_REMOVE] = "user_remove",
    [CHANGE_AUDIT] = "audit",
};

/* ---- writing ------------------------------------------------------------------------------- */

static void write_hash(struct json_writer *writer, const uint8_t hash[HASH])
{
    char text[2 * HASH + 1];

    link_hex_write(hash, HASH, text);
    json_member_string(writer, "hash", text);
}

static enum rc write_document(struct json_writer *writer, const struct job *job, struct err *err)
{
    AUTO_BUF struct buf document;

    buf_init(&document, LIMIT_DOCUMENT);
    if (wire_job_document(job, &document) != RC_OK)
        return err_fail(err, RC_TOO_BIG, "the job is larger than %d bytes", LIMIT_DOCUMENT);
    json_member_string(writer, "document", document.data);
    return RC_OK;
}

static enum rc write_create(struct json_writer *writer, const struct change *change,
                            struct err *err)
{
    json_member_string(writer, "owner", change->owner);
    if (change->idempotency_key) {
        json_member_string(writer, "key", change->idempotency_key);
        write_hash(writer, change->request_hash);
    }
    return write_document(writer, &change->job, err);
}

static void write_token(struct json_writer *writer, const struct access_token *token)
{
    json_member_string(writer, "token", token->id);
    json_member_string(writer, "name", token->name);
    json_member_string(writer, "account", token->account);
    json_member_boolean(writer, "admin", token->admin);
    write_hash(writer, token->hash);
    json_member_integer(writer, "created_at", token->created_at);
    if (token->expires_at != INSTANT_NONE)
        json_member_integer(writer, "expires_at", token->expires_at);
    json_member_boolean(writer, "session", token->session);
    json_member_integer(writer, "scope", token->scope);
}

static void write_user(struct json_writer *writer, const struct change *change)
{
    const struct user_record *user = &change->user.record;

    json_member_string(writer, "name", user->name);
    if (change->kind == CHANGE_USER_REMOVE)
        return;
    json_member_integer(writer, "role", user->role);
    json_member_boolean(writer, "privileged", user->privileged);
    json_member_boolean(writer, "disabled", user->disabled);
    json_member_strings(writer, "accounts", &user->accounts);
    json_member_string(writer, "password", user->password);
    json_member_integer(writer, "created_at", user->created_at);
    json_member_integer(writer, "sets", change->user.sets);
}

static void write_run(struct json_writer *writer, const struct run_key *run)
{
    char id[RUN_ID_TEXT];

    json_member_string(writer, "run", run_id_format(run, id));
}

static enum rc write_members(struct json_writer *writer, const struct change *change,
                             struct err *err)
{
    switch (change->kind) {
    case CHANGE_JOB_CREATE:
        return write_create(writer, change, err);
    case CHANGE_JOB_REPLACE:
    case CHANGE_JOB_REMOVE:
        json_member_id(writer, "id", change->id);
        json_member_id(writer, "revision", change->revision);
        return change->kind == CHANGE_JOB_REPLACE ? write_document(writer, &change->job, err)
                                                  : RC_OK;
    case CHANGE_JOB_PURGE:
        json_member_id(writer, "id", change->id);
        return RC_OK;
    case CHANGE_RUN_NOW:
        json_member_id(writer, "id", change->id);
        json_member_id(writer, "revision", change->revision);
        json_member_string(writer, "request", change->request ? change->request : "");
        return RC_OK;
    case CHANGE_RUN_KILL:
        write_run(writer, &change->run);
        return RC_OK;
    case CHANGE_WORKER_DRAIN:
        json_member_string(writer, "worker", change->worker);
        json_member_boolean(writer, "draining", change->draining);
        return RC_OK;
    case CHANGE_WORKER_REMOVE:
        json_member_string(writer, "worker", change->worker);
        return RC_OK;
    case CHANGE_TOKEN_CREATE:
        write_token(writer, &change->access);
        return RC_OK;
    case CHANGE_TOKEN_REVOKE:
        json_member_string(writer, "token", change->access.id);
        return RC_OK;
    case CHANGE_TOKEN_USED:
        json_member_string(writer, "token", change->access.id);
        json_member_integer(writer, "used_at", change->access.last_used_at);
        return RC_OK;
    case CHANGE_USER_CREATE:
    case CHANGE_USER_CHANGE:
    case CHANGE_USER_REMOVE:
        write_user(writer, change);
        return RC_OK;
    case CHANGE_AUDIT:
        json_member_string(writer, "action", change->audit.action);
        json_member_string(writer, "subject", change->audit.subject);
        json_member_string(writer, "outcome", change->audit.outcome);
        return RC_OK;
    }
    return err_fail(err, RC_INTERNAL, "a change of no kind");
}

static void write_asker(struct json_writer *writer, const struct audit_record *audit)
{
    if (!audit->who)
        return;
    json_member_string(writer, "who", audit->who);
    json_member_string(writer, "source", audit->source);
    if (audit->before)
        json_member_string(writer, "before", audit->before);
}

enum rc link_change_write(struct json_writer *writer, const struct change *change, struct err *err)
{
    enum rc rc;

    json_write_object_begin(writer);
    json_member_string(writer, "kind", kinds[change->kind]);
    write_asker(writer, &change->audit);
    rc = write_members(writer, change, err);
    json_write_object_end(writer);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* All members of all kinds; NULL when absent. */
struct change_members {
    const char *kind, *id, *revision, *owner, *key, *hash, *document, *run, *request, *worker;
    const char *token, *name, *account, *password;
    const char *who, *source, *before, *action, *subject, *outcome;
    struct strings accounts;
    bool draining, admin, session, privileged, disabled;
    int64_t created_at, expires_at, used_at, scope, role, sets;
};

#define MEMBER(member, kind_of) FIELD(#member, kind_of, offsetof(struct change_members, member))

static const struct field change_fields[] = {
    MEMBER(who, FIELD_TEXT),           MEMBER(source, FIELD_TEXT),
    MEMBER(before, FIELD_TEXT),        MEMBER(action, FIELD_TEXT),
    MEMBER(subject, FIELD_TEXT),       MEMBER(outcome, FIELD_TEXT),
    MEMBER(kind, FIELD_TEXT),          MEMBER(id, FIELD_TEXT),
    MEMBER(revision, FIELD_TEXT),      MEMBER(owner, FIELD_TEXT),
    MEMBER(key, FIELD_TEXT),           MEMBER(hash, FIELD_TEXT),
    MEMBER(document, FIELD_TEXT),      MEMBER(run, FIELD_TEXT),
    MEMBER(request, FIELD_TEXT),       MEMBER(worker, FIELD_TEXT),
    MEMBER(token, FIELD_TEXT),         MEMBER(name, FIELD_TEXT),
    MEMBER(account, FIELD_TEXT),       MEMBER(draining, FIELD_BOOLEAN),
    MEMBER(admin, FIELD_BOOLEAN),      MEMBER(created_at, FIELD_COUNT),
    MEMBER(expires_at, FIELD_COUNT),   MEMBER(used_at, FIELD_COUNT),
    MEMBER(session, FIELD_BOOLEAN),    MEMBER(scope, FIELD_COUNT),
    MEMBER(role, FIELD_COUNT),         MEMBER(password, FIELD_TEXT),
    MEMBER(accounts, FIELD_STRINGS),   MEMBER(sets, FIELD_COUNT),
    MEMBER(privileged, FIELD_BOOLEAN), MEMBER(disabled, FIELD_BOOLEAN),
};

static enum rc refuse(const struct change_members *members, const char *member, struct err *err)
{
    return err_fail(err, RC_MALFORMED, "%s: %s is missing or wrong", members->kind, member);
}

static enum rc read_kind(const char *text, enum change_kind *ret_kind, struct err *err)
{
    for (size_t i = 0; text && i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i], text) != 0)
            continue;
        *ret_kind = (enum change_kind)i;
        return RC_OK;
    }
    return err_fail(err, RC_MALFORMED, "'%.40s' is no kind of change", text ? text : "");
}

static enum rc read_document(const struct change_members *members, struct change *change,
                             struct err *err)
{
    struct problems problems = {.arena = &change->arena};
    struct wire_job_source source = {.text = members->document, .mode = WIRE_JOB_STORED};

    if (!members->document)
        return refuse(members, "document", err);
    source.length = strlen(members->document);
    if (source.length > LIMIT_DOCUMENT)
        return err_fail(err, RC_TOO_BIG, "the job is larger than %d bytes", LIMIT_DOCUMENT);
    if (wire_job_read(&source, &problems, &change->job, err) != RC_OK)
        return err_prefix(err, RC_MALFORMED, "the job's document");
    return RC_OK;
}

static enum rc read_create(const struct change_members *members, struct change *change,
                           struct err *err)
{
    if (!members->owner)
        return refuse(members, "owner", err);
    if (members->key && !link_hex_read(members->hash, change->request_hash, HASH))
        return refuse(members, "hash", err);
    change->owner = members->owner;
    change->idempotency_key = members->key;
    return read_document(members, change, err);
}

static enum rc read_job(const struct change_members *members, struct change *change,
                        struct err *err)
{
    bool has_revision = change->kind == CHANGE_JOB_REPLACE || change->kind == CHANGE_JOB_REMOVE ||
                        (change->kind == CHANGE_RUN_NOW && members->revision);

    if (!link_number_read(members->id, &change->id) || change->id == 0)
        return refuse(members, "id", err);
    if (has_revision && !link_number_read(members->revision, &change->revision))
        return refuse(members, "revision", err);
    if (change->kind == CHANGE_RUN_NOW && !members->request)
        return refuse(members, "request", err);
    change->request = members->request;
    return change->kind == CHANGE_JOB_REPLACE ? read_document(members, change, err) : RC_OK;
}

static enum rc read_token(const struct change_members *members, struct change *change,
                          struct err *err)
{
    struct access_token *token = &change->access;

    if (!members->token || strlen(members->token) > TOKEN_ID_MAX)
        return refuse(members, "token", err);
    token->id = members->token;
    token->last_used_at = members->used_at < 0 ? INSTANT_NONE : members->used_at;
    if (change->kind == CHANGE_TOKEN_REVOKE)
        return RC_OK;
    if (change->kind == CHANGE_TOKEN_USED)
        return members->used_at < 0 ? refuse(members, "used_at", err) : RC_OK;
    if (members->scope >= ROLE_COUNT)
        return refuse(members, "scope", err);
    if (!members->name || !members->account)
        return refuse(members, members->name ? "account" : "name", err);
    if (!link_hex_read(members->hash, token->hash, HASH))
        return refuse(members, "hash", err);
    token->name = members->name;
    token->account = members->account;
    token->admin = members->admin;
    token->created_at = members->created_at;
    token->expires_at = members->expires_at < 0 ? INSTANT_NONE : members->expires_at;
    token->session = members->session;
    token->scope = (enum user_role)members->scope;
    return RC_OK;
}

static enum rc read_user(const struct change_members *members, struct change *change,
                         struct err *err)
{
    struct user_record *user = &change->user.record;

    if (!members->name || !name_is_valid(members->name))
        return refuse(members, "name", err);
    user->name = members->name;
    if (change->kind == CHANGE_USER_REMOVE)
        return RC_OK;
    if (members->role >= ROLE_COUNT)
        return refuse(members, "role", err);
    if (!members->password || strlen(members->password) >= CRYPTO_PASSWORD_TEXT)
        return refuse(members, "password", err);
    if (members->accounts.count > LIMIT_USER_ACCOUNTS)
        return refuse(members, "accounts", err);
    user->role = (enum user_role)members->role;
    user->privileged = members->privileged;
    user->disabled = members->disabled;
    user->accounts = members->accounts;
    user->password = members->password;
    user->created_at = members->created_at;
    change->user.sets = (unsigned)(members->sets & USER_ALL);
    return RC_OK;
}

static enum rc read_audit(const struct change_members *members, struct change *change,
                          struct err *err)
{
    if (!members->who || !members->action || strlen(members->action) > LIMIT_AUDIT_TEXT)
        return refuse(members, members->who ? "action" : "who", err);
    if (!members->subject || strlen(members->subject) > LIMIT_AUDIT_TEXT)
        return refuse(members, "subject", err);
    if (!members->outcome || strlen(members->outcome) > 2 * LIMIT_AUDIT_TEXT)
        return refuse(members, "outcome", err);
    change->audit.action = members->action;
    change->audit.subject = members->subject;
    change->audit.outcome = members->outcome;
    return RC_OK;
}

static enum rc read_asker(const struct change_members *members, struct change *change,
                          struct err *err)
{
    if (!members->who)
        return RC_OK;
    if (strlen(members->who) > LIMIT_AUDIT_TEXT)
        return refuse(members, "who", err);
    if (!members->source || strlen(members->source) > LIMIT_AUDIT_TEXT)
        return refuse(members, "source", err);
    change->audit.who = members->who;
    change->audit.source = members->source;
    change->audit.before = members->before;
    return RC_OK;
}

static enum rc read_members(const struct change_members *members, struct change *change,
                            struct err *err)
{
    switch (change->kind) {
    case CHANGE_JOB_CREATE:
        return read_create(members, change, err);
    case CHANGE_JOB_REPLACE:
    case CHANGE_JOB_REMOVE:
    case CHANGE_JOB_PURGE:
    case CHANGE_RUN_NOW:
        return read_job(members, change, err);
    case CHANGE_RUN_KILL:
        if (!members->run || run_id_parse(members->run, &change->run, NULL) != RC_OK)
            return refuse(members, "run", err);
        return RC_OK;
    case CHANGE_WORKER_DRAIN:
    case CHANGE_WORKER_REMOVE:
        if (!members->worker || strlen(members->worker) > LIMIT_NAME)
            return refuse(members, "worker", err);
        change->worker = members->worker;
        change->draining = members->draining;
        return RC_OK;
    case CHANGE_TOKEN_CREATE:
    case CHANGE_TOKEN_REVOKE:
    case CHANGE_TOKEN_USED:
        return read_token(members, change, err);
    case CHANGE_USER_CREATE:
    case CHANGE_USER_CHANGE:
    case CHANGE_USER_REMOVE:
        return read_user(members, change, err);
    case CHANGE_AUDIT:
        return read_audit(members, change, err);
    }
    return err_fail(err, RC_MALFORMED, "a change of no kind");
}

static enum rc read_change(const struct json_value *value, struct change *ret_change,
                           struct err *err)
{
    static const struct link_table table = {change_fields, ARRAY_SIZE(change_fields)};
    struct change_members members = {.expires_at = -1, .used_at = -1, .scope = ROLE_ADMIN};
    enum rc rc = link_object_read(value, &table, &ret_change->arena, &members, err);

    if (rc == RC_OK)
        rc = read_kind(members.kind, &ret_change->kind, err);
    if (rc == RC_OK)
        rc = read_asker(&members, ret_change, err);
    return rc == RC_OK ? read_members(&members, ret_change, err) : rc;
}

enum rc link_changes_read(const char *text, size_t length, struct link_changes *ret_changes,
                          struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    const struct json_value *array = NULL;
    struct link_changes changes = {0};
    enum rc rc = link_document_read(text, length, &document, err);

    if (rc == RC_OK)
        rc = link_array_read(document, "changes", LINK_CHANGES_MAX, &array, err);
    if (rc != RC_OK)
        return rc;
    changes.count = json_value_count(array);
    changes.items = xcalloc(changes.count + 1, sizeof(*changes.items));
    for (size_t i = 0; rc == RC_OK && i < changes.count; i++)
        rc = read_change(json_value_at(array, i), &changes.items[i], err);
    if (rc != RC_OK)
        link_changes_release(&changes);
    else
        *ret_changes = changes;
    return rc;
}

void link_changes_release(struct link_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        arena_release(&changes->items[i].arena);
    free(changes->items);
    *changes = (struct link_changes){0};
}
