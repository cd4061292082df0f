/* SPDX-License-Identifier: Apache-2.0 */
/* api/source.h: where a request comes from. Private to api/. */
#ifndef CRONJOB_API_SOURCE_H
#define CRONJOB_API_SOURCE_H

#include "api/call.h"

/* Whether a proxy says that the request is not its own. */
bool source_is_passed_on(const struct call *call);

/* Whether the connection comes from this machine. */
bool source_is_local(const struct call *call);

/* Whether the client reached us, or the proxy before us, by TLS. */
bool source_is_secure(const struct call *call);

/* The client's address in numbers; "" when a proxy stands between and it is not known. */
const char *source_of(const struct call *call);

/* The same in words that tell of proxies: "10.0.0.9", "10.1.1.1 by 10.0.0.9", "a unix socket". What
 * a proxy says is its word only. At most LIMIT_AUDIT_TEXT bytes. */
const char *source_text(const struct call *call);

#endif
