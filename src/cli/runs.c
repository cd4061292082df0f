/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/run.h"

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/list.h"
#include "cli/remote.h"
#include "cli/text.h"

/* ---- runs ---------------------------------------------------------------------------------- */

static const char *cell_result(const struct json_value *run, struct arena *arena)
{
    const char *reason = text_string(run, "reason", "");
    int64_t code = text_integer(run, "exit_code", -1);
    int64_t signal = text_integer(run, "signal", 0);
    if (*reason)
        return text_of_member(run, "reason", arena);
    if (signal > 0)
        return arena_printf(arena, "signal %d", (int)signal);
    return code > 0 ? arena_printf(arena, "exit code %d", (int)code) : "-";
}

static const struct column run_columns[] = {
    {.title = "RUN", .path = "id"},
    {.title = "JOB", .path = "job"},
    {.title = "SCHEDULED", .path = "scheduled_at"},
    {.title = "TRIGGER", .path = "trigger"},
    {.title = "STATUS", .path = "status"},
    {.title = "STARTED", .path = "started_at"},
    {.title = "FINISHED", .path = "finished_at"},
    {.title = "WORKER", .path = "worker"},
    {.title = "RESULT", .cell = cell_result},
};

static const char *runs_path(struct cli *cli, const struct arguments *arguments)
{
    static const char *const parameters[] = {"limit",  "before", "status",
                                             "worker", "since",  "until"};
    const char *path = arguments->operand_count
                           ? remote_path(cli, "/jobs/{}/runs", arguments->operands[0])
                           : "/runs";
    for (size_t i = 0; i < ARRAY_SIZE(parameters); i++)
        path = remote_query(cli, path, parameters[i], arguments_value(arguments, parameters[i]));
    return path;
}

static int run_runs(struct cli *cli, const struct arguments *arguments)
{
    return list_show(cli, runs_path(cli, arguments), run_columns, ARRAY_SIZE(run_columns));
}

static const struct option runs_options[] = {
    {.name = "limit", .letter = 'n', .value = "N", .help = "at most so many [100]"},
    {.name = "before", .value = "RUN", .help = "only older ones than this"},
    {.name = "status", .value = "STATUS", .help = "only these: running, failed, missed, ..."},
    {.name = "worker", .value = "NAME", .help = "only those of this worker"},
    {.name = "since", .value = "TIME", .help = "only those scheduled from then on (RFC 3339)"},
    {.name = "until", .value = "TIME", .help = "only those scheduled before (RFC 3339)"},
    {0},
};

const struct command command_runs = {
    .name = "runs",
    .operands = "[ID]",
    .summary = "List the runs of all jobs or of one, newest first",
    .most = 1,
    .options = {runs_options, remote_options},
    .run = run_runs,
};

/* ---- output -------------------------------------------------------------------------------- */

/* The id of the newest run of a job; NULL after a complaint, with the exit code. */
static const char *newest_run(struct cli *cli, const char *job, int *ret_code)
{
    struct remote_request request = {.method = "GET",
                                     .path = remote_path(cli, "/jobs/{}/runs?limit=1", job)};
    AUTO_ANSWER struct remote_answer answer;
    *ret_code = remote_call(cli, &request, &answer);
    if (*ret_code != CLI_DONE)
        return NULL;
    if (answer.json && json_value_kind(answer.json) == JSON_KIND_ARRAY &&
        json_value_count(answer.json) == 1)
        return text_of_member(json_value_at(answer.json, 0), "id", &cli->arena);
    cli_complain("job %s has not run yet", job);
    *ret_code = CLI_FAILED;
    return NULL;
}

static int run_output(struct cli *cli, const struct arguments *arguments)
{
    struct run_key key;
    const char *run = arguments->operands[0];
    int code = CLI_DONE;
    if (run_id_parse(run, &key, NULL) != RC_OK)
        run = newest_run(cli, run, &code);
    if (!run)
        return code;
    return follow_output(cli, run, arguments_value(arguments, "tail"),
                         arguments_have(arguments, "follow"));
}

static const struct option output_options[] = {
    {.name = "follow", .letter = 'f', .help = "go on until the run ends"},
    {.name = "tail", .letter = 'n', .value = "N", .help = "begin with its last N lines"},
    {0},
};

const struct command command_output = {
    .name = "output",
    .operands = "RUN",
    .summary = "Print what a run wrote",
    .details = "RUN is a run's id, or a job's id or name for its newest run.",
    .least = 1,
    .most = 1,
    .options = {output_options, remote_options},
    .run = run_output,
};

/* ---- kill ---------------------------------------------------------------------------------- */

static int run_kill(struct cli *cli, const struct arguments *arguments)
{
    struct remote_request request = {
        .method = "POST", .path = remote_path(cli, "/runs/{}/kill", arguments->operands[0])};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code == CLI_DONE && cli->json && answer.json)
        remote_print(&answer);
    return code;
}

const struct command command_kill = {
    .name = "kill",
    .operands = "RUN",
    .summary = "End a run: TERM to all its processes, KILL after the job's kill_grace",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_kill,
};
