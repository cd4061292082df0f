/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/gate.h: the HTTP server of managers and workers: the other end of link/changes.h,
 * link/events.h and link/outputs.h; and /healthz, /readyz and /metrics for everybody.
 *
 * Life: link_gate_new() opens the port and answers at once. To stop: link_gate_drain() while the
 * manager still works, then stop it, then link_gate_free(); changes that are still with the manager
 * are not answered any more. The manager is freed after the gate.
 */
#ifndef CRONJOB_LINK_GATE_H
#define CRONJOB_LINK_GATE_H

#include "ports/changes.h"
#include "ports/clock.h"
#include "ports/events.h"
#include "ports/outputs.h"
#include "ports/store.h"

#include "link/secret.h"

struct link_gate;

/* The ports are not owned and outlive it; the secret is copied. */
struct link_gate_config {
    const char *address;       /* in numbers */
    uint16_t port;             /* 0: a free one */
    unsigned threads;          /* 0: 2 */
    unsigned connection_limit; /* 0: 512 */
    const struct link_secret *secret;
    const struct http_certificate *certificate; /* as http_server_config's */
    struct clock *clock;
    mono_us (*mono)(void); /* what the HTTP server measures with */

    /* What is served; NULL: it is not here. A manager has the first two, a worker the third. */
    struct changes *changes;
    struct events *events; /* where managers publish; what comes in is published to it */
    struct outputs *outputs;

    /* A manager's: whether it leads now, from any thread; NULL: always. And where it is written who
     * does; NULL: nobody can say. */
    bool (*leads)(void *context);
    struct store *store;

    /* For /readyz: RC_OK, or why not; NULL: ready when it is up. From any thread. */
    enum rc (*ready)(void *context, struct err *err);
    void *context; /* of the two */
};

/* RC_CONFLICT: the port is taken. RC_INVALID: the address is none. */
MUST_USE enum rc link_gate_new(const struct link_gate_config *config, struct link_gate **ret_gate,
                               struct err *err);
uint16_t link_gate_port(const struct link_gate *gate);
/* As http_server_renew(). */
MUST_USE enum rc link_gate_renew(struct link_gate *gate, const struct http_certificate *certificate,
                                 struct err *err);

/* Takes no more connections, ends streams and waits for the calls that go on, at most so long. */
void link_gate_drain(struct link_gate *gate, span_us at_most);
void link_gate_free(struct link_gate *gate);

#endif
