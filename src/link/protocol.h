/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/protocol.h: what API servers, the leading manager and workers say to each other.
 *
 *     POST /link/1/changes         to the leader: changes; answered when all are done
 *     POST /link/1/events          to the leader: what has changed
 *     GET  /link/1/events          to the leader: a stream of what changes, a JSON object a line
 *     GET  /link/1/outputs/{run}   to a worker: ?offset=N&length=N, the bytes; their whole number
 *                                  is in Cronjob-Output-Size
 *     POST /link/1/outputs/remove  to a worker: outputs that are not needed any more
 *
 * Every call is signed (link/signature.h). Bodies are JSON with a member `version`, and are read
 * and written in link/change_text.h and link/event_text.h. A manager that does not lead answers the
 * first three by 421 and who does, as far as it knows: {"leader":{"name","url","epoch"}}.
 */
#ifndef CRONJOB_LINK_PROTOCOL_H
#define CRONJOB_LINK_PROTOCOL_H

#include "base/instant.h"

enum {
    LINK_VERSION = 1,
    LINK_CHANGES_MAX = 200,            /* in one call */
    LINK_EVENTS_MAX = 1000,            /* in one call */
    LINK_RUNS_MAX = 1000,              /* whose outputs are removed in one call */
    LINK_PIECE_MAX = 256 * 1024,       /* bytes of an output in one answer */
    LINK_BODY_MAX = 8 * 1024 * 1024,   /* bytes of a call */
    LINK_ANSWER_MAX = 1 * 1024 * 1024, /* bytes of an answer, but for outputs */
    LINK_LINE_MAX = 1024,              /* bytes of a line of the stream */
    LINK_STREAMS_MAX = 64,             /* of events, on one manager */
};

#define LINK_CHANGES_PATH "/link/1/changes"
#define LINK_EVENTS_PATH  "/link/1/events"
#define LINK_OUTPUT_PATH  "/link/1/outputs/{run}"
#define LINK_REMOVE_PATH  "/link/1/outputs/remove"

#define LINK_JSON        "application/json"
#define LINK_BYTES       "application/octet-stream"
#define LINK_LINES       "application/x-ndjson"
#define LINK_SIZE_HEADER "Cronjob-Output-Size"

/* A stream says something at least so often; a listener gives it up after so long. */
#define LINK_HEARTBEAT (1 * SECOND)
#define LINK_SILENCE   (2500 * MILLISECOND)

/* What a leader's answer means besides those of base/rc.h. */
enum {
    LINK_STATUS_ELSEWHERE = 421, /* who was asked does not lead */
    LINK_STATUS_REPEATED = 409,  /* this very call came before */
};

#endif
