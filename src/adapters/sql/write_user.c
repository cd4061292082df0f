/* SPDX-License-Identifier: Apache-2.0 */
/* Users and access tokens. */
#include "adapters/sql/write.h"
#include "wire/user.h"

/* ---- access tokens --------------------------------------------------------------------------- */

enum rc sql_write_token_create(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    const struct access_token *token = &write->access;
    struct sql_value values[] = {
        sql_text(token->id),
        sql_text(token->name),
        sql_text(token->account),
        sql_number(token->admin),
        sql_bytes(token->hash, sizeof(token->hash)),
        sql_number(token->created_at),
        sql_instant(token->expires_at),
        sql_number(token->session),
        sql_number(token->scope),
        sql_instant(token->last_used_at),
        sql_text(token->seal),
    };
    enum rc rc = sql_run(writer->connection,
                         "INSERT INTO tokens (id, name, account, admin, hash, created_at,"
                         " expires_at, session, scope, last_used_at, seal)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                         SQL_VALUES(values), NULL, err);

    if (rc == RC_CONFLICT)
        return sql_refuse(write, RC_CONFLICT, "there is a token '%s' already", token->id);
    return rc;
}

/* One statement about the token of ?1; it must have found it. */
static enum rc write_token(struct sql_writer *writer, struct store_write *write, const char *text,
                           const struct sql_value *values, size_t count, struct err *err)
{
    int64_t changes;
    enum rc rc = sql_run(writer->connection, text, values, count, &changes, err);

    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no token '%s'", write->access.id);
    return rc;
}

enum rc sql_write_token_revoke(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    struct sql_value values[] = {sql_text(write->access.id)};

    return write_token(writer, write, "DELETE FROM tokens WHERE id = ?1", SQL_VALUES(values), err);
}

enum rc sql_write_token_used(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_text(write->access.id),
                                 sql_number(write->access.last_used_at)};

    return write_token(writer, write,
                       "UPDATE tokens SET last_used_at ="
                       " CASE WHEN last_used_at > ?2 THEN last_used_at ELSE ?2 END WHERE id = ?1",
                       SQL_VALUES(values), err);
}

enum rc sql_write_token_seal(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_text(write->access.id), sql_text(write->access.seal)};

    return write_token(writer, write, "UPDATE tokens SET seal = ?2 WHERE id = ?1",
                       SQL_VALUES(values), err);
}

enum rc sql_write_token_expire(struct sql_writer *writer, struct store_write *write,
                               struct err *err)
{
    struct sql_value values[] = {sql_number(write->access.expires_at)};

    return sql_run(writer->connection, "DELETE FROM tokens WHERE expires_at < ?1",
                   SQL_VALUES(values), NULL, err);
}

/* ---- users ----------------------------------------------------------------------------------- */

enum rc sql_write_user_create(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct user_record *user = &write->user.record;
    struct buf AUTO_BUF accounts;
    enum rc rc;

    buf_init(&accounts, SIZE_MAX);
    wire_strings_write(&user->accounts, &accounts);
    struct sql_value values[] = {
        sql_text(user->name),
        sql_number(user->role),
        sql_number(user->privileged),
        sql_number(user->disabled),
        sql_text_of(accounts.data, accounts.length),
        sql_text(user->password),
        sql_number(user->created_at),
        sql_text(user->seal),
    };
    rc = sql_run(writer->connection,
                 "INSERT INTO users (name, role, privileged, disabled, accounts, password,"
                 " created_at, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                 SQL_VALUES(values), NULL, err);
    if (rc == RC_CONFLICT)
        return sql_refuse(write, RC_CONFLICT, "there is a user '%s' already", user->name);
    return rc;
}

static enum rc update_user(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    const struct user_record *user = &write->user.record;
    unsigned sets = write->user.sets;
    struct buf AUTO_BUF accounts;
    int64_t changes;
    enum rc rc;

    buf_init(&accounts, SIZE_MAX);
    wire_strings_write(&user->accounts, &accounts);
    struct sql_value values[] = {
        sql_text(user->name),
        sets & USER_ROLE ? sql_number(user->role) : sql_null(),
        sets & USER_PRIVILEGED ? sql_number(user->privileged) : sql_null(),
        sets & USER_DISABLED ? sql_number(user->disabled) : sql_null(),
        sets & USER_ACCOUNTS ? sql_text_of(accounts.data, accounts.length) : sql_null(),
        sets & USER_PASSWORD ? sql_text(user->password) : sql_null(),
        sql_text(user->seal),
    };
    rc = sql_run(writer->connection,
                 "UPDATE users SET role = coalesce(?2, role),"
                 " privileged = coalesce(?3, privileged), disabled = coalesce(?4, disabled),"
                 " accounts = coalesce(?5, accounts), password = coalesce(?6, password),"
                 " seal = ?7 WHERE name = ?1",
                 SQL_VALUES(values), &changes, err);
    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no user '%s'", user->name);
    return rc;
}

enum rc sql_write_user_change(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_text(write->user.record.name)};
    enum rc rc = update_user(writer, write, err);

    if (rc != RC_OK || write->outcome != RC_OK || !(write->user.sets & USER_PASSWORD))
        return rc;
    return sql_run(writer->connection, "DELETE FROM tokens WHERE account = ?1 AND session = 1",
                   SQL_VALUES(values), NULL, err);
}

enum rc sql_write_user_remove(struct sql_writer *writer, struct store_write *write, struct err *err)
{
    struct sql_value values[] = {sql_text(write->user.record.name)};
    int64_t changes;
    enum rc rc = sql_run(writer->connection, "DELETE FROM users WHERE name = ?1",
                         SQL_VALUES(values), &changes, err);

    if (rc == RC_OK && !changes)
        return sql_refuse(write, RC_NOT_FOUND, "there is no user '%s'", write->user.record.name);
    if (rc == RC_OK)
        rc = sql_run(writer->connection, "DELETE FROM tokens WHERE account = ?1",
                     SQL_VALUES(values), NULL, err);
    return rc;
}
