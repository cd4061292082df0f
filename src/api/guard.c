/* SPDX-License-Identifier: Apache-2.0 */
#include "api/guard.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 256 };

/* The host without its port and an IPv6 address without its brackets; false when it is neither. */
static bool split_port(const char *host, char name[HOST_MAX])
{
    bool bracketed = host[0] == '[';
    const char *start = bracketed ? host + 1 : host;
    size_t length = strcspn(start, bracketed ? "]" : ":");
    const char *rest = start + length + (bracketed ? 1 : 0);

    if (length == 0 || length >= HOST_MAX || (bracketed && start[length] != ']'))
        return false;
    if (rest[0] != '\0' && (rest[0] != ':' || rest[1 + strspn(rest + 1, "0123456789")] != '\0'))
        return false;
    memcpy(name, start, length);
    name[length] = '\0';
    return true;
}

static bool is_numeric(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_loopback(const char *name)
{
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "::1") == 0 ||
           (strncmp(name, "127.", 4) == 0 && is_numeric(name));
}

static bool is_wildcard(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

bool guard_host_is_allowed(const struct guard *guard, const char *host)
{
    char name[HOST_MAX];

    if (!host)
        return true;
    if (!split_port(host, name))
        return false;
    if (is_loopback(name) || strcasecmp(name, guard->address) == 0)
        return true;
    if (is_wildcard(guard->address) && is_numeric(name))
        return true;
    for (size_t i = 0; i < guard->allowed_count; i++)
        if (strcasecmp(name, guard->allowed_hosts[i]) == 0)
            return true;
    return false;
}

bool guard_origin_is_allowed(const char *origin, const char *host)
{
    const char *rest;

    if (!origin)
        return true;
    if (!host)
        return false;
    if (strncmp(origin, "http://", 7) == 0)
        rest = origin + 7;
    else if (strncmp(origin, "https://", 8) == 0)
        rest = origin + 8;
    else
        return false;
    return strcasecmp(rest, host) == 0;
}

bool guard_site_is_allowed(const char *site)
{
    return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}
