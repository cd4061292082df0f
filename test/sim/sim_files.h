/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test/sim/sim_files.h: scripts in an object store, and their way to a worker.
 *
 * The store holds a few files, for good; its faults are the nemesis' own. A worker's fetches are
 * done one after the other by their time, as if by a thread of its own.
 */
#ifndef CRONJOB_TEST_SIM_FILES_H
#define CRONJOB_TEST_SIM_FILES_H

#include "ports/launcher.h"

#include "adapters/memory/files.h"
#include "adapters/memory/objects.h"
#include "worker/worker.h"

enum { SIM_FILES = 4, SIM_FETCHES = 64 };

/* Puts the files there, without faults. */
struct objects *sim_objects_new(const struct memory_objects_config *config);
/* The hash of one of them. */
const char *sim_file_hash(size_t file);
/* Whether what is executed is one of them, whole, and the one of this hash. */
bool sim_file_is(const struct launch *launch, const char *sha256);

struct sim_fetches {
    struct {
        struct fetch *fetch;
        mono_us due;
    } items[SIM_FETCHES];
    size_t count;
};

void sim_fetches_add(struct sim_fetches *fetches, struct fetch *fetch, mono_us due);
/* What is due is done and returned. */
void sim_fetches_move(struct sim_fetches *fetches, struct worker *worker, mono_us now);
mono_us sim_fetches_next(const struct sim_fetches *fetches);
/* The worker dies: whatever is not done never will be. */
void sim_fetches_drop(struct sim_fetches *fetches, struct worker *worker);

#endif
