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

#include "core/limits.h"
#include "core/run.h"

#include "ports/objects.h"

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
    /* Where the last `lines` lines of the first `size` bytes begin; a newline at their end belongs
     * to the last line. */
    enum rc (*tail)(struct outputs *outputs, const struct run_key *run, int64_t size, int64_t lines,
                    int64_t *ret_offset, struct err *err);
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

MUST_USE static inline enum rc outputs_tail(struct outputs *outputs, const struct run_key *run,
                                            int64_t size, int64_t lines, int64_t *ret_offset,
                                            struct err *err)
{
    return outputs->ops->tail(outputs, run, size, lines, ret_offset, err);
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

/* tail() of an adapter that knows no better way: reads back from the end, block by block. */
MUST_USE enum rc outputs_find_tail(struct outputs *outputs, const struct run_key *run, int64_t size,
                                   int64_t lines, int64_t *ret_offset, struct err *err);

/* Whether what the run wrote may be kept as an object. */
static inline bool output_may_be_long(const struct run_result *result)
{
    return result->output_bytes > LIMIT_OUTPUT_SHORT || result->output_truncated;
}

/* Under which key a long output is among the objects: OBJECT_OUTPUTS "<job>/<run id>". */
enum { OUTPUT_OBJECT_KEY = sizeof(OBJECT_OUTPUTS) + 24 + RUN_ID_TEXT };
const char *output_object_key(const struct run_key *run, char key[OUTPUT_OBJECT_KEY]);
/* False: it is no such key. */
MUST_USE bool output_object_key_read(const char *key, struct run_key *ret_run);
/* What the keys of all outputs of a job begin with. */
const char *output_object_prefix(job_id job, char prefix[OUTPUT_OBJECT_KEY]);

#endif
