/* SPDX-License-Identifier: Apache-2.0 */
/* main/migrate_objects.h: scripts, binaries and outputs from one place of objects to another. */
#ifndef CRONJOB_MAIN_MIGRATE_OBJECTS_H
#define CRONJOB_MAIN_MIGRATE_OBJECTS_H

#include "ports/objects.h"

struct objects_copied {
    int64_t count; /* that there were */
    int64_t added; /* that were not there yet */
};

/*
 * All of them, by their keys; what nobody needs is collected there as it would have been here.
 * What is there with its size already stays: an object's bytes never change. So a copy that broke
 * off can be made again. RC_IO names a script or binary whose bytes are not those of its key.
 */
MUST_USE enum rc objects_copy(struct objects *from, struct objects *to,
                              struct objects_copied *ret_copied, struct err *err);

#endif
