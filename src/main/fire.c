/* SPDX-License-Identifier: Apache-2.0 */
#include "main/fire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/posix/fires.h"
#include "cli/cli.h"
#include "cli/option.h"

#define PATIENCE     (10 * SECOND) /* a worker that is busy answers within a second */
#define DATA_DEFAULT "/var/lib/cronjob"

static bool read_job(const char *text, job_id *ret_job)
{
    errno = 0;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    *ret_job = strtoull(text, NULL, 10);
    return !errno && *ret_job > 0 && *ret_job <= INT64_MAX;
}

/* A tick that the timer has already, or that the worker is about to look for, is in good hands. */
static int end(enum fire_answer answer, const char *job)
{
    switch (answer) {
    case FIRE_TAKEN:
    case FIRE_NOT_DUE:
    case FIRE_STARTING:
        return CLI_DONE;
    case FIRE_UNKNOWN:
        cli_complain("fire: job %s is not in this worker's crontab", job);
        return CLI_FAILED;
    case FIRE_REFUSED:
    case FIRE_ANSWERS:
        cli_complain("fire: only root and the worker's account may call it");
        return CLI_FAILED;
    }
    return CLI_FAILED;
}

static int run_fire(struct cli *cli, const struct arguments *arguments)
{
    const char *data = arguments_value(arguments, "data");
    const char *text = arguments->operands[0];
    enum fire_answer answer;
    struct err err = {0};
    job_id job;
    enum rc rc;

    if (!data)
        data = cli_variable(cli, "CRONJOB_DATA");
    if (!data || !*data)
        data = DATA_DEFAULT;
    if (!read_job(text, &job))
        return cli_usage("fire: '%.40s' is not a job's id, like 12", text);
    rc = posix_fire(data, job, PATIENCE, &answer, &err);
    if (rc == RC_OK)
        return end(answer, text);
    cli_complain("fire: %s", err_message(&err, rc));
    return rc == RC_UNAVAILABLE || rc == RC_TIMEOUT ? CLI_UNREACHABLE : CLI_FAILED;
}

static const struct option fire_options[] = {
    {.name = "data", .value = "DIR", .help = "the worker's directory [/var/lib/cronjob]"},
    {0},
};

const struct command command_fire = {
    .name = "fire",
    .operands = "ID",
    .summary = "Hand a job's tick to the worker of this machine; its cron calls this",
    .details =
        "For a worker with `scheduler = crontab`, by root or the worker's account alone. It says\n"
        "only that now is the time: which tick is due, if any, the worker knows. One that is away\n"
        "makes up for the tick by itself; then this ends with 3.",
    .least = 1,
    .most = 1,
    .serves = true,
    .options = {fire_options},
    .run = run_fire,
};
