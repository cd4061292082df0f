/* SPDX-License-Identifier: Apache-2.0 */
/* link/gate_call.h: the gate's insides, shared by gate*.c and feed.c alone. */
#ifndef CRONJOB_LINK_GATE_CALL_H
#define CRONJOB_LINK_GATE_CALL_H

#include <stdatomic.h>

#include "http/server.h"
#include "link/gate.h"
#include "link/signature.h"

struct link_feed;
struct link_desk;

struct link_gate {
    struct link_gate_config config; /* its strings are our own */
    struct link_guard *guard;
    struct link_desk *desk;
    struct link_feed *feed; /* NULL: no events here */
    struct http_route *routes;
    size_t route_count;
    struct http_server *server;
    atomic_bool draining;
};

/* What a route of the server has in `data`. */
struct gate_route {
    http_handler handle; /* NULL: the route itself is open to everybody */
};

static inline struct link_gate *gate_of(const struct http_request *request)
{
    return http_request_application(request);
}

bool gate_leads(const struct link_gate *gate);
/* Answers who does, unless this manager leads: true then, and nothing is answered. */
bool gate_check_leads(struct http_request *request);

/* gate_changes.c, gate_outputs.c, feed.c: signed calls. */
void gate_take_changes(struct http_request *request);
void gate_take_events(struct http_request *request);
void gate_stream_events(struct http_request *request);
void gate_read_output(struct http_request *request);
void gate_remove_outputs(struct http_request *request);

/* gate_changes.c: where answers to changes are given out, until it is closed. It goes when the last
 * of the changes is done, which may be after the gate. */
struct link_desk *link_desk_new(void);
void link_desk_close(struct link_desk *desk);

/* feed.c: what is published, for those who listen. Not a stream is left when it is freed. */
struct link_feed *link_feed_new(struct events *events);
void link_feed_free(struct link_feed *feed);

#endif
