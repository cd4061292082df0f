/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/event_text.h: events, one a JSON object, in the body of a call or a line of the stream; and
 * runs whose outputs are not needed. Pure.
 *
 *     {"version":1,"events":[{"job":"7"},{"run":"7-1764000000-1"},{"worker":"node"},
 *                            {"output":"7-1764000000-1"},{"missed":true}]}
 *
 * The stream begins with {"version":1}, and says {} when there is nothing to say.
 */
#ifndef CRONJOB_LINK_EVENT_TEXT_H
#define CRONJOB_LINK_EVENT_TEXT_H

#include "ports/events.h"

#include "wire/json.h"

/* One value, onto an open array or alone. */
void link_event_write(struct json_writer *writer, const struct event *event);

/* A body of up to LINK_EVENTS_MAX events. RC_TOO_BIG: the buffer's limit. */
MUST_USE enum rc link_events_write(struct buf *buf, const struct event *events, size_t count);

/* Up to LINK_EVENTS_MAX events. RC_MALFORMED, RC_INVALID, RC_TOO_BIG. */
MUST_USE enum rc link_events_read(const char *text, size_t length, struct event *ret_events,
                                  size_t *ret_count, struct err *err);

/* A line of the stream, without its end. */
enum link_line {
    LINK_LINE_EVENT,
    LINK_LINE_BEGIN, /* its version is ours */
    LINK_LINE_NOTHING,
};
MUST_USE enum rc link_line_read(const char *text, size_t length, enum link_line *ret_line,
                                struct event *ret_event, struct err *err);

/* {"version":1,"runs":["7-1764000000-1",...]}, up to LINK_RUNS_MAX. */
MUST_USE enum rc link_runs_write(struct buf *buf, const struct run_key *runs, size_t count);
MUST_USE enum rc link_runs_read(const char *text, size_t length, struct run_key *ret_runs,
                                size_t *ret_count, struct err *err);

#endif
