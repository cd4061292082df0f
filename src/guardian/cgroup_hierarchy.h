/* SPDX-License-Identifier: Apache-2.0 */
/* guardian/cgroup_hierarchy.h: the folders of ours in the cgroup hierarchies of the machine. */
#ifndef CRONJOB_GUARDIAN_CGROUP_HIERARCHY_H
#define CRONJOB_GUARDIAN_CGROUP_HIERARCHY_H

#include "guardian/group.h"

/* Makes and opens "cronjob-ID" wherever it is possible; [0] is version 2 or closed. */
void hierarchies_open(struct hierarchy hierarchies[HIERARCHY_MAX], const char *id);
void hierarchies_close(struct hierarchy hierarchies[HIERARCHY_MAX]);

/* Makes our folder anew when it is gone: systemd removes what is empty below a service that ends,
 * also while the guardian lives on in it. Answers whether there is one again. */
bool hierarchy_restore(struct hierarchy *hierarchy);

/* Kills every process in the groups of a folder and removes the groups. Waits for the dying, some
 * seconds at most. */
void hierarchy_sweep(int fd);

/* Sends a signal to each process that a cgroup.procs file lists. */
void cgroup_signal(int procs_fd, int signal);

bool write_text_file(int directory_fd, const char *path, const char *text);

#endif
