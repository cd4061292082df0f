/* SPDX-License-Identifier: Apache-2.0 */
/* guardian/cgroup_find.h: where this process is in the cgroup hierarchies of the machine. */
#ifndef CRONJOB_GUARDIAN_CGROUP_FIND_H
#define CRONJOB_GUARDIAN_CGROUP_FIND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The folder of our own cgroup: in the hierarchy of version 2 for controller NULL, else in the
 * version 1 hierarchy of that controller. `mounts` is the text of /proc/self/mountinfo, `own` that
 * of /proc/self/cgroup. The caller frees it; NULL when there is none.
 */
char *cgroup_find(const char *mounts, const char *own, const char *controller);

/* The whole of a small file of /proc or /sys as a text that the caller frees; NULL on failure. */
char *read_text_file(int directory_fd, const char *path);

/* Whether `word` is among those that `separator` divides. */
bool has_word(const char *text, size_t length, const char *word, char separator);

#endif
