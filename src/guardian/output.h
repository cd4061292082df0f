/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/output.h: what a run writes, from its pipe to the files of ports/output_file.h.
 *
 * Files are made at the first byte, so that a silent run costs none. Memory is the same for any
 * amount. When the disk is full the run goes on, and its output is cut.
 */
#ifndef CRONJOB_GUARDIAN_OUTPUT_H
#define CRONJOB_GUARDIAN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/output_file.h"

enum { OUTPUT_CHUNK = 64 * 1024 };

struct output {
    int pipe_fd;      /* -1: closed */
    int head_fd;      /* the first file; -1: not made */
    int tail_fd;      /* the ring's file; -1: not made */
    int64_t head_max; /* bytes for the first file */
    int64_t written;  /* by the run */
    int64_t kept_head;
    struct output_ring ring;
    bool broken; /* a file could not be written: nothing more is kept */
};

/* `limit` is what is kept; pipe_fd is non-blocking and belongs to the output from here on. */
void output_init(struct output *output, int pipe_fd, int64_t limit);

enum output_state { OUTPUT_OPEN, OUTPUT_DRAINED, OUTPUT_CLOSED };

/*
 * Reads up to `reads` chunks: OUTPUT_OPEN when there may be more now, OUTPUT_DRAINED when there is
 * not, OUTPUT_CLOSED when nobody holds the other end (the pipe stays open here). `outputs_fd` is
 * the directory, `chunk` a buffer of OUTPUT_CHUNK bytes.
 */
enum output_state output_read(struct output *output, int outputs_fd, const struct run_key *run,
                              char *chunk, int reads);

/* Closes the pipe and finishes the files. */
void output_finish(struct output *output);

bool output_is_truncated(const struct output *output);

#endif
