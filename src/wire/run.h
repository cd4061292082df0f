/* SPDX-License-Identifier: Apache-2.0 */
/* wire/run.h: a run in JSON, and what a client may send with a run on demand. */
#ifndef CRONJOB_WIRE_RUN_H
#define CRONJOB_WIRE_RUN_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#include "core/job.h"
#include "core/run.h"

#include "wire/json.h"

/* All fields; count and until only when the run stands for more than one tick. */
void wire_run_write(struct json_writer *writer, const struct run *run);

/* A job's last_run: id scheduled_at status started_at finished_at exit_code reason. */
void wire_run_write_short(struct json_writer *writer, const struct run *run);

struct run_request {
    struct strings args; /* in place of the job's own, when has_args */
    bool has_args;
    struct pairs env;  /* over the job's own */
    const char *exact; /* the id of the run that is to be repeated; "" or NULL: none */
};

/*
 * {"args":[...],"env":{...},"exact":"..."}, each optional; an empty text is an empty request.
 * Memory comes from problems->arena. RC_MALFORMED: not an object; RC_INVALID: problems.
 */
MUST_USE enum rc wire_run_request_read(const char *text, size_t length, struct problems *problems,
                                       struct run_request *ret_request, struct err *err);

/* The text for the store; "" for an empty request. It belongs to the arena. */
const char *wire_run_request_text(const struct run_request *request, struct arena *arena);

#endif
