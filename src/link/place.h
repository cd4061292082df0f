/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link/place.h: where the output of a run is, by the store; remembered for a little while. For
 * outputs.c alone.
 */
#ifndef CRONJOB_LINK_PLACE_H
#define CRONJOB_LINK_PLACE_H

#include "ports/clock.h"
#include "ports/store.h"

struct place {
    char worker[LIMIT_NAME + 1];
    char url[LIMIT_URL + 1];
};

/* Safe from any thread. */
struct places;

struct places *places_new(struct store *store, struct clock *clock); /* neither is owned */
void places_free(struct places *places);

/* RC_NOT_FOUND: no worker has it. RC_UNAVAILABLE: the worker says no address, or did not answer a
 * little while ago. */
MUST_USE enum rc places_find(struct places *places, const struct run_key *run,
                             struct place *ret_place, struct err *err);
/* It is not there: the next one looks again. */
void places_forget(struct places *places, const struct run_key *run);
/* The worker does not answer; for `span` it is not asked again. */
void places_set_away(struct places *places, const char *worker, span_us span);
bool places_is_away(struct places *places, const char *worker);

/* What is said of a worker that cannot be reached. Answers RC_UNAVAILABLE. */
enum rc place_unreachable(const char *worker, struct err *err);

#endif
