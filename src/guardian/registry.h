/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/registry.h: what a successor must kill if this guardian is killed: DIR/guardian.runs.
 *
 * The file names the boot, the folder of cgroups and, where there are no cgroups, the session of
 * each run that goes on with its start time. It is written without fsync: after a crash of the
 * machine there is nothing to kill.
 */
#ifndef CRONJOB_GUARDIAN_REGISTRY_H
#define CRONJOB_GUARDIAN_REGISTRY_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#include "core/run.h"

struct registry {
    int fd;
    unsigned *free_slots; /* a stack of those that were used and are free */
    size_t free_count, free_capacity;
    unsigned slots; /* used so far */
};

/* Opens the file, kills what it names (in this boot), and begins it anew for cgroups below
 * `group_path`, "" when there are none. RC_IO, RC_FULL. */
MUST_USE enum rc registry_open(struct registry *registry, int directory_fd, const char *group_path,
                               struct err *err);
void registry_close(struct registry *registry);

/* Notes a session; answers its slot, for registry_remove(). A full disk is no reason not to run:
 * then the note is missing. */
unsigned registry_add(struct registry *registry, pid_t session, const struct run_key *run);
void registry_remove(struct registry *registry, unsigned slot);

#endif
