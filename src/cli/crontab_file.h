/* SPDX-License-Identifier: Apache-2.0 */
/* cli/crontab_file.h: a crontab named on the command line, for `check` and `import`. */
#ifndef CRONJOB_CLI_CRONTAB_FILE_H
#define CRONJOB_CLI_CRONTAB_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"

#include "core/crontab.h"

#include "cli/cli.h"

/* --system, --user-crontab; without them the path decides. */
extern const struct option crontab_options[];

/* The content of the first operand; memory is the call's. False after a complaint. */
bool crontab_file_read(struct cli *cli, const struct arguments *arguments,
                       const struct buf *content, struct crontab *ret_crontab);

/* `FILE:LINE: reason` for each bad line, in the order of the lines. */
void crontab_file_report(const char *path, const struct crontab *crontab, bool demands_newline,
                         FILE *stream);

#endif
