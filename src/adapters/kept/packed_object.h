/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/kept/packed_object.h: a long output among the objects, opened for reading.
 *
 * Opening costs two requests: its size, and its end with the index; what is read then, a request
 * for each stretch of pieces. Who reads on from where the last piece ended is given more at once.
 * For one thread at a time. RC_NOT_FOUND: the object is gone; RC_IO: it is damaged.
 */
#ifndef CRONJOB_ADAPTERS_KEPT_PACKED_OBJECT_H
#define CRONJOB_ADAPTERS_KEPT_PACKED_OBJECT_H

#include "ports/outputs.h"

#include "wire/packed.h"

struct packed_object {
    struct objects *objects; /* borrowed */
    char key[OUTPUT_OBJECT_KEY];
    struct packed_index index;
    char *text;         /* of the pieces that were read last; NULL: none */
    uint32_t piece;     /* the first of them, */
    uint32_t pieces;    /* so many */
    struct buf fetched; /* their bytes in the object */
};

MUST_USE enum rc packed_object_open(struct packed_object *object, struct objects *objects,
                                    const struct run_key *run, struct err *err);
/* Also one that is all zeros, or could not be opened. */
void packed_object_release(struct packed_object *object);

MUST_USE enum rc packed_object_read(struct packed_object *object, struct output_piece *piece,
                                    struct err *err);
/* Where its last `lines` lines begin. */
MUST_USE enum rc packed_object_tail(struct packed_object *object, int64_t lines,
                                    int64_t *ret_offset, struct err *err);

#endif
