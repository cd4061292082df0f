/* SPDX-License-Identifier: Apache-2.0 */
/* main/process.h: what a server process asks of its system. */
#ifndef CRONJOB_MAIN_PROCESS_H
#define CRONJOB_MAIN_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Before the first thread: raises the limit of descriptors, and has the signals that end us wait
 * for process_wait_for_end(). */
void process_begin(void);

/* The soft limit of descriptors before it was raised. */
uint64_t process_descriptors(void);

/* Until SIGTERM or SIGINT; calls `again` at each SIGHUP. */
void process_wait_for_end(void (*again)(void *context), void *context);

void process_fill_random(void *data, size_t length);

/* The process's private directory; made when it is not there. RC_IO. */
MUST_USE enum rc process_make_directory(const char *path, struct err *err);

/* What stays the same over the lives of a process on its node: the machine and the directory. */
const char *process_identity(const char *data, struct arena *arena);

/* "127.0.0.1", "::1", "localhost": nobody else can reach it. */
bool process_is_loopback(const char *address);

#endif
