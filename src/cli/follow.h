/* SPDX-License-Identifier: Apache-2.0 */
/* cli/follow.h: a run's output as it comes, until the run has ended. */
#ifndef CRONJOB_CLI_FOLLOW_H
#define CRONJOB_CLI_FOLLOW_H

#include "cli/remote.h"

/* Copies a run's output to standard output. `tail` is how many of its last lines, NULL for all;
 * `follows` goes on until the run is final. */
int follow_output(struct cli *cli, const char *run, const char *tail, bool follows);

/* Waits until the run is final, with its output on standard output unless `quiet`; the answer is
 * the run then. `ret_answer` is always to be released. */
int follow_run(struct cli *cli, const char *run, bool quiet, struct remote_answer *ret_answer);

#endif
