/* SPDX-License-Identifier: Apache-2.0 */
/* base/exec.h: execve() and posix_spawn() take `char *`, and change nothing. */
#ifndef CRONJOB_BASE_EXEC_H
#define CRONJOB_BASE_EXEC_H

static inline char *exec_argument(const char *text)
{
    union {
        const char *given;
        char *taken;
    } pointer = {.given = text};

    return pointer.taken;
}

#endif
