/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are refused, with the reason, or are a request about a user, a sign-in, a token or a
 * cookie, within its limits. */
#include <string.h>

#include "base/check.h"

#include "api/cookie.h"
#include "fuzz/fuzz.h"
#include "wire/token.h"
#include "wire/user.h"

static void check_outcome(enum rc rc, const struct problems *problems, const struct err *err)
{
    CHECK(rc == RC_OK || rc == RC_MALFORMED || rc == RC_INVALID);
    CHECK((rc == RC_INVALID) == (problems->count > 0));
    CHECK(rc != RC_MALFORMED || err->message[0]);
}

static void read_users(const char *text, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct problems patch_problems = {.arena = &arena};
    struct user_request request;
    struct err err = {0};
    enum rc rc = wire_user_request_read(text, size, &problems, &request, &err);

    check_outcome(rc, &problems, &err);
    CHECK(rc != RC_OK || (name_is_valid(request.name) && request.role < ROLE_COUNT));
    CHECK(rc != RC_OK || request.accounts.count <= LIMIT_USER_ACCOUNTS);
    rc = wire_user_patch_read(text, size, &patch_problems, &request, &err);
    check_outcome(rc, &patch_problems, &err);
    CHECK(rc != RC_OK || !(request.given & USER_PASSWORD));
}

static void read_secrets(const char *text, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    struct problems problems = {.arena = &arena}, more = {.arena = &arena}, most = more;
    struct password_request password;
    struct login_request login;
    struct token_request token;
    struct err err = {0};
    enum rc rc = wire_password_read(text, size, &problems, &password, &err);

    check_outcome(rc, &problems, &err);
    CHECK(rc != RC_OK || strlen(password.password) >= LIMIT_PASSWORD_LEAST);
    rc = wire_login_read(text, size, &more, &login, &err);
    check_outcome(rc, &more, &err);
    CHECK(rc != RC_OK || (login.expires_in >= 0 && login.expires_in <= LIMIT_SESSION * HOUR));
    rc = wire_token_request_read(text, size, &most, &token, &err);
    check_outcome(rc, &most, &err);
    CHECK(rc != RC_OK || token.scope < ROLE_COUNT);
}

static void read_cookie(const char *text, size_t size)
{
    AUTO_ARENA struct arena arena = {0};
    const char *field = arena_strndup(&arena, text, size);
    const char *value = cookie_find(field, SESSION_COOKIE, &arena);

    CHECK(!value || (*value && !strchr(value, ';') && strstr(field, value)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    read_users(text, size);
    read_secrets(text, size);
    read_cookie(text, strnlen(text, size));
    return 0;
}
