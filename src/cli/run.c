/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/job_options.h"
#include "cli/remote.h"
#include "cli/text.h"

/* As a shell says it: what the process exited with, 128 and the signal that ended it. */
static int exit_code_of(const struct json_value *run)
{
    const char *status = text_string(run, "status", "");
    int64_t code = text_integer(run, "exit_code", -1);
    int64_t signal = text_integer(run, "signal", 0);
    bool was_ended = strcmp(status, "timed_out") == 0 || strcmp(status, "killed") == 0;
    if (strcmp(status, "succeeded") == 0)
        return 0;
    if (signal > 0)
        return (int)(128 + signal);
    if (was_ended)
        return 128 + SIGTERM;
    return code > 0 && code < 256 ? (int)code : CLI_FAILED;
}

static int report(struct cli *cli, const struct remote_answer *answer)
{
    const struct json_value *run = answer->json;
    int code = exit_code_of(run);
    if (cli->json)
        remote_print(answer);
    if (code == CLI_DONE)
        return code;
    const char *reason = text_string(run, "reason", "");
    int64_t exit_code = text_integer(run, "exit_code", -1);
    cli_complain("run %s %s%s%s%s", text_string(run, "id", "?"), text_string(run, "status", "?"),
                 exit_code > 0 ? arena_printf(&cli->arena, " with exit code %d", (int)exit_code)
                               : "",
                 *reason ? ": " : "", reason);
    return code;
}

static int write_request(const struct arguments *arguments, struct buf *body)
{
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_write_object_begin(&writer);
    if (arguments->has_rest) {
        json_write_name(&writer, "args");
        json_write_array_begin(&writer);
        for (size_t i = 0; i < arguments->rest_count; i++)
            json_write_string(&writer, arguments->rest[i]);
        json_write_array_end(&writer);
    }
    int code = CLI_DONE;
    size_t env = 0;
    while (env < arguments->count && strcmp(arguments->items[env].option->name, "env") != 0)
        env++;
    if (env < arguments->count) {
        json_write_name(&writer, "env");
        code = job_options_write_pairs(arguments, env, false, &writer);
    }
    const char *exact = arguments_value(arguments, "exact");
    if (exact)
        json_member_string(&writer, "exact", exact);
    json_write_object_end(&writer);
    return code;
}

static int run_run(struct cli *cli, const struct arguments *arguments)
{
    AUTO_BUF struct buf body;
    buf_init(&body, LIMIT_BODY);
    int code = write_request(arguments, &body);
    if (code != CLI_DONE)
        return code;
    struct remote_request request = {
        .method = "POST",
        .path = remote_path(cli, "/jobs/{}/runs", arguments->operands[0]),
        .body = body.data,
        .body_length = body.length,
    };
    AUTO_ANSWER struct remote_answer answer;
    code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE)
        return code;
    const char *run = text_of_member(answer.json, "id", &cli->arena);
    if (arguments_have(arguments, "wait")) {
        AUTO_ANSWER struct remote_answer final;
        code = follow_run(cli, run, cli->json, &final);
        return code == CLI_DONE ? report(cli, &final) : code;
    }
    if (cli->json)
        remote_print(&answer);
    else
        (void)puts(run);
    return CLI_DONE;
}

static const struct option run_options[] = {
    {.name = "wait", .letter = 'w', .help = "wait for its end, with its output and its exit code"},
    {.name = "exact",
     .value = "RUN",
     .help = "what this run was: its bytes, arguments and environment"},
    {.name = "env", .repeats = true, .value = "K=V", .help = "a variable, this time only"},
    {0},
};

const struct command command_run = {
    .name = "run",
    .operands = "ID [-- ARG...]",
    .summary = "Run a job now and print the run's id",
    .details = "ARGs stand in for the job's own. With --wait the exit code is the run's: 128 and\n"
               "the signal's number when a signal ended it, 1 when it was not executed.",
    .least = 1,
    .most = 1,
    .takes_rest = true,
    .options = {run_options, remote_options},
    .run = run_run,
};
