/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/directory/walk.h: all runs that have output in a data directory, one by one, round and
 * round. For one thread; files that come and go meanwhile may or may not be met.
 */
#ifndef CRONJOB_ADAPTERS_DIRECTORY_WALK_H
#define CRONJOB_ADAPTERS_DIRECTORY_WALK_H

#include <dirent.h>
#include <stdbool.h>

#include "core/run.h"

struct output_walk {
    const char *data_directory; /* borrowed */
    unsigned folder;            /* the next to be opened */
    DIR *files;                 /* of the one before; NULL: none is open */
};

/* False at the end of a round: the next call begins another. */
bool output_walk_next(struct output_walk *walk, struct run_key *ret_run);
void output_walk_release(struct output_walk *walk);

#endif
