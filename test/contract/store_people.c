/* SPDX-License-Identifier: Apache-2.0 */
/* Users, access tokens, and who did what. */
#include <stdio.h>
#include <string.h>

#include "contract/store_suite.h"

/* ---- users -------------------------------------------------------------------------------------
 */

struct users_read {
    struct user_record items[4];
    char texts[4][160]; /* name, password, accounts */
    char seals[4][32];
    size_t count;
};

static bool keep_user(void *context, const struct user_record *user)
{
    struct users_read *read = context;
    char *text = read->texts[read->count];
    int length = snprintf(text, sizeof(read->texts[0]), "%s %s", user->name, user->password);

    for (size_t i = 0; i < user->accounts.count; i++)
        length += snprintf(text + length, sizeof(read->texts[0]) - (size_t)length, " %s",
                           user->accounts.items[i]);
    (void)snprintf(read->seals[read->count], sizeof(read->seals[0]), "%s", user->seal);
    read->items[read->count++] = *user;
    return true;
}

static struct users_read read_users(struct fixture *fixture)
{
    struct users_read read = {.count = 0};

    assert_int_equal(store_read_users(fixture->store, keep_user, &read, NULL), RC_OK);
    return read;
}

static const char *accounts[] = {"deploy", "a \"quoted\" one"};

static struct store_write user_write(enum write_kind kind, const char *name)
{
    return (struct store_write){.kind = kind,
                                .user = {.record = {.name = name,
                                                    .role = ROLE_OPERATOR,
                                                    .privileged = true,
                                                    .accounts = {accounts, 2},
                                                    .password = "$argon2id$x",
                                                    .created_at = START}}};
}

static void user_is_read_as_written(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = user_write(WRITE_USER_CREATE, "bob");
    struct users_read read;

    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &write), RC_CONFLICT);
    write = user_write(WRITE_USER_CREATE, "Bob"); /* another one */
    write.user.record.accounts.count = 0;
    write.user.record.password = "";
    write.user.record.disabled = true;
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    read = read_users(fixture);
    assert_int_equal(read.count, 2);
    assert_string_equal(read.texts[0], "Bob ");
    assert_string_equal(read.texts[1], "bob $argon2id$x deploy a \"quoted\" one");
    assert_true(read.items[0].disabled);
    assert_int_equal(read.items[1].role, ROLE_OPERATOR);
    assert_true(read.items[1].privileged);
    assert_false(read.items[1].disabled);
    assert_int_equal(read.items[1].created_at, START);
}

static void user_changes_in_the_parts_that_are_named(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = user_write(WRITE_USER_CREATE, "bob");
    struct store_write change = {
        .kind = WRITE_USER_CHANGE,
        .user = {.record = {.name = "bob", .role = ROLE_VIEWER, .disabled = true, .password = ""}}};
    struct users_read read;

    change.user.sets = USER_ROLE;
    assert_int_equal(apply_one(fixture, &change), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &change), RC_OK);
    assert_int_equal(apply_one(fixture, &change), RC_OK); /* to what it is already */
    read = read_users(fixture);
    assert_int_equal(read.items[0].role, ROLE_VIEWER);
    assert_true(read.items[0].privileged);
    assert_false(read.items[0].disabled);
    assert_string_equal(read.texts[0], "bob $argon2id$x deploy a \"quoted\" one");
    change.user.sets = USER_PRIVILEGED | USER_DISABLED | USER_ACCOUNTS | USER_PASSWORD;
    assert_int_equal(apply_one(fixture, &change), RC_OK);
    read = read_users(fixture);
    assert_false(read.items[0].privileged);
    assert_true(read.items[0].disabled);
    assert_string_equal(read.texts[0], "bob ");
    assert_int_equal(read.items[0].created_at, START);
}

/* ---- tokens ------------------------------------------------------------------------------------
 */

struct tokens_read {
    struct access_token items[4];
    char ids[32];
    char seals[4][32];
    size_t count;
};

static bool keep_token(void *context, const struct access_token *token)
{
    struct tokens_read *read = context;

    (void)snprintf(read->ids + strlen(read->ids), 8, "%s ", token->id);
    (void)snprintf(read->seals[read->count], sizeof(read->seals[0]), "%s", token->seal);
    read->items[read->count++] = *token;
    return true;
}

