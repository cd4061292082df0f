/* SPDX-License-Identifier: Apache-2.0 */
/* main/servers.h: the server commands, from their options to their exit codes. */
#ifndef CRONJOB_MAIN_SERVERS_H
#define CRONJOB_MAIN_SERVERS_H

#include "main/options.h"

/* `cronjob standalone`, `api`, `manager` or `worker`: runs until it is told to end. */
int server_main(enum role role, const struct server_options *options);

/* `cronjob guardian`: started by the worker, not by people; see guardian/guardian.h. Of the options
 * data, log_level and log_format count. */
int guardian_main(const struct server_options *options, int ready_fd, uint64_t run_nofile);

#endif
