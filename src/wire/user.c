/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/user.h"

#include <string.h>

#include "wire/field.h"

#define ROLE_WORD(code, text) [code] = (text),
static const char *const role_words[] = {ROLE_TABLE(ROLE_WORD)};
static const struct field_choice roles = {role_words, ARRAY_SIZE(role_words)};

void wire_user_write(struct json_writer *writer, const struct user_record *user)
{
    json_write_object_begin(writer);
    json_member_string(writer, "name", user->name);
    json_member_string(writer, "role", role_text(user->role));
    json_member_strings(writer, "accounts", &user->accounts);
    json_member_boolean(writer, "privileged", user->privileged);
    json_member_boolean(writer, "disabled", user->disabled);
    json_member_boolean(writer, "has_password", user->password[0] != '\0');
    json_member_instant(writer, "created_at", user->created_at);
    json_write_object_end(writer);
}

/* ---- requests ------------------------------------------------------------------------------ */

static enum rc read_object(const char *text, size_t length, struct json_value **ret_document,
                           struct err *err)
{
    enum rc rc = json_document_read(text, length, ret_document, err);

    if (rc == RC_OK && json_value_kind(*ret_document) != JSON_KIND_OBJECT)
        rc = err_fail(err, RC_MALFORMED, "the body is to be an object, not %s",
                      json_kind_text(json_value_kind(*ret_document)));
    return rc;
}

static enum rc end_reading(const struct problems *problems, struct err *err)
{
    return problems->count ? err_fail(err, RC_INVALID, "there are fields that are not acceptable")
                           : RC_OK;
}

static bool is_given(const struct json_value *document, const char *name)
{
    const struct json_value *value = json_value_member(document, name);

    return value && json_value_kind(value) != JSON_KIND_NULL;
}

static void require(const struct json_value *document, const char *name, struct problems *problems)
{
    if (!is_given(document, name))
        problems_add(problems, name, "is required");
}

#define USER(member, kind_of) FIELD(#member, kind_of, offsetof(struct user_request, member))
#define CHANGEABLE                                                                               \
    FIELD_OF("role", offsetof(struct user_request, role), roles), USER(accounts, FIELD_STRINGS), \
        USER(privileged, FIELD_BOOLEAN), USER(disabled, FIELD_BOOLEAN)

static const struct field user_fields[] = {
    USER(name, FIELD_TEXT),
    USER(password, FIELD_TEXT),
    CHANGEABLE,
};

static const struct field patch_fields[] = {CHANGEABLE};

static const struct {
    const char *name;
    unsigned part;
} parts[] = {
    {"role", USER_ROLE},         {"privileged", USER_PRIVILEGED}, {"disabled", USER_DISABLED},
    {"accounts", USER_ACCOUNTS}, {"password", USER_PASSWORD},
};

static void check_name(struct problems *problems, const char *field, const char *name)
{
    if (!name_is_valid(name))
        problems_add(problems, field,
                     "'%.80s' is not a name: 1 to %d of the characters A-Z a-z 0-9 . _ -", name,
                     LIMIT_NAME);
}

static void check_password(struct problems *problems, const char *password)
{
    size_t length = strlen(password);

    if (length < LIMIT_PASSWORD_LEAST || length > LIMIT_PASSWORD)
        problems_add(problems, "password", "has %zu bytes; it is to have %d to %d", length,
                     LIMIT_PASSWORD_LEAST, LIMIT_PASSWORD);
}

static void check_accounts(struct problems *problems, const struct strings *accounts)
{
    if (accounts->count > LIMIT_USER_ACCOUNTS)
        problems_add(problems, "accounts", "has %zu items; at most %d are allowed", accounts->count,
                     LIMIT_USER_ACCOUNTS);
    for (size_t i = 0; i < accounts->count; i++)
        check_name(problems, "accounts", accounts->items[i]);
}

