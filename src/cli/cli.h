/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli.h: one call of the client, from its words to its exit code.
 *
 *     main: cli_main(commands, system, argc, argv, environ) -> exit code
 *
 * Results go to stdout; every complaint is one line "cronjob: ..." on stderr.
 */
#ifndef CRONJOB_CLI_CLI_H
#define CRONJOB_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/instant.h"

#include "core/zone.h"

#include "cli/command.h"

struct http_client;
struct arguments;
struct cli;

/* What an examination found. Texts live as long as the call. */
struct cli_finding {
    const char *what; /* "database" */
    const char *detail;
    const char *remedy; /* NULL: all is well */
};
typedef void (*cli_found)(struct cli *cli, const struct cli_finding *finding);

/* What this folder may not know how to ask: clock, time zones, servers; given by main. Zones stay
 * valid until the process ends. */
struct cli_system {
    instant_us (*now)(void *context);
    enum rc (*zone)(void *context, const char *name, const struct zone **ret_zone, struct err *err);
    const char *(*local_zone)(void *context); /* the name of the machine's own zone */
    /* Examines this machine and the servers that its configuration (--config) names. */
    void (*probe)(struct cli *cli, const struct arguments *arguments, cli_found found);
    void *context;
};

struct cli {
    const struct cli_system *system;
    const struct command *const *commands; /* the whole table, for help and completions */
    const char *const *environment;        /* "NAME=value", ended by NULL */
    struct arena arena;                    /* everything of this call */
    const char *server;                    /* as it is named: its URL, or unix:PATH */
    const char *url;                       /* what its paths follow, without a / at the end */
    const char *socket;                    /* the Unix socket where it is; NULL: by the URL */
    const char *token;                     /* NULL: none */
    bool has_session;                      /* the token is one that `login` has left */
    const char *ca_file;        /* vouches for the server; NULL: whom the system trusts */
    struct http_client *client; /* made by the first question to the server */
    bool json;                  /* print documents instead of tables */
    bool ill;                   /* an examination found something to mend */
};

/* `words` is argv without the program's name. */
int cli_main(const struct command *const *commands, const struct cli_system *system,
             const char *const *words, size_t count, const char *const *environment);

/* The value of a variable of the environment, NULL when it is not set. */
const char *cli_variable(const struct cli *cli, const char *name);

/* "cronjob: ..." on stderr, behind what stdout has. */
void cli_complain(const char *format, ...) PRINTF(1, 2);

/* Complains about how the command is used; answers CLI_USAGE. */
int cli_usage(const char *format, ...) PRINTF(1, 2);

/* The content of a file, of standard input for "-"; at most `limit` bytes. NULL after a complaint.
 */
struct buf;
bool cli_read_file(const char *path, size_t limit, struct buf *ret_content);

#endif
