/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.h: the help texts, made of the tables of commands and options. */
#ifndef CRONJOB_CLI_HELP_H
#define CRONJOB_CLI_HELP_H

#include "base/buf.h"

#include "cli/command.h"

/* All commands that are not hidden, servers and clients apart. */
void help_overview(const struct command *const *commands, struct buf *buf);

/* Those that begin with the word: the commands of a group. */
void help_group(const struct command *const *commands, const char *word, struct buf *buf);

/* One command: usage, what it does, its options. */
void help_command(const struct command *command, struct buf *buf);

#endif
