/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/command.h: what the binary can be asked to do, one table.
 *
 * Dispatch, --help, the man page's list and the completions are made of it. The commands of this
 * folder speak to a server (or need none); main adds those that are servers.
 */
#ifndef CRONJOB_CLI_COMMAND_H
#define CRONJOB_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/option.h"

struct cli;

/* What the process ends with. */
enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,      /* refused, or failed */
    CLI_USAGE = 2,       /* the command line is wrong */
    CLI_UNREACHABLE = 3, /* the server does not answer */
};

enum { OPERANDS_ANY = -1 };

struct command {
    const char *name;     /* "add", "token create" */
    const char *operands; /* "SCHEDULE -- COMMAND...", "" when there are none */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs for --help, NULL when the summary says all */
    int least;            /* operands that must and that may be there */
    int most;
    bool takes_rest; /* words behind "--" are something else than operands */
    bool hidden;     /* not in the list of commands */
    bool serves;     /* a server, not a client */
    const struct option *options[OPTION_TABLES]; /* besides --help */
    /* Answers what the process ends with. */
    int (*run)(struct cli *cli, const struct arguments *arguments);
};

/* The client commands, ended by NULL. */
extern const struct command *const cli_commands[];

/* Options of every command that speaks to a server: --server, --token-file, --json. */
extern const struct option remote_options[];
/* --help, which every command has. */
extern const struct option help_options[];

/*
 * The command that the first word, or the first two ("token create"), name; *ret_words says how
 * many those are. NULL when there is none.
 */
const struct command *command_find(const struct command *const *commands, const char *const *words,
                                   size_t count, size_t *ret_words);

/* Whether commands of two words begin with this one: `token`. */
bool command_is_group(const struct command *const *commands, const char *word);

/* What a mistyped name may have meant, NULL when no command is like it. */
const char *command_nearest(const struct command *const *commands, const char *name);

#endif
