/* SPDX-License-Identifier: Apache-2.0 */
/* main/main.c: which command is meant. Clients are in cli/, servers in servers.c. */
#include <limits.h>
#include <stdlib.h>

#include "ports/zones.h"

#include "adapters/posix/clock.h"
#include "adapters/posix/zones.h"
#include "cli/cli.h"
#include "main/fire.h"
#include "main/migrate.h"
#include "main/options.h"
#include "main/probe.h"
#include "main/servers.h"
#include "main/sign.h"

/* ---- what the client may ask --------------------------------------------------------------- */

static enum rc zone(void *context, const char *name, const struct zone **ret_zone, struct err *err)
{
    return zones_get(context, name, ret_zone, err);
}

static const char *local_zone(void *context)
{
    return zones_local_name(context);
}

/* ---- servers ------------------------------------------------------------------------------- */

static int run_server(struct cli *cli, enum role role, const struct arguments *arguments)
{
    struct server_options options;
    struct err err = {0};
    enum rc rc =
        server_options_load(role, arguments, cli->environment, &cli->arena, &options, &err);
    if (rc == RC_OK)
        return server_main(role, &options);
    cli_complain("%s", err_message(&err, rc));
    return rc == RC_INVALID ? CLI_USAGE : CLI_FAILED;
}

static int run_standalone(struct cli *cli, const struct arguments *arguments)
{
    return run_server(cli, ROLE_STANDALONE, arguments);
}

static int run_api(struct cli *cli, const struct arguments *arguments)
{
    return run_server(cli, ROLE_API, arguments);
}

static int run_manager(struct cli *cli, const struct arguments *arguments)
{
    return run_server(cli, ROLE_MANAGER, arguments);
}

static int run_worker(struct cli *cli, const struct arguments *arguments)
{
    return run_server(cli, ROLE_WORKER, arguments);
}

#define SETTINGS                                                                          \
    "Each option can also be a line `listen = ADDR:PORT` of the configuration file or a " \
    "variable\n"                                                                          \
    "like CRONJOB_LISTEN; flags win over the environment, and that over the file."

static struct command server_commands[] = {
    {.name = "standalone",
     .summary = "Run API server, manager and worker in one process",
     .details = "It keeps everything in one directory and needs no other service.\n" SETTINGS,
     .run = run_standalone},
    {.name = "api",
     .summary = "Run an API server of a cluster",
     .details =
         "It answers requests from the store and hands changes to the leading manager.\n" SETTINGS,
     .run = run_api},
    {.name = "manager",
     .summary = "Run a manager of a cluster",
     .details = "Of all managers one leads: it keeps the jobs, gives them to workers and watches\n"
                "those; the others stand by.\n" SETTINGS,
     .run = run_manager},
    {.name = "worker",
     .summary = "Run the worker of a node",
     .details =
         "It runs its jobs on time, also while managers and API servers are away.\n" SETTINGS,
     .run = run_worker},
};

static const enum role command_roles[] = {ROLE_STANDALONE, ROLE_API, ROLE_MANAGER, ROLE_WORKER};

static int run_guardian(struct cli *cli, const struct arguments *arguments)
{
    const char *text = arguments_value(arguments, "ready-fd");
    const char *level = arguments_value(arguments, "log-level");
    const char *format = arguments_value(arguments, "log-format");
    const char *nofile = arguments_value(arguments, "run-nofile");
    struct server_options options = {.data = arguments_value(arguments, "data"),
                                     .log_level = LEVEL_INFO};
    struct err err = {0};
    char *end = NULL;
    long fd = text ? strtol(text, &end, 10) : -1;
    (void)cli;
    if (!options.data || (text && (end == text || *end != '\0' || fd < 0 || fd > INT_MAX)))
        return cli_usage("guardian: --data DIR is needed, --ready-fd is a descriptor");
    enum rc rc = level ? log_level_parse(level, &options.log_level, &err) : RC_OK;
    if (rc == RC_OK && format)
        rc = log_format_parse(format, &options.log_format, &err);
    if (rc != RC_OK)
        return cli_usage("guardian: %s", err_message(&err, rc));
    return guardian_main(&options, (int)fd, nofile ? strtoull(nofile, NULL, 10) : 0);
}

static const struct option guardian_options[] = {
    {.name = "data", .value = "DIR", .help = "the worker's directory"},
    {.name = "ready-fd", .value = "N", .help = "a descriptor to tell when it is ready"},
    {.name = "run-nofile", .value = "N", .help = "descriptors that a run may have"},
    {.name = "log-level", .value = "LEVEL", .help = "error, warn, info or debug [info]"},
    {.name = "log-format", .value = "FORMAT", .help = "text or json [text]"},
    {0},
};

static const struct command command_guardian = {
    .name = "guardian",
    .operands = "",
    .summary = "Start and watch a worker's processes; the worker starts it",
    .hidden = true,
    .serves = true,
    .options = {guardian_options},
    .run = run_guardian,
};

enum { COMMANDS_MAX = 64 };

/* The servers, then the clients. */
static void gather_commands(const struct command *commands[COMMANDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(server_commands); i++) {
        server_commands[i].operands = "";
        server_commands[i].serves = true;
        server_commands[i].options[0] = server_options_of(command_roles[i]);
        commands[count++] = &server_commands[i];
    }
    commands[count++] = &command_guardian;
    commands[count++] = &command_fire;
    commands[count++] = &command_migrate;
    commands[count++] = &command_sign;
    for (const struct command *const *at = cli_commands; *at && count < COMMANDS_MAX - 1; at++)
        commands[count++] = *at;
    commands[count] = NULL;
}

int main(int argc, char **argv, char **environment)
{
    const struct command *commands[COMMANDS_MAX];
    struct zones *zones = posix_zones_new(NULL, NULL);
    const struct cli_system system = {.now = posix_now,
                                      .zone = zone,
                                      .local_zone = local_zone,
                                      .probe = probe_machine,
                                      .context = zones};
    gather_commands(commands);
    int code = cli_main(commands, &system, (const char *const *)argv + 1,
                        argc > 0 ? (size_t)argc - 1 : 0, (const char *const *)environment);
    zones_free(zones);
    return code;
}
