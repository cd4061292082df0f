/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/output_file.h: how the guardian leaves a run's output on disk, for the outputs adapter.
 *
 *     outputs/2a/298-1764000000-1         the first bytes, appended as they come
 *     outputs/2a/298-1764000000-1.tail    the last bytes, when there were more: a head, then a ring
 *
 * "2a" is job % 256 in hex. With a limit of L bytes the first file keeps L - L/2 and the ring has
 * room for L/2. The ring's head says nothing (`total` 0) until the run's end, when it is written
 * once; so a ring that a killed guardian leaves behind is ignored. Logically the output is the
 * first file, then, if bytes fell out of the ring, the line "[... N bytes left out ...]", then the
 * ring in order.
 */
#ifndef CRONJOB_PORTS_OUTPUT_FILE_H
#define CRONJOB_PORTS_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/run.h"

#define OUTPUT_DIRECTORY   "outputs"
#define OUTPUT_TAIL_SUFFIX ".tail"

enum {
    OUTPUT_PATH = RUN_ID_TEXT + 8, /* "2a/" and an id */
    OUTPUT_RING_HEAD = 64,         /* bytes in front of the ring */
    OUTPUT_MARKER = 64,            /* room for the line */
};

struct output_ring {
    int64_t room;  /* bytes that it holds at most */
    int64_t total; /* bytes that were ever put into it */
    bool newline;  /* the first file ends in a newline, or is empty */
};

/* "2a/298-1764000000-1", below OUTPUT_DIRECTORY. Answers `path`. */
const char *output_path(const struct run_key *run, char path[OUTPUT_PATH]);

void output_ring_encode(const struct output_ring *ring, char head[OUTPUT_RING_HEAD]);
/* False when it is not the head of a ring that was finished. */
bool output_ring_decode(const char head[OUTPUT_RING_HEAD], struct output_ring *ret_ring);

/* The line for what fell out, "" when nothing did; answers its length. */
size_t output_marker(const struct output_ring *ring, char marker[OUTPUT_MARKER]);

/* Bytes that the ring holds, and where in it the oldest is. */
static inline int64_t output_ring_length(const struct output_ring *ring)
{
    return ring->total < ring->room ? ring->total : ring->room;
}

static inline int64_t output_ring_start(const struct output_ring *ring)
{
    return ring->total > ring->room ? ring->total % ring->room : 0;
}

#endif
