/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/outputs.h: what runs wrote, by run, as bytes.
 *
 * Contract: the bytes of a run that goes on may grow between two calls, never change below a size
 * that was seen. When more is written than the job's limit keeps, the head is readable while the
 * run goes on, and at its end a line
 * "[... N bytes left out ...]" and the tail follow. A run without output has none: RC_NOT_FOUND.
 * Safe from any thread.
 */
#ifndef CRONJOB_PORTS_OUTPUTS_H
#define CRONJOB_PORTS_OUTPUTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/run.h"

struct outputs;

/* Bytes that are asked for. */
struct output_piece {
    int64_t offset;
    void *data;
    size_t capacity; /* at most so many */
    size_t length;   /* written by read(), on success: how many came; 0 at the end */
};

struct outputs_ops {
    const char *name;
    enum rc (*size)(struct outputs *outputs, const struct run_key *run, int64_t *ret_size,
                    struct err *err);
    enum rc (*read)(struct outputs *outputs, const struct run_key *run, struct output_piece *piece,
                    struct err *err);
    enum rc (*remove)(struct outputs *outputs, const struct run_key *run, struct err *err);
    void (*free)(struct outputs *outputs);
};

struct outputs {
    const struct outputs_ops *ops;
};

MUST_USE static inline enum rc outputs_size(struct outputs *outputs, const struct run_key *run,
                                            int64_t *ret_size, struct err *err)
{
    return outputs->ops->size(outputs, run, ret_size, err);
}

MUST_USE static inline enum rc outputs_read(struct outputs *outputs, const struct run_key *run,
                                            struct output_piece *piece, struct err *err)
{
    return outputs->ops->read(outputs, run, piece, err);
}

static inline enum rc outputs_remove(struct outputs *outputs, const struct run_key *run,
                                     struct err *err)
{
    return outputs->ops->remove(outputs, run, err);
}

static inline void outputs_free(struct outputs *outputs)
{
    if (outputs)
        outputs->ops->free(outputs);
}

#endif
