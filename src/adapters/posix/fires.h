/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/posix/fires.h: calls as datagrams to a socket in the worker's data directory.
 *
 * A datagram is a whole call: there is no connection that somebody could leave half open. The
 * socket's mode lets in root and the worker's account alone, and the kernel says with each datagram
 * whose it is. The answer goes to the caller's own, nameless socket, which takes nothing from
 * anybody else; who does not take it does not get it.
 */
#ifndef CRONJOB_ADAPTERS_POSIX_FIRES_H
#define CRONJOB_ADAPTERS_POSIX_FIRES_H

#include "base/err.h"
#include "base/instant.h"

#include "ports/fires.h"

/* One process at a time uses the directory: a socket that is there is a dead one's. */
MUST_USE enum rc posix_fires_new(const char *data, struct fires **ret_fires, struct err *err);

/*
 * The caller's side. RC_UNAVAILABLE: there is no worker, or it takes no calls. RC_FORBIDDEN: this
 * account may not call. RC_TIMEOUT: no answer within `patience`.
 */
MUST_USE enum rc posix_fire(const char *data, job_id job, span_us patience,
                            enum fire_answer *ret_answer, struct err *err);

#endif
