/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/list.h"
#include "cli/remote.h"

static const struct column audit_columns[] = {
    {.title = "AT", .path = "at"},           {.title = "WHO", .path = "who"},
    {.title = "FROM", .path = "source"},     {.title = "ACTION", .path = "action"},
    {.title = "SUBJECT", .path = "subject"}, {.title = "OUTCOME", .path = "outcome"},
};

static const char *audit_path(struct cli *cli, const struct arguments *arguments)
{
    static const char *const parameters[] = {"limit", "before", "who", "action", "since", "until"};
    const char *path = "/audit";
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
        path = remote_query(cli, path, parameters[i], arguments_value(arguments, parameters[i]));
    return path;
}

static int run_audit(struct cli *cli, const struct arguments *arguments)
{
    return list_show(cli, audit_path(cli, arguments), audit_columns, ARRAY_SIZE(audit_columns));
}

static const struct option audit_options[] = {
    {.name = "who", .value = "NAME", .help = "only what this user or account asked for"},
    {.name = "action", .value = "ACTION", .help = "only this, like job.change, login or refused"},
    {.name = "since", .value = "TIME", .help = "only from this time on"},
    {.name = "until", .value = "TIME", .help = "only from before this time"},
    {.name = "before", .value = "ID", .help = "only older than this record"},
    {.name = "limit", .value = "N", .help = "at most so many; 100"},
    {0},
};

const struct command command_audit = {
    .name = "audit",
    .operands = "",
    .summary = "List who did what and what was refused, newest first",
    .details = "With --json also what each thing was before and after.",
    .options = {audit_options, remote_options},
    .run = run_audit,
};