static struct tokens_read read_tokens(struct fixture *fixture)
{
    struct tokens_read read = {.count = 0};

    assert_int_equal(store_read_tokens(fixture->store, keep_token, &read, NULL), RC_OK);
    return read;
}

static void given_token(struct fixture *fixture, const char *id, const char *account, bool session,
                        instant_us expires_at)
{
    struct store_write write = {.kind = WRITE_TOKEN_CREATE,
                                .access = {.id = id,
                                           .name = "t",
                                           .account = account,
                                           .session = session,
                                           .scope = ROLE_EDITOR,
                                           .created_at = START,
                                           .expires_at = expires_at,
                                           .last_used_at = INSTANT_NONE}};

    assert_int_equal(apply_one(fixture, &write), RC_OK);
}

static void last_use_of_a_token_only_grows(void **state)
{
    struct fixture *fixture = *state;
    struct store_write used = {.kind = WRITE_TOKEN_USED,
                               .access = {.id = "a", .last_used_at = START + 5}};
    struct tokens_read read;

    assert_int_equal(apply_one(fixture, &used), RC_NOT_FOUND);
    given_token(fixture, "a", "bob", true, START + DAY);
    read = read_tokens(fixture);
    assert_true(read.items[0].session);
    assert_int_equal(read.items[0].scope, ROLE_EDITOR);
    assert_true(read.items[0].last_used_at == INSTANT_NONE);
    assert_int_equal(apply_one(fixture, &used), RC_OK);
    assert_int_equal(read_tokens(fixture).items[0].last_used_at, START + 5);
    used.access.last_used_at = START + 4;
    assert_int_equal(apply_one(fixture, &used), RC_OK);
    assert_int_equal(read_tokens(fixture).items[0].last_used_at, START + 5);
}

static void expired_tokens_are_erased(void **state)
{
    struct fixture *fixture = *state;
    struct store_write expire = {.kind = WRITE_TOKEN_EXPIRE, .access.expires_at = START + DAY};

    given_token(fixture, "a", "bob", false, START + DAY - 1);
    given_token(fixture, "b", "bob", false, START + DAY);
    given_token(fixture, "c", "bob", false, INSTANT_NONE);
    assert_int_equal(apply_one(fixture, &expire), RC_OK);
    assert_string_equal(read_tokens(fixture).ids, "b c ");
    assert_int_equal(apply_one(fixture, &expire), RC_OK);
}

static void sessions_go_with_the_password_and_tokens_with_the_user(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = user_write(WRITE_USER_CREATE, "bob");
    struct store_write change = user_write(WRITE_USER_CHANGE, "bob");
    struct store_write remove = user_write(WRITE_USER_REMOVE, "bob");

    assert_int_equal(apply_one(fixture, &remove), RC_NOT_FOUND);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    given_token(fixture, "a", "bob", true, INSTANT_NONE);
    given_token(fixture, "b", "bob", false, INSTANT_NONE);
    given_token(fixture, "c", "ann", true, INSTANT_NONE);
    change.user.sets = USER_ROLE | USER_DISABLED;
    assert_int_equal(apply_one(fixture, &change), RC_OK);
    assert_string_equal(read_tokens(fixture).ids, "a b c ");
    change.user.sets = USER_PASSWORD;
    assert_int_equal(apply_one(fixture, &change), RC_OK);
    assert_string_equal(read_tokens(fixture).ids, "b c ");
    assert_int_equal(apply_one(fixture, &remove), RC_OK);
    assert_string_equal(read_tokens(fixture).ids, "c ");
    assert_int_equal(read_users(fixture).count, 0);
}

static void seal_of_a_user_is_that_of_its_last_change(void **state)
{
    struct fixture *fixture = *state;
    struct store_write write = user_write(WRITE_USER_CREATE, "bob");
    struct store_write change = user_write(WRITE_USER_CHANGE, "bob");
    struct store_write unsealed = user_write(WRITE_USER_CREATE, "ann");

    write.user.record.seal = "first";
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_int_equal(apply_one(fixture, &unsealed), RC_OK);
    assert_string_equal(read_users(fixture).seals[0], "");
    assert_string_equal(read_users(fixture).seals[1], "first");
    change.user.record.role = ROLE_VIEWER;
    change.user.record.seal = "second"; /* of what it is: nothing else changes */
    assert_int_equal(apply_one(fixture, &change), RC_OK);
    assert_string_equal(read_users(fixture).seals[1], "second");
    assert_string_equal(read_users(fixture).texts[1], "bob $argon2id$x deploy a \"quoted\" one");
    assert_int_equal(read_users(fixture).items[1].role, ROLE_OPERATOR);
    change.user.sets = USER_ROLE;
    change.user.record.seal = NULL;
    assert_int_equal(apply_one(fixture, &change), RC_OK);
    assert_string_equal(read_users(fixture).seals[1], "");
    assert_int_equal(read_users(fixture).items[1].role, ROLE_VIEWER);
}

