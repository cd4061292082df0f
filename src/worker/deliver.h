/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/deliver.h: what ended runs wrote goes from this node to where it outlives it: a short
 * output into the store, a long one compressed among the objects; then it is removed here.
 *
 * Most short outputs travel with the result of their run (outputs.c) and are only removed here.
 * What else is there is found by going through all outputs of the node, round and round: what a
 * crash left undelivered, and outputs of runs that the store does not know any more, which are
 * removed. So the queue is a convenience, has a limit, and is forgotten with the process.
 *
 * When store or objects do not take something it stays here, where it is read meanwhile, and is
 * tried again, after longer and longer pauses. Everything may be done twice.
 *
 * The deliverer has a thread, or is stepped: deliverer_step() does what there is to do, and waits
 * for store and objects. Its queue may be filled by any thread.
 */
#ifndef CRONJOB_WORKER_DELIVER_H
#define CRONJOB_WORKER_DELIVER_H

#include "ports/clock.h"
#include "ports/objects.h"
#include "ports/outputs.h"
#include "ports/store.h"

struct deliverer;

/* The ports are not owned and outlive it. */
struct deliver_config {
    const char *name; /* the worker's; NULL: all runs of the store are ours */
    struct store *store;
    struct objects *objects; /* whose URL is "": long outputs stay here */
    struct outputs *outputs; /* of this node */
    struct clock *clock;
    const char *spool; /* a folder for what is on its way to the objects */
    /* The next of all runs that have output here, round and round; false at the end of a round. */
    bool (*next_output)(void *context, struct run_key *ret_run);
    void *context;
};

struct deliverer *deliverer_new(const struct deliver_config *config);
void deliverer_free(struct deliverer *deliverer); /* stopped */

/* The run has ended and its result is in the store. `stored`: so is its output. */
void deliverer_add(struct deliverer *deliverer, const struct run_key *run,
                   const struct claim_token *token, bool stored);

/* Answers when to be called again although nothing was added. */
mono_us deliverer_step(struct deliverer *deliverer);

MUST_USE enum rc deliverer_start(struct deliverer *deliverer, struct err *err);
/* Waits for the step that goes on. */
void deliverer_stop(struct deliverer *deliverer);

/* ---- for deliver.c and its parts --------------------------------------------------------------
 */

/* deliver_long.c: the output, packed, is put among the objects. */
MUST_USE enum rc deliver_long(const struct deliver_config *config, const struct run_key *run,
                              int64_t size, struct err *err);

/* sweep.c: looks at some outputs of the node. ret_ended: a round has ended. */
MUST_USE enum rc deliver_sweep(struct deliverer *deliverer, const struct deliver_config *config,
                               bool *ret_ended, struct err *err);

#endif
