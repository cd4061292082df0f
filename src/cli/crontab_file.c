/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/crontab_file.h"

#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

const struct option crontab_options[] = {
    {.name = "system", .help = "it is a system crontab: a user stands before each command"},
    {.name = "user-crontab", .help = "it is a user's crontab, wherever it lies"},
    {0},
};

static enum crontab_form form_of(const struct arguments *arguments, const char *path)
{
    if (arguments_have(arguments, "user-crontab"))
        return CRONTAB_USER;
    if (arguments_have(arguments, "system") || strcmp(path, "/etc/crontab") == 0 ||
        strncmp(path, "/etc/cron.d/", 12) == 0)
        return CRONTAB_SYSTEM;
    return CRONTAB_USER;
}

bool crontab_file_read(struct cli *cli, const struct arguments *arguments,
                       const struct buf *content, struct crontab *ret_crontab)
{
    const char *path = arguments->operands[0];
    struct err err = {0};
    enum rc rc = crontab_parse(content->data, content->length, form_of(arguments, path),
                               &cli->arena, ret_crontab, &err);
    if (rc != RC_OK)
        cli_complain("%s: %s", path, err_message(&err, rc));
    return rc == RC_OK;
}

void crontab_file_report(const char *path, const struct crontab *crontab, bool demands_newline,
                         FILE *stream)
{
    for (size_t i = 0; i < crontab->problem_count; i++)
        (void)fprintf(stream, "%s:%zu: %s\n", path, crontab->problems[i].line,
                      crontab->problems[i].message);
    if (crontab->unterminated && demands_newline)
        (void)fprintf(stream, "%s:%zu: no newline at the end of the last line: cron ignores it\n",
                      path, crontab->unterminated);
}

static int run_check(struct cli *cli, const struct arguments *arguments)
{
    struct buf content;
    struct crontab crontab;
    if (!cli_read_file(arguments->operands[0], LIMIT_CRONTAB, &content))
        return CLI_FAILED;
    bool well = crontab_file_read(cli, arguments, &content, &crontab);
    buf_release(&content);
    if (!well)
        return CLI_FAILED;
    crontab_file_report(arguments->operands[0], &crontab, true, stdout);
    return crontab.problem_count || crontab.unterminated ? CLI_FAILED : CLI_DONE;
}

const struct command command_check = {
    .name = "check",
    .operands = "FILE|-",
    .summary = "Report the bad lines of a crontab; needs no server",
    .details = "Each bad line is one line of output, `FILE:LINE: reason`, and the exit code is 1\n"
               "when there is any. /etc/crontab and files in /etc/cron.d are read as system\n"
               "crontabs, all others as a user's.",
    .least = 1,
    .most = 1,
    .options = {crontab_options},
    .run = run_check,
};
