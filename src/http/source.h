/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/source.h: which other servers may be read from. Pure.
 *
 * A server that fetches URLs for its users can reach what they cannot: itself, its neighbours, the
 * service that gives a cloud's machine its credentials. So a URL is read strictly, it must lie
 * below a source that the administrator names, and the address that its name turns out to have is
 * looked at when the connection is made.
 */
#ifndef CRONJOB_HTTP_SOURCE_H
#define CRONJOB_HTTP_SOURCE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

enum { HTTP_HOST_MAX = 253 };

struct http_source {
    bool is_secure;               /* https */
    bool is_literal;              /* the host is an address, `address` */
    char host[HTTP_HOST_MAX + 1]; /* in small letters, without brackets */
    struct in6_addr address;      /* one of IPv4 as ::ffff:a.b.c.d */
    uint16_t port;
    const char *path; /* within the text; from its first slash on, "" when there is none */
};

/*
 * Reads an http or https URL. RC_INVALID, in words: another scheme; a name or password in it; a
 * host that is neither a name nor an address in its usual form (2130706433, 0x7f.1 and 127.1 are
 * addresses to some); a fragment, a space or a control character; a path with "." or ".." in it, or
 * a backslash.
 */
MUST_USE enum rc http_source_read(const char *text, struct http_source *ret_source,
                                  struct err *err);

/* Whether the URL is on the allowed server and below its path, segment by segment. */
bool http_source_covers(const struct http_source *allowed, const struct http_source *url);

/*
 * Whether a connection to the address may be made for a URL that `allowed` covers. RC_FORBIDDEN
 * says what the address is: loopback, link-local, multicast, unspecified, reserved, or that of a
 * metadata service, also when it is an IPv4 address in one of IPv6. An allowed source whose host is
 * this very address is the administrator's express word. Private addresses are no worse than
 * others: who is allowed was named.
 */
MUST_USE enum rc http_source_check_address(const struct http_source *allowed,
                                           const struct sockaddr *address, struct err *err);

#endif
