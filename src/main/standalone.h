/* SPDX-License-Identifier: Apache-2.0 */
/* main/standalone.h: the server commands, from their options to their exit codes. */
#ifndef CRONJOB_MAIN_STANDALONE_H
#define CRONJOB_MAIN_STANDALONE_H

#include "main/options.h"

/* From here on the log is what the options say. */
void servers_log(const struct server_options *options);

/* `cronjob standalone`: runs until it is told to end. */
int standalone_main(const struct server_options *options);

/* `cronjob guardian`: started by the worker, not by people; see guardian/guardian.h. Of the options
 * data, log_level and log_format count. */
int guardian_main(const struct server_options *options, int ready_fd);

#endif
