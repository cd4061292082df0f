/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/group.h: the cgroups that hold runs together, where the machine has them.
 *
 * A cgroup of version 2 is what finds and kills every process of a run, whatever it did to escape;
 * it need not have controllers. Limits come from the controllers of version 2, or, on machines with
 * both versions, from those of version 1. All live in a folder "cronjob-ID" below the guardian's
 * own cgroup of each hierarchy. Making and removing a cgroup is dear (a quarter of a start), so
 * those of runs without limits are used again and again.
 *
 * Without a usable hierarchy of version 2 `groups->kills` is false and the process tree is walked
 * instead (guardian/tree.h).
 */
#ifndef CRONJOB_GUARDIAN_GROUP_H
#define CRONJOB_GUARDIAN_GROUP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/list.h"

#include "core/job.h"

enum { GROUP_NAME = 16, GROUP_JOINS = 4, GROUP_PATH = 4096 };

enum controller { CONTROLLER_MEMORY, CONTROLLER_CPU, CONTROLLER_TASKS, CONTROLLER_COUNT };

/* A folder of ours in a mounted hierarchy. */
struct hierarchy {
    int fd;            /* -1: there is none */
    char *path;        /* of our folder */
    bool v2;           /* else version 1 */
    unsigned provides; /* bits of enum controller, each with the first hierarchy that has it */
};

enum { HIERARCHY_MAX = 4 }; /* version 2, and memory, cpu and pids of version 1 */

struct groups {
    struct hierarchy hierarchies[HIERARCHY_MAX]; /* [0] is version 2 */
    bool kills;
    struct list spare; /* groups to use again */
    size_t spare_count;
    uint64_t made;                       /* the next name */
    bool warned_about[CONTROLLER_COUNT]; /* limits that nothing enforces */
};

struct group {
    struct list link;
    char name[GROUP_NAME];
    int join_fds[GROUP_JOINS]; /* cgroup.procs, for reading and writing; [0] of version 2 if kills
                                */
    size_t join_count;
    int folder_fd; /* of version 2, to be born in; -1: there is none */
    bool limited;
    bool killed;        /* by the kernel: a birth in it would be killed, too */
    unsigned used;      /* bits of hierarchies in which it exists */
    span_us cpu_before; /* when group_cpu() was last asked */
};

/* Finds the hierarchies and makes our folders; kills what a predecessor with this `id` left in
 * them. Never fails: what the machine does not offer is not used. */
void groups_init(struct groups *groups, const char *id);
/* Kills what is in the folder at `path`, which a predecessor used elsewhere, and removes it. */
void groups_sweep(const char *path);
void groups_release(struct groups *groups); /* removes our folders when they are empty */

/* A group for one run; NULL when the machine has nothing that would serve it. Limits that cannot be
 * enforced are logged once and ignored. RC_BUSY, RC_IO. */
MUST_USE enum rc groups_take(struct groups *groups, const struct run_limits *limits,
                             struct group **ret_group, struct err *err);
/* The run is over and its processes are gone. */
void groups_give_back(struct groups *groups, struct group *group);

/* The following are for groups of `groups->kills`. */
bool group_is_empty(const struct groups *groups, const struct group *group);
void group_signal(const struct groups *groups, struct group *group, int signal);

/* User and system time spent in it since this was last asked, -1 when unknown. */
span_us group_cpu(const struct groups *groups, struct group *group);
/* Whether a process was killed because the group was out of memory. */
bool group_was_out_of_memory(const struct groups *groups, const struct group *group);

#endif
