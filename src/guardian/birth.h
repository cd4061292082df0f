/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/birth.h: a child that borrows our memory, as clone(CLONE_VM | CLONE_VFORK) makes it, and
 * that begins in a cgroup.
 *
 * To move into a cgroup later is dear: the kernel first waits until no thread of the machine can be
 * in the middle of a fork, an RCU grace period. On a machine with little to do each start took 10
 * to 20 ms by that, and takes one with a birth in the cgroup.
 */
#ifndef CRONJOB_GUARDIAN_BIRTH_H
#define CRONJOB_GUARDIAN_BIRTH_H

#include <stddef.h>
#include <sys/types.h>

struct birth {
    void *stack; /* the child's until it executes; aligned to 16 bytes */
    size_t stack_size;
    void (*entry)(void *); /* what the child does; does not return */
    void *context;
    int cgroup_fd; /* the folder of a cgroup of version 2 */
};

/* Answers the child's pid when it has executed a program or has ended; else -1 and errno, ENOSYS
 * where the kernel or the processor does not have it. */
pid_t birth_into(const struct birth *birth, int *ret_pidfd);

#endif
