/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/outputs.h: what runs wrote, asked of the worker that has it. For API servers and managers.
 *
 * The run names its worker in the store, and the worker its URL. A worker that cannot be reached is
 * RC_UNAVAILABLE by name; for LINK_AWAY it is then not asked again. A run that no worker has is
 * RC_NOT_FOUND.
 *
 * size() and read() wait for the worker, and their callers are threads that others need too. So at
 * most LINK_OUTPUT_CALLS are under way to one worker; who finds that many waits LINK_OUTPUT_QUEUE
 * for one of them to end, then gets RC_BUSY. A worker that has just begun not to answer thus holds
 * up two threads for LINK_OUTPUT_TIMEOUT, and others for LINK_OUTPUT_QUEUE.
 *
 * remove() never waits and always answers RC_OK: a thread tells all workers, for who has the output
 * of a run that is erased cannot be looked up any more. What a worker does not hear of stays there.
 */
#ifndef CRONJOB_LINK_OUTPUTS_H
#define CRONJOB_LINK_OUTPUTS_H

#include "ports/clock.h"
#include "ports/outputs.h"
#include "ports/store.h"

#include "link/secret.h"

#define LINK_OUTPUT_TIMEOUT (2 * SECOND)
#define LINK_OUTPUT_QUEUE   (250 * MILLISECOND)
#define LINK_AWAY           (5 * SECOND)

enum { LINK_OUTPUT_CALLS = 2 };

/* The ports are not owned and outlive it; the secret is copied. */
struct link_outputs_config {
    struct store *store;
    struct clock *clock;
    const struct link_secret *secret;
    const char *ca_file; /* for https, see link_caller_init() */
};

/* RC_UNAVAILABLE: there is no HTTP client on this machine. */
MUST_USE enum rc link_outputs_new(const struct link_outputs_config *config,
                                  struct outputs **ret_outputs, struct err *err);

#endif
