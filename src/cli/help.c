/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/commands.h"

enum { NAME_WIDTH = 16, OPTION_WIDTH = 30, HELP_LIMIT = 256 * 1024 };

static void add_line(const struct command *command, struct buf *buf)
{
    buf_printf(buf, "  %-*s%s\n", NAME_WIDTH, command->name, command->summary);
}

void help_overview(const struct command *const *commands, struct buf *buf)
{
    buf_puts(buf, "Usage: cronjob COMMAND [OPTION]...\n\n"
                  "Runs jobs on time, on one machine or on many.\n\nServer:\n");
    for (const struct command *const *at = commands; *at; at++)
        if (!(*at)->hidden && (*at)->serves)
            add_line(*at, buf);
    buf_puts(buf, "\nClient:\n");
    for (const struct command *const *at = commands; *at; at++)
        if (!(*at)->hidden && !(*at)->serves)
            add_line(*at, buf);
    buf_puts(buf, "\n`cronjob COMMAND --help` says more of one; `cronjob --version` says which "
                  "this is.\nExit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the server "
                  "can't be reached.\n");
}

void help_group(const struct command *const *commands, const char *word, struct buf *buf)
{
    size_t length = strlen(word);
    buf_printf(buf, "Usage: cronjob %s COMMAND [OPTION]...\n\n", word);
    for (; *commands; commands++)
        if (strncmp((*commands)->name, word, length) == 0 && (*commands)->name[length] == ' ')
            add_line(*commands, buf);
}

static void add_option(const struct option *option, struct buf *buf)
{
    char left[96];
    char letter[8] = "    ";
    if (option->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
    (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
                   option->value ? option->value : "");
    const char *gap = strlen(left) < OPTION_WIDTH ? "" : "\n  ";
    int width = *gap ? OPTION_WIDTH : OPTION_WIDTH - (int)strlen(left);
    buf_printf(buf, "  %s%s%*s%s%s\n", left, gap, width, "", option->help,
               option->repeats ? " (repeatable)" : "");
}

void help_command(const struct command *command, struct buf *buf)
{
    buf_printf(buf, "Usage: cronjob %s [OPTION]...%s%s\n\n%s.\n", command->name,
               *command->operands ? " " : "", command->operands, command->summary);
    if (command->details)
        buf_printf(buf, "\n%s\n", command->details);
    buf_puts(buf, "\nOptions:\n");
    for (size_t t = 0; t < OPTION_TABLES && command->options[t]; t++)
        for (const struct option *option = command->options[t]; option->name; option++)
            add_option(option, buf);
    for (const struct option *option = help_options; option->name; option++)
        add_option(option, buf);
}

static int run_help(struct cli *cli, const struct arguments *arguments)
{
    AUTO_BUF struct buf buf;
    buf_init(&buf, HELP_LIMIT);
    size_t words = 0;
    const struct command *command =
        command_find(cli->commands, arguments->operands, arguments->operand_count, &words);
    if (command)
        help_command(command, &buf);
    else if (arguments->operand_count == 0)
        help_overview(cli->commands, &buf);
    else if (command_is_group(cli->commands, arguments->operands[0]))
        help_group(cli->commands, arguments->operands[0], &buf);
    else
        return cli_usage("there is no command '%s'", arguments->operands[0]);
    (void)fputs(buf.data, stdout);
    return CLI_DONE;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "Show the commands, or how one is used",
    .most = 2,
    .run = run_help,
};

static int run_version(struct cli *cli, const struct arguments *arguments)
{
    (void)cli;
    (void)arguments;
    (void)puts("cronjob " CRONJOB_VERSION);
    return CLI_DONE;
}

const struct command command_version = {
    .name = "version",
    .operands = "",
    .summary = "Show the version",
    .run = run_version,
};
