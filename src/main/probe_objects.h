/* SPDX-License-Identifier: Apache-2.0 */
/* main/probe_objects.h: whether objects can be kept where the settings say. */
#ifndef CRONJOB_MAIN_PROBE_OBJECTS_H
#define CRONJOB_MAIN_PROBE_OBJECTS_H

#include "main/options.h"

struct probe_objects {
    const char *detail; /* what there is to say when all is well; the arena's */
    const char *remedy; /* what to mend; NULL when all is well */
};

/*
 * Puts a small object, reads, lists and removes it. The message says what failed. A directory is
 * never made, and one of another account only looked at: what is put there would be in its way.
 */
MUST_USE enum rc probe_objects(const struct server_options *options, struct arena *arena,
                               struct probe_objects *ret_probe, struct err *err);

#endif
