/* SPDX-License-Identifier: Apache-2.0 */
#include "api/dispatch.h"

#include <string.h>
#include <strings.h>

#include "api/answer.h"
#include "api/call.h"
#include "api/identity.h"
#include "api/rate.h"

bool call_may_see(const struct call *call, const char *owner)
{
    return call->who.rights.sees_all || strcmp(call->who.account, owner) == 0;
}

const char *call_owner_filter(const struct call *call)
{
    return call->who.rights.sees_all ? NULL : call->who.account;
}

bool call_may_run_as(const struct call *call, const char *account)
{
    return rights_include_account(&call->who.rights, account);
}

instant_us call_now(const struct call *call)
{
    return clock_now(call->api->config.clock);
}

static bool only_reads(const struct call *call)
{
    return strcmp(call->route->method, "GET") == 0;
}

static enum rc check_source(const struct call *call, struct err *err)
{
    const char *host = http_request_header(call->request, "Host");
    const char *origin = http_request_header(call->request, "Origin");
    const char *site = http_request_header(call->request, "Sec-Fetch-Site");

    if (call->route->access == ACCESS_OPEN && only_reads(call))
        return RC_OK;
    if (!guard_host_is_allowed(&call->api->guard, host))
        return err_fail(err, RC_FORBIDDEN, "this server is not known as %.200s", host);
    if (!guard_origin_is_allowed(origin, host) || !guard_site_is_allowed(site))
        return err_fail(err, RC_FORBIDDEN, "a page of another site may not ask");
    return RC_OK;
}

/* The least role for each access that asks for one. */
static const enum user_role least_roles[] = {
    [ACCESS_SEE] = ROLE_VIEWER,
    [ACCESS_OPERATE] = ROLE_OPERATOR,
    [ACCESS_EDIT] = ROLE_EDITOR,
    [ACCESS_ADMIN] = ROLE_ADMIN,
};

static enum rc check_role(const struct call *call, struct err *err)
{
    enum access access = call->route->access;
    enum user_role least;

    if (access < ACCESS_SEE || access >= ARRAY_SIZE(least_roles))
        return err_fail(err, RC_FORBIDDEN, "nobody may");
    least = least_roles[access];
    if (call->who.rights.role < least)
        return err_fail(err, RC_FORBIDDEN, "%s acts as %s here, and this needs %s",
                        call->who.account, role_text(call->who.rights.role), role_text(least));
    return RC_OK;
}

/* A browser adds its cookies to whatever any page makes it send; a field of one's own it adds for
 * our pages only. */
static enum rc check_intent(const struct call *call, struct err *err)
{
    if (!call->who.by_cookie || only_reads(call) ||
        http_request_header(call->request, "X-Cronjob-CSRF"))
        return RC_OK;
    return err_fail(err, RC_FORBIDDEN,
                    "a change that is asked for with a cookie needs a field X-Cronjob-CSRF");
}

static enum rc check_access(struct call *call, struct err *err)
{
    enum rc rc;

    if (call->route->access == ACCESS_OPEN)
        return RC_OK;
    rc = identity_find(call, err);
    if (rc == RC_OK)
        rc = check_intent(call, err);
    return rc == RC_OK ? check_role(call, err) : rc;
}

/* Of who is known and no administrator. */
static enum rc check_rate(const struct call *call, struct err *err)
{
    if (call->route->access == ACCESS_OPEN || call->who.rights.role == ROLE_ADMIN ||
        rate_admits(call->api->rate, call->who.account, clock_mono(call->api->config.clock)))
        return RC_OK;
    return err_fail(err, RC_LIMITED, "%s asks more than %u times a second (request-limit)",
                    call->who.account, call->api->config.request_limit);
}

bool dispatch_admit(struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    struct call *call = arena_calloc(arena, sizeof(*call));
    struct err err = {0};
    enum rc rc;

    *call = (struct call){.api = http_request_application(request),
                          .request = request,
                          .route = http_request_route(request)->data,
                          .arena = arena,
                          .who = {.account = ""}};
    http_request_set_data(request, call);
    rc = check_source(call, &err);
    if (rc == RC_OK)
        rc = check_access(call, &err);
    if (rc == RC_OK)
        rc = check_rate(call, &err);
    if (rc == RC_OK)
        return true;
    answer_failure(call, rc, &err);
    return false;
}

/* Whether a content type is this one, whatever parameters follow it. */
static bool type_is(const char *type, const char *expected)
{
    size_t length = strlen(expected);

    return strncasecmp(type, expected, length) == 0 && strchr("; \t", type[length]) != NULL;
}

/* `curl -d '{...}'` calls what it sends a form. A form that a web page sends looks the same, but a
 * browser says where it comes from, and is refused. */
static bool is_bare_curl(const struct call *call, const char *type, const char *body)
{
    return type_is(type, "application/x-www-form-urlencoded") &&
           body[strspn(body, " \t\r\n")] == '{' && !http_request_header(call->request, "Origin") &&
           !http_request_header(call->request, "Referer") &&
           !http_request_header(call->request, "Sec-Fetch-Site");
}

static bool body_type_is_allowed(const struct call *call)
{
    const char *type = http_request_header(call->request, "Content-Type");
    size_t length;
    const char *body = http_request_body(call->request, &length);

    if (call->route->body == BODY_NONE || (call->route->body == BODY_OPTIONAL && length == 0))
        return true;
    if (!type)
        return false;
    if (call->route->body == BODY_PATCH && type_is(type, "application/merge-patch+json"))
        return true;
    return type_is(type, ANSWER_JSON) || is_bare_curl(call, type, body);
}

void dispatch_call(struct http_request *request)
{
    struct call *call = http_request_data(request);
    struct problems problems = {.arena = call->arena};

    if (!body_type_is_allowed(call)) {
        answer_refusal(call, 415, "the body's type is not understood",
                       call->route->body == BODY_PATCH
                           ? "send application/merge-patch+json or application/json"
                           : "send application/json",
                       NULL);
        return;
    }
    query_check(request, call->route->query, call->route->query_count, &problems);
    if (problems.count > 0)
        answer_problems(call, &problems);
    else
        call->route->handle(call);
}