static void seal_of_a_token_stays_when_it_is_used(void **state)
{
    struct fixture *fixture = *state;
    struct store_write seal = {.kind = WRITE_TOKEN_SEAL, .access = {.id = "a", .seal = "first"}};
    struct store_write used = {.kind = WRITE_TOKEN_USED,
                               .access = {.id = "a", .last_used_at = START + 5}};
    struct store_write write = {.kind = WRITE_TOKEN_CREATE,
                                .access = {.id = "b",
                                           .name = "t",
                                           .account = "bob",
                                           .expires_at = INSTANT_NONE,
                                           .last_used_at = INSTANT_NONE,
                                           .seal = "its own"}};

    assert_int_equal(apply_one(fixture, &seal), RC_NOT_FOUND);
    given_token(fixture, "a", "bob", false, INSTANT_NONE);
    assert_int_equal(apply_one(fixture, &write), RC_OK);
    assert_string_equal(read_tokens(fixture).seals[0], "");
    assert_string_equal(read_tokens(fixture).seals[1], "its own");
    for (int i = 0; i < 2; i++) { /* again is fine */
        assert_int_equal(apply_one(fixture, &seal), RC_OK);
        assert_string_equal(read_tokens(fixture).seals[0], "first");
    }
    assert_int_equal(apply_one(fixture, &used), RC_OK);
    assert_string_equal(read_tokens(fixture).seals[0], "first");
    assert_string_equal(read_tokens(fixture).seals[1], "its own");
    assert_int_equal(read_tokens(fixture).items[0].scope, ROLE_EDITOR);
}

/* ---- the audit ---------------------------------------------------------------------------------
 */

struct audit_read {
    char texts[4][600];
    uint64_t ids[4];
    size_t count;
};

static bool keep_record(void *context, const struct audit_record *record)
{
    struct audit_read *read = context;

    (void)snprintf(read->texts[read->count], sizeof(read->texts[0]),
                   "%lld %s %s %s %s '%s' '%s' %s", (long long)(record->at - START), record->who,
                   record->source, record->action, record->subject, record->before, record->after,
                   record->outcome);
    read->ids[read->count++] = record->id;
    return read->count < ARRAY_SIZE(read->texts);
}

static struct audit_read read_audit(struct fixture *fixture, const struct audit_query *query)
{
    static const struct audit_query all = {.since = INSTANT_NONE, .until = INSTANT_NONE};
    struct audit_read read = {.count = 0};

    assert_int_equal(
        store_read_audit(fixture->store, query ? query : &all, keep_record, &read, NULL), RC_OK);
    return read;
}

static struct store_write audit_write(instant_us at, const char *who, const char *action,
                                      const struct store_write *of)
{
    return (struct store_write){.kind = WRITE_AUDIT,
                                .audit = {.record = {.at = at,
                                                     .who = who,
                                                     .source = "10.0.0.1",
                                                     .action = action,
                                                     .subject = "x",
                                                     .before = "",
                                                     .after = "{\"a\":1}",
                                                     .outcome = "because"},
                                          .of = of}};
}

static void audit_tells_what_became_of_a_write(void **state)
{
    struct fixture *fixture = *state;
    struct store_write writes[] = {create_write(fixture, new_job(fixture, "one")),
                                   {.kind = WRITE_TOKEN_REVOKE, .access.id = "none"},
                                   audit_write(START, "ann", "job.create", &writes[0]),
                                   audit_write(START + 1, "bob", "token.revoke", &writes[1]),
                                   audit_write(START + 2, "", "login", NULL)};
    struct audit_read read;
    char text[600];

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    read = read_audit(fixture, NULL);
    assert_int_equal(read.count, 3);
    assert_string_equal(read.texts[0], "2  10.0.0.1 login x '' '{\"a\":1}' because");
    (void)snprintf(text, sizeof(text), "1 bob 10.0.0.1 token.revoke x '' '{\"a\":1}' %s",
                   writes[1].err.message);
    assert_string_equal(read.texts[1], text);
    (void)snprintf(text, sizeof(text), "0 ann 10.0.0.1 job.create %llu '' '{\"a\":1}' done",
                   (unsigned long long)writes[0].job.id);
    assert_string_equal(read.texts[2], text);
    assert_true(read.ids[0] > read.ids[1] && read.ids[1] > read.ids[2]);
}