static void read_user(const struct json_value *document, const struct field *fields, size_t count,
                      struct problems *problems, struct user_request *request)
{
    *request = (struct user_request){.name = "", .password = ""};
    (void)fields_read(document, fields, count, problems, request); /* the problems tell */
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (is_given(document, parts[i].name))
            request->given |= parts[i].part;
    }
    check_accounts(problems, &request->accounts);
    if (request->given & USER_PASSWORD)
        check_password(problems, request->password);
}

enum rc wire_user_request_read(const char *text, size_t length, struct problems *problems,
                               struct user_request *ret_request, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    enum rc rc = read_object(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    require(document, "name", problems);
    require(document, "role", problems);
    read_user(document, user_fields, ARRAY_SIZE(user_fields), problems, ret_request);
    if (is_given(document, "name"))
        check_name(problems, "name", ret_request->name);
    return end_reading(problems, err);
}

enum rc wire_user_patch_read(const char *text, size_t length, struct problems *problems,
                             struct user_request *ret_request, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    enum rc rc = read_object(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    read_user(document, patch_fields, ARRAY_SIZE(patch_fields), problems, ret_request);
    return end_reading(problems, err);
}

static const struct field password_fields[] = {
    FIELD("password", FIELD_TEXT, offsetof(struct password_request, password)),
    FIELD("old", FIELD_TEXT, offsetof(struct password_request, old)),
};

enum rc wire_password_read(const char *text, size_t length, struct problems *problems,
                           struct password_request *ret_request, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    enum rc rc = read_object(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    *ret_request = (struct password_request){.password = "", .old = ""};
    require(document, "password", problems);
    (void)fields_read(document, password_fields, ARRAY_SIZE(password_fields), problems,
                      ret_request); /* the problems tell */
    if (is_given(document, "password"))
        check_password(problems, ret_request->password);
    return end_reading(problems, err);
}

#define LOGIN(member, kind_of) FIELD(#member, kind_of, offsetof(struct login_request, member))

static const struct field login_fields[] = {
    LOGIN(user, FIELD_TEXT),
    LOGIN(password, FIELD_TEXT),
    LOGIN(token, FIELD_BOOLEAN),
    LOGIN(expires_in, FIELD_SPAN),
};

enum rc wire_login_read(const char *text, size_t length, struct problems *problems,
                        struct login_request *ret_request, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    enum rc rc = read_object(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    *ret_request = (struct login_request){.user = "", .password = ""};
    require(document, "user", problems);
    require(document, "password", problems);
    (void)fields_read(document, login_fields, ARRAY_SIZE(login_fields), problems,
                      ret_request); /* the problems tell */
    if (strlen(ret_request->password) > LIMIT_PASSWORD)
        problems_add(problems, "password", "may have at most %d bytes", LIMIT_PASSWORD);
    if (ret_request->expires_in < 0 || ret_request->expires_in > LIMIT_SESSION * HOUR)
        problems_add(problems, "expires_in", "may be at most %d hours", LIMIT_SESSION);
    return end_reading(problems, err);
}

/* ---- strings ------------------------------------------------------------------------------- */

void wire_strings_write(const struct strings *strings, struct buf *buf)
{
    struct json_writer writer;

    json_writer_init(&writer, buf);
    json_write_array_begin(&writer);
    for (size_t i = 0; i < strings->count; i++)
        json_write_string(&writer, strings->items[i]);
    json_write_array_end(&writer);
}

enum rc wire_strings_read(const char *text, size_t length, struct arena *arena,
                          struct strings *ret_strings, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    struct strings strings = {0};
    enum rc rc = json_document_read(text, length, &document, err);

    if (rc != RC_OK)
        return rc;
    if (json_value_kind(document) != JSON_KIND_ARRAY)
        return err_fail(err, RC_MALFORMED, "not an array of strings");
    strings.items = arena_alloc(arena, json_value_count(document) * sizeof(*strings.items));
    for (size_t i = 0; i < json_value_count(document); i++) {
        const struct json_value *item = json_value_at(document, i);

        if (json_value_kind(item) != JSON_KIND_STRING)
            return err_fail(err, RC_MALFORMED, "not an array of strings");
        strings.items[strings.count++] = arena_strdup(arena, json_value_string(item));
    }
    *ret_strings = strings;
    return RC_OK;
}
