/* SPDX-License-Identifier: Apache-2.0 */
#include "api/source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

bool source_is_passed_on(const struct call *call)
{
    static const char *const headers[] = {"Via", "Forwarded", "X-Forwarded-For", "X-Real-IP"};

    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        if (http_request_header(call->request, headers[i]))
            return true;
    return false;
}

bool source_is_local(const struct call *call)
{
    const struct sockaddr *peer = http_request_peer(call->request);
    const struct sockaddr_in *v4 = (const void *)peer;
    const struct sockaddr_in6 *v6 = (const void *)peer;

    if (peer->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (peer->sa_family != AF_INET6)
        return peer->sa_family == AF_UNIX;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
}

bool source_is_secure(const struct call *call)
{
    const char *scheme = http_request_header(call->request, "X-Forwarded-Proto");

    return call->api->has_tls || (scheme && strcmp(scheme, "https") == 0);
}

static const char *peer_address(const struct call *call)
{
    const struct sockaddr *peer = http_request_peer(call->request);
    const struct sockaddr_in *v4 = (const void *)peer;
    const struct sockaddr_in6 *v6 = (const void *)peer;
    char text[INET6_ADDRSTRLEN] = "";

    if (peer->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)); /* else it stays "" */
    else if (peer->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    return arena_strdup(call->arena, text);
}

const char *source_of(const struct call *call)
{
    return source_is_passed_on(call) ? "" : peer_address(call);
}

const char *source_text(const struct call *call)
{
    const char *forwarded = http_request_header(call->request, "X-Forwarded-For");
    const char *address = peer_address(call);

    if (!*address)
        return "a unix socket";
    if (!source_is_passed_on(call))
        return address;
    return arena_printf(call->arena, "%.150s by %s", forwarded ? forwarded : "somebody", address);
}