static void audit_is_read_by_page_and_by_what_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct audit_query query = {.since = INSTANT_NONE, .until = INSTANT_NONE, .limit = 2};
    struct store_write writes[] = {audit_write(START, "ann", "login", NULL),
                                   audit_write(START + 1, "bob", "login", NULL),
                                   audit_write(START + 2, "ann", "refused", NULL)};
    struct audit_read read;

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    read = read_audit(fixture, &query);
    assert_int_equal(read.count, 2);
    query.before = read.ids[1];
    read = read_audit(fixture, &query);
    assert_int_equal(read.count, 1);
    assert_non_null(strstr(read.texts[0], "ann"));
    query = (struct audit_query){.since = INSTANT_NONE, .until = INSTANT_NONE, .who = "ann"};
    assert_int_equal(read_audit(fixture, &query).count, 2);
    query.action = "login";
    assert_int_equal(read_audit(fixture, &query).count, 1);
    query = (struct audit_query){.since = START + 1, .until = START + 2};
    assert_int_equal(read_audit(fixture, &query).count, 1);
}

static bool check_order(void *context, const struct audit_record *record)
{
    instant_us *at = context;

    assert_int_equal(record->at, *at);
    assert_string_equal(record->outcome, "because");
    (*at)--;
    return true;
}

static void many_records_keep_their_order(void **state)
{
    struct fixture *fixture = *state;
    const struct audit_query all = {.since = INSTANT_NONE, .until = INSTANT_NONE};
    struct store_write writes[31];
    instant_us at = START + (instant_us)ARRAY_SIZE(writes) - 1;

    for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
        writes[i] = audit_write(START + (instant_us)i, "ann", "login", NULL);
    apply_all(fixture, writes, ARRAY_SIZE(writes));
    assert_int_equal(store_read_audit(fixture->store, &all, check_order, &at, NULL), RC_OK);
    assert_int_equal(at, START - 1);
}

static void old_audit_is_erased(void **state)
{
    struct fixture *fixture = *state;
    struct store_write writes[] = {audit_write(START, "ann", "login", NULL),
                                   audit_write(START + 1, "ann", "login", NULL)};
    struct store_write expire = {.kind = WRITE_AUDIT_EXPIRE, .audit.record.at = START + 1};
    uint64_t newest;

    apply_all(fixture, writes, ARRAY_SIZE(writes));
    newest = read_audit(fixture, NULL).ids[0];
    assert_int_equal(apply_one(fixture, &expire), RC_OK);
    assert_int_equal(read_audit(fixture, NULL).count, 1);
    expire.audit.record.at = START + 2;
    assert_int_equal(apply_one(fixture, &expire), RC_OK);
    assert_int_equal(read_audit(fixture, NULL).count, 0);
    apply_all(fixture, writes, 1);
    assert_true(read_audit(fixture, NULL).ids[0] > newest); /* no number twice */
}

static const struct clause clauses[] = {
    CLAUSE(user_is_read_as_written),
    CLAUSE(user_changes_in_the_parts_that_are_named),
    CLAUSE(last_use_of_a_token_only_grows),
    CLAUSE(seal_of_a_user_is_that_of_its_last_change),
    CLAUSE(seal_of_a_token_stays_when_it_is_used),
    CLAUSE(expired_tokens_are_erased),
    CLAUSE(audit_tells_what_became_of_a_write),
    CLAUSE(audit_is_read_by_page_and_by_what_it_is),
    CLAUSE(many_records_keep_their_order),
    CLAUSE(old_audit_is_erased),
    CLAUSE(sessions_go_with_the_password_and_tokens_with_the_user),
};
const struct clauses store_people_clauses = {clauses, ARRAY_SIZE(clauses)};
