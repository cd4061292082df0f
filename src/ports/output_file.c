/* SPDX-License-Identifier: Apache-2.0 */
#include "ports/output_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char magic[8] = "CJTAIL1";

struct head {
    char magic[8];
    int64_t room;
    int64_t total;
    uint8_t newline;
};

_Static_assert(sizeof(struct head) <= OUTPUT_RING_HEAD, "the head has room");

const char *output_path(const struct run_key *run, char path[OUTPUT_PATH])
{
    char id[RUN_ID_TEXT];

    (void)snprintf(path, OUTPUT_PATH, "%02x/%s", (unsigned)(run->job % 256),
                   run_id_format(run, id)); /* fits */
    return path;
}

void output_ring_encode(const struct output_ring *ring, char head[OUTPUT_RING_HEAD])
{
    struct head fields = {.room = ring->room, .total = ring->total, .newline = ring->newline};

    memcpy(fields.magic, magic, sizeof(magic));
    memset(head, 0, OUTPUT_RING_HEAD);
    memcpy(head, &fields, sizeof(fields));
}

bool output_ring_decode(const char head[OUTPUT_RING_HEAD], struct output_ring *ret_ring)
{
    struct head fields;

    memcpy(&fields, head, sizeof(fields));
    if (memcmp(fields.magic, magic, sizeof(magic)) != 0 || fields.room <= 0 || fields.total <= 0)
        return false;
    *ret_ring = (struct output_ring){
        .room = fields.room, .total = fields.total, .newline = fields.newline != 0};
    return true;
}

size_t output_marker(const struct output_ring *ring, char marker[OUTPUT_MARKER])
{
    int64_t left_out = ring->total - output_ring_length(ring);

    marker[0] = '\0';
    if (!left_out)
        return 0;
    return (size_t)snprintf(marker, OUTPUT_MARKER, "%s[... %" PRId64 " bytes left out ...]\n",
                            ring->newline ? "" : "\n", left_out);
}
