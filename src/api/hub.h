/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/hub.h: the newest events, and the streams that wait for them. Private to api/.
 *
 * One ring keeps the last HUB_EVENTS events; each is numbered. A reader keeps the number it has
 * come to and reads on from there, so a slow reader costs nothing; one that falls behind the ring's
 * end is told that it missed some. Publishing never waits. Safe from any thread.
 */
#ifndef CRONJOB_API_HUB_H
#define CRONJOB_API_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#include "ports/events.h"

#include "http/server.h"

struct hub;

enum { HUB_EVENTS = 4096 };

/* A stream that is woken by news; embedded in the stream's own state. */
struct hub_listener {
    struct list link;
    struct http_request *request;
    const struct run_key
        *run; /* news of this run only, its output included; NULL: all but output */
};

struct hub *hub_new(struct events *events);
/* Every listener has left. */
void hub_free(struct hub *hub);

/* Between http_stream() and the return of its close(); leaving twice or without joining is fine for
 * a listener that is all zeros. */
void hub_join(struct hub *hub, struct hub_listener *listener);
void hub_leave(struct hub *hub, struct hub_listener *listener);

/* Drawn at hub_new(): numbers of another life mean nothing here. */
uint64_t hub_life(const struct hub *hub);
/* The number of the newest event; 0 before the first. */
uint64_t hub_newest(struct hub *hub);

/* Up to `capacity` events newer than *after, which moves on. `ret_missed`: some are gone; *after is
 * then that of the newest event and nothing is read. */
size_t hub_read(struct hub *hub, uint64_t *after, struct event *ret_events, size_t capacity,
                bool *ret_missed);

#endif
