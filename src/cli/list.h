/* SPDX-License-Identifier: Apache-2.0 */
/* cli/list.h: what the server answers as one array, as a table. */
#ifndef CRONJOB_CLI_LIST_H
#define CRONJOB_CLI_LIST_H

#include "cli/cli.h"
#include "cli/listing.h"

/* GETs `path` and prints a row an element, with --json the document as it came. The exit code. */
int list_show(struct cli *cli, const char *path, const struct column *columns, size_t count);

#endif
