/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/events.h: events between processes. For API servers and workers.
 *
 * What is published here is given to the subscribers here and, a little later, to the leading
 * manager, which streams all events to every API server that listens. Events are hints, and lossy:
 * while nobody leads, what is published goes nowhere else. Whoever listens is told by EVENT_MISSED
 * when something may have been lost: after each time that the stream began anew, and when a
 * publisher or the leader could not keep up.
 *
 * An event of this process may come back by the stream and is then given a second time.
 */
#ifndef CRONJOB_LINK_EVENTS_H
#define CRONJOB_LINK_EVENTS_H

#include "ports/clock.h"
#include "ports/events.h"
#include "ports/store.h"

#include "link/secret.h"

/* The ports are not owned and outlive it; the secret is copied. */
struct link_events_config {
    struct events *local; /* spreads events within this process; nobody else publishes to it */
    struct store *store;
    struct clock *clock;
    const struct link_secret *secret;
    const char *ca_file; /* for https, see link_caller_init() */
    bool listens;        /* false: publishes only, as workers do */
};

/* RC_UNAVAILABLE: there is no HTTP client on this machine. Freeing it takes up to a second. */
MUST_USE enum rc link_events_new(const struct link_events_config *config,
                                 struct events **ret_events, struct err *err);

#endif
