/* SPDX-License-Identifier: Apache-2.0 */
#include "api/identity.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "api/account.h"
#include "api/token_cache.h"
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

static bool is_loopback(const struct sockaddr *peer)
{
    const struct sockaddr_in *v4 = (const void *)peer;
    const struct sockaddr_in6 *v6 = (const void *)peer;

    if (peer->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (peer->sa_family != AF_INET6)
        return peer->sa_family == AF_UNIX;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
}

static bool was_passed_on(const struct http_request *request)
{
    static const char *const headers[] = {"Via", "Forwarded", "X-Forwarded-For", "X-Real-IP"};

    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        if (http_request_header(request, headers[i]))
            return true;
    return false;
}

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
    enum rc rc;

    if (call->api->config.token_only)
        return err_fail(err, RC_UNAUTHORIZED, "this server asks everybody for a token");
    if (!is_loopback(http_request_peer(call->request)))
        return err_fail(err, RC_UNAUTHORIZED, "from another machine a token is needed");
    if (was_passed_on(call->request))
        return err_fail(err, RC_UNAUTHORIZED, "through a proxy a token is needed");
    rc = find_peer(call, &peer, err);
    if (rc != RC_OK)
        return rc;
    call->who.account = arena_strdup(call->arena, peer->account);
    call->who.by_connection = true;
    call->who.admin = peer->uid == 0 || peer->uid == call->api->config.uid;
    return RC_OK;
}

enum rc identity_find(struct call *call, struct err *err)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = http_request_header(call->request, "Authorization");

    if (!authorization)
        return identity_of_peer(call, err);
    if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return err_fail(err, RC_UNAUTHORIZED, "only `Authorization: Bearer` is understood");
    return token_cache_find(call->api->tokens, authorization + sizeof(scheme) - 1, call->arena,
                            &call->who.account, &call->who.admin, err);
}
