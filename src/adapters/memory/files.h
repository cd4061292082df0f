/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/memory/files.h: copies of files in memory, for tests and simulation.
 *
 * They outlive a worker as those on a disk do: the simulation keeps one object. One thread.
 */
#ifndef CRONJOB_ADAPTERS_MEMORY_FILES_H
#define CRONJOB_ADAPTERS_MEMORY_FILES_H

#include "ports/files.h"

struct files *memory_files_new(void);

/* From now on there is room for so many bytes; -1: for all. What is there stays. */
void memory_files_set_room(struct files *files, int64_t bytes);
/* Another takes the copy's place; false: there is none, or it is empty. */
bool memory_files_damage(struct files *files, const char *hash);

#endif
