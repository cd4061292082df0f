/* SPDX-License-Identifier: Apache-2.0 */
#include "api/identity.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"

#include "api/account.h"
#include "api/cookie.h"
#include "api/people.h"
#include "api/source.h"
#include "http/peer.h"

enum { KNOWN_PEERS = 64 };
#define KNOWN_PEER_AGE (10 * SECOND)

/*
 * Whose the other end of a connection is never changes, so that one question to the kernel serves
 * all requests of a connection. Connections are told apart by the cookie of our socket, which the
 * kernel never gives twice; descriptors and ports are used again. Each thread has its own memory.
 */
struct known_peer {
    uint64_t cookie;
    mono_us until;
    uid_t uid;
    char account[ACCOUNT_NAME];
};

static _Thread_local struct known_peer known_peers[KNOWN_PEERS];

static enum rc ask_kernel(int socket, struct known_peer *ret_peer, struct err *err)
{
    enum rc rc = http_peer_uid(socket, &ret_peer->uid, err);

    if (rc == RC_NOT_FOUND)
        return err_fail(err, RC_UNAUTHORIZED, "the connection's account is not known");
    if (rc != RC_OK)
        return rc;
    rc = account_name(ret_peer->uid, ret_peer->account, err);
    return rc == RC_NOT_FOUND ? RC_UNAUTHORIZED : rc;
}

static enum rc find_peer(struct call *call, const struct known_peer **ret_peer, struct err *err)
{
    int socket = http_request_socket(call->request);
    mono_us now = clock_mono(call->api->config.clock);
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    bool has_cookie = getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0;
    struct known_peer *known = &known_peers[cookie % KNOWN_PEERS];
    struct known_peer found = {.cookie = cookie, .until = now + KNOWN_PEER_AGE};
    enum rc rc;

    if (!has_cookie || known->cookie != cookie || known->until < now) {
        rc = ask_kernel(socket, &found, err);
        if (rc != RC_OK)
            return rc;
        *known = found;
        if (!has_cookie)
            known->until = 0;
    }
    *ret_peer = known;
    return RC_OK;
}

static enum rc identity_of_peer(struct call *call, struct err *err)
{
    const struct known_peer *peer;
    struct person person;
    enum rc rc;

    if (call->api->config.token_only)
        return err_fail(err, RC_UNAUTHORIZED, "this server asks everybody for a token");
    if (!source_is_local(call))
        return err_fail(err, RC_UNAUTHORIZED, "from another machine a token is needed");
    if (source_is_passed_on(call))
        return err_fail(err, RC_UNAUTHORIZED, "through a proxy a token is needed");
    rc = find_peer(call, &peer, err);
    if (rc != RC_OK)
        return rc;
    rc = people_find_account(call->api->people, peer->account,
                             peer->uid == 0 || peer->uid == call->api->config.uid, call->arena,
                             &person, err);
    if (rc != RC_OK)
        return rc;
    call->who =
        (struct identity){.account = person.name, .rights = person.rights, .by_connection = true};
    return RC_OK;
}

static void use_told(struct change *change)
{
    arena_release(&change->arena);
    free(change);
}

/* Nobody waits for it, and what is lost is told with the next use. */
static void tell_use(struct api *api, const char *token)
{
    struct change *change = xcalloc(1, sizeof(*change));

    change->kind = CHANGE_TOKEN_USED;
    change->access.id = arena_strdup(&change->arena, token);
    change->access.last_used_at = clock_now(api->config.clock);
    change->done = use_told;
    if (changes_submit(api->config.changes, change, NULL) != RC_OK)
        use_told(change);
}

static enum rc identity_of_secret(struct call *call, const char *secret, struct err *err)
{
    struct person person;
    enum rc rc = people_find_secret(call->api->people, secret, call->arena, &person, err);

    if (rc != RC_OK)
        return rc;
    call->who = (struct identity){.account = person.name,
                                  .rights = person.rights,
                                  .by_session = person.session,
                                  .token = person.token};
    if (person.tells_use)
        tell_use(call->api, person.token);
    return RC_OK;
}

static enum rc identity_of_cookie(struct call *call, const char *secret, struct err *err)
{
    enum rc rc = identity_of_secret(call, secret, err);

    call->who.by_cookie = true;
    return rc;
}

enum rc identity_find(struct call *call, struct err *err)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = http_request_header(call->request, "Authorization");
    const char *cookies = http_request_header(call->request, "Cookie");
    const char *secret = cookie_find(cookies, SESSION_COOKIE, call->arena);

    if (!authorization && secret)
        return identity_of_cookie(call, secret, err);
    if (!authorization)
        return identity_of_peer(call, err);
    if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return err_fail(err, RC_UNAUTHORIZED, "only `Authorization: Bearer` is understood");
    return identity_of_secret(call, authorization + sizeof(scheme) - 1, err);
}

bool identity_still_holds(const struct call *call)
{
    const struct identity *who = &call->who;
    bool is_master = who->by_connection && who->rights.privileged && who->rights.role == ROLE_ADMIN;

    return is_master ||
           people_still_admit(call->api->people, who->account, who->token, &who->rights);
}
