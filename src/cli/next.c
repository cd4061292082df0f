/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/schedule.h"

#include "cli/cli.h"
#include "cli/commands.h"

enum { COUNT_DEFAULT = 5, COUNT_MAX = 1000000 };

/* A whole number in [least, most]; false after a complaint. */
static bool take_number(const struct arguments *arguments, const char *option, uint64_t least,
                        uint64_t most, uint64_t *ret_number)
{
    const char *text = arguments_value(arguments, option);
    if (!text)
        return true;
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno || number < least || number > most) {
        cli_complain("--%s: '%s' is not in %" PRIu64 "-%" PRIu64, option, text, least, most);
        return false;
    }
    *ret_number = number;
    return true;
}

struct question {
    struct schedule schedule;
    const struct zone *zone;
    instant_us from;
    uint64_t count;
    uint64_t identity;
};

static bool take_zone(struct cli *cli, const struct arguments *arguments, const char *prefix,
                      const struct zone **ret_zone)
{
    struct err err = {0};
    const char *name = *prefix ? prefix : arguments_value(arguments, "time-zone");
    if (!name)
        name = cli->system->local_zone(cli->system->context);
    enum rc rc = cli->system->zone(cli->system->context, name, ret_zone, &err);
    if (rc != RC_OK)
        cli_complain("%s", err_message(&err, rc));
    return rc == RC_OK;
}

static bool take_schedule(struct cli *cli, const struct arguments *arguments,
                          struct question *question)
{
    char prefix[ZONE_NAME_MAX];
    const char *text = arguments->operands[0];
    struct err err = {0};
    for (size_t i = 1; i < arguments->operand_count; i++)
        text = arena_printf(&cli->arena, "%s %s", text, arguments->operands[i]);
    enum rc rc = schedule_split_zone(text, prefix, &text, &err);
    if (rc == RC_OK)
        rc = schedule_parse(text, question->identity, &question->schedule, &err);
    if (rc != RC_OK) {
        cli_complain("%s", err_message(&err, rc));
        return false;
    }
    return take_zone(cli, arguments, prefix, &question->zone);
}

static bool take_from(struct cli *cli, const struct arguments *arguments, struct question *question)
{
    struct err err = {0};
    const char *text = arguments_value(arguments, "from");
    question->from = cli->system->now(cli->system->context);
    enum rc rc = text ? instant_parse(text, &question->from, &err) : RC_OK;
    if (rc != RC_OK)
        cli_complain("--from: %s", err_message(&err, rc));
    return rc == RC_OK;
}

static void print_ticks(const struct question *question)
{
    char text[INSTANT_TEXT];
    instant_us tick = question->from;
    for (uint64_t i = 0; i < question->count; i++) {
        if (schedule_next(&question->schedule, question->zone, question->from, tick, &tick) !=
            RC_OK)
            break;
        (void)puts(instant_format(tick, text));
    }
}

static int run_next(struct cli *cli, const struct arguments *arguments)
{
    struct question question = {.count = COUNT_DEFAULT};
    if (!take_number(arguments, "count", 1, COUNT_MAX, &question.count) ||
        !take_number(arguments, "id", 0, UINT64_MAX, &question.identity) ||
        !take_from(cli, arguments, &question) || !take_schedule(cli, arguments, &question))
        return CLI_USAGE;
    if (question.schedule.kind == SCHEDULE_REBOOT)
        cli_complain("@reboot is due whenever its worker's machine has started");
    else if (question.schedule.kind == SCHEDULE_MANUAL)
        cli_complain("@manual is never due by itself");
    else
        print_ticks(&question);
    return CLI_DONE;
}

static const struct option next_options[] = {
    {.name = "time-zone", .value = "ZONE", .help = "of the schedule; this machine's"},
    {.name = "from", .value = "TIME", .help = "ticks after this (RFC 3339); now"},
    {.name = "count", .letter = 'n', .value = "N", .help = "how many [5]"},
    {.name = "id", .value = "ID", .help = "the job whose H and ~ are meant [0]"},
    {0},
};

const struct command command_next = {
    .name = "next",
    .operands = "SCHEDULE",
    .summary = "Print when a schedule is due next; needs no server",
    .details = "One instant a line, in RFC 3339 and UTC; fewer when the schedule ends. A schedule\n"
               "may begin with CRON_TZ=ZONE. @every counts from --from.",
    .least = 1,
    .most = OPERANDS_ANY,
    .options = {next_options},
    .run = run_next,
};
