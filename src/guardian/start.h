/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/start.h: from a program to a process that inherits nothing from us.
 *
 * clone(CLONE_VM | CLONE_VFORK): the child borrows our memory until it executes, so a start costs
 * the same whatever the size of the guardian, and we go on once the program runs or has failed to.
 */
#ifndef CRONJOB_GUARDIAN_START_H
#define CRONJOB_GUARDIAN_START_H

#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"

#include "guardian/account.h"
#include "guardian/program.h"

struct starter {
    void *stack;          /* of the child until it executes; one at a time */
    struct rlimit nofile; /* what runs get: the limit before anybody raised his own */
    bool resets_oom;      /* the guardian is protected from the OOM killer, runs are not */
};

void starter_init(struct starter *starter, const struct rlimit *nofile, bool resets_oom);
void starter_release(struct starter *starter);

struct start {
    const struct program *program;
    const struct account *account;
    const char *directory; /* "": the home, or / when there is none */
    int32_t nice;
    bool may_gain;           /* privileges, by programs with a set-user-ID bit; root always may */
    int stdin_fd, output_fd; /* above 2 */
    int file_fd;             /* of a script or binary, above 2; -1: none */
    const int *join_fds;     /* cgroup.procs files to join */
    size_t join_count;
    int born_in; /* the folder of the cgroup of join_fds[0], of version 2; -1: it is joined only */
};

struct process {
    pid_t pid;
    int fd; /* a pidfd */
};

/* RC_BUSY: no process can be made now, perhaps later; RC_INVALID: the step that failed and why. */
MUST_USE enum rc start_process(const struct starter *starter, const struct start *start,
                               struct process *ret_process, struct err *err);

#endif
