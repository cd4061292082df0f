/* SPDX-License-Identifier: Apache-2.0 */
/* wire/worker.h: a worker in JSON, and {"draining":true}. */
#ifndef CRONJOB_WIRE_WORKER_H
#define CRONJOB_WIRE_WORKER_H

#include "core/record.h"

#include "wire/json.h"

/* `state`: "alive", "draining" or "lost" once its lease has run out at `now`. */
const char *wire_worker_state(const struct worker_record *worker, instant_us now);
void wire_worker_write(struct json_writer *writer, const struct worker_record *worker,
                       instant_us now);

/* {"draining":true|false}. RC_MALFORMED: not an object; RC_INVALID: problems. */
MUST_USE enum rc wire_worker_patch_read(const char *text, size_t length, struct problems *problems,
                                        bool *ret_draining, struct err *err);

/* An object of strings as text and back, for stores that keep it in one column. */
MUST_USE enum rc wire_pairs_write(const struct pairs *pairs, struct buf *buf);
MUST_USE enum rc wire_pairs_read(const char *text, size_t length, struct arena *arena,
                                 struct pairs *ret_pairs, struct err *err);

#endif
