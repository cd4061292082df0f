/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/guard.h: whether a request may come from where it says it comes from. Pure.
 *
 * A server that trusts the account behind a loopback connection must not be driven by a web page
 * which that account happens to look at. Two ways in are closed here: a name of the page's own that
 * resolves to 127.0.0.1 (DNS rebinding: the Host is then foreign), and a request that another
 * site's page makes to us (the browser then says so in Origin or Sec-Fetch-Site).
 */
#ifndef CRONJOB_API_GUARD_H
#define CRONJOB_API_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct guard {
    const char *address;              /* the server listens on it */
    const char *const *allowed_hosts; /* further names it is reached by, without ports */
    size_t allowed_count;
};

/*
 * Whether `host`, the Host header, is one of ours, with any port: localhost, a loopback address,
 * the address listened on, an allowed host. A server that listens on every address accepts any
 * address in numbers, which no name can be rebound to. NULL is accepted: no browser leaves it out.
 */
bool guard_host_is_allowed(const struct guard *guard, const char *host);

/* Whether `origin`, the Origin header or NULL, is that of our own pages at `host`. */
bool guard_origin_is_allowed(const char *origin, const char *host);

/* Whether Sec-Fetch-Site or NULL says that no other site's page made the request. A page of another
 * port of this machine is "same-site", and as foreign as any. */
bool guard_site_is_allowed(const char *site);

#endif
