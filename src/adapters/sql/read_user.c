/* SPDX-License-Identifier: Apache-2.0 */
/* Users and access tokens. */
#include <string.h>

#include "base/arena.h"

#include "adapters/sql/read.h"
#include "wire/user.h"

#define TOKENS                                                                       \
    "SELECT id, name, account, admin, hash, created_at, expires_at, session, scope," \
    " last_used_at, seal FROM tokens ORDER BY id"
#define USERS                                                                       \
    "SELECT name, role, privileged, disabled, accounts, password, created_at, seal" \
    " FROM users ORDER BY name"

/* A number that this version does not know is the least of roles. */
static enum user_role role_of(struct sql_statement *row, int column)
{
    int64_t number = sql_column_number(row, column);

    return number >= 0 && number < ROLE_COUNT ? (enum user_role)number : ROLE_VIEWER;
}

static struct access_token read_token(struct sql_statement *row)
{
    struct access_token token = {
        .id = sql_column_text(row, 0),
        .name = sql_column_text(row, 1),
        .account = sql_column_text(row, 2),
        .admin = sql_column_number(row, 3) != 0,
        .created_at = sql_column_number(row, 5),
        .expires_at = sql_column_instant(row, 6),
        .session = sql_column_number(row, 7) != 0,
        .scope = role_of(row, 8),
        .last_used_at = sql_column_instant(row, 9),
        .seal = sql_column_text(row, 10),
    };
    size_t length;
    const void *hash = sql_column_bytes(row, 4, &length);

    if (length == sizeof(token.hash))
        memcpy(token.hash, hash, length);
    return token;
}

enum rc sql_read_tokens(struct sql_connection *connection, token_visit visit, void *context,
                        struct err *err)
{
    struct sql_statement *rows;
    bool row = true;
    enum rc rc = sql_open(connection, TOKENS, NULL, 0, &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK) {
        struct access_token token;

        rc = sql_step(rows, &row, err);
        if (rc != RC_OK || !row)
            break;
        token = read_token(rows);
        if (!visit(context, &token))
            break;
    }
    sql_done(rows);
    return rc;
}

static enum rc read_user(struct sql_statement *row, struct arena *arena,
                         struct user_record *ret_user, struct err *err)
{
    size_t length;
    const char *accounts = sql_column_text_of(row, 4, &length);

    *ret_user = (struct user_record){
        .name = sql_column_text(row, 0),
        .role = role_of(row, 1),
        .privileged = sql_column_number(row, 2) != 0,
        .disabled = sql_column_number(row, 3) != 0,
        .password = sql_column_text(row, 5),
        .created_at = sql_column_number(row, 6),
        .seal = sql_column_text(row, 7),
    };
    return wire_strings_read(accounts, length, arena, &ret_user->accounts, err);
}

enum rc sql_read_users(struct sql_connection *connection, user_visit visit, void *context,
                       struct err *err)
{
    struct arena AUTO_ARENA arena = {0};
    struct sql_statement *rows;
    bool row = true;
    enum rc rc = sql_open(connection, USERS, NULL, 0, &rows, err);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK) {
        struct user_record user;

        rc = sql_step(rows, &row, err);
        if (rc != RC_OK || !row)
            break;
        rc = read_user(rows, &arena, &user, err);
        if (rc == RC_OK && !visit(context, &user))
            break;
    }
    sql_done(rows);
    return rc;
}
