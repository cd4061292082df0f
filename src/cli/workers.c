/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/list.h"
#include "cli/remote.h"
#include "cli/text.h"

/* ---- workers ------------------------------------------------------------------------------- */

/* How far its clock is from the store's. */
static const char *cell_clock(const struct json_value *worker, struct arena *arena)
{
    const struct json_value *offset = text_member(worker, "clock_offset_seconds");
    if (!offset || json_value_kind(offset) < JSON_KIND_INTEGER ||
        json_value_kind(offset) > JSON_KIND_REAL)
        return "-";
    return arena_printf(arena, "%+.3fs", json_value_number(offset));
}

/* "crontab (silent)" where something is to be looked at. */
static const char *cell_backend(const struct json_value *worker, struct arena *arena)
{
    const char *backend = text_of_member(worker, "backend", arena);
    const struct json_value *cron = text_member(worker, "cron");
    const char *state = cron ? text_string(cron, "state", "") : "";
    bool is_ill = strcmp(state, "silent") == 0 || strcmp(state, "unwritten") == 0;
    return is_ill ? arena_printf(arena, "%s (%s)", backend, state) : backend;
}

static const struct column worker_columns[] = {
    {.title = "WORKER", .path = "name"},     {.title = "STATE", .path = "state"},
    {.title = "JOBS", .path = "jobs"},       {.title = "RUNNING", .path = "running"},
    {.title = "CLOCK", .cell = cell_clock},  {.title = "BACKEND", .cell = cell_backend},
    {.title = "VERSION", .path = "version"}, {.title = "LABELS", .path = "labels"},
};

static int run_workers(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    return list_show(cli, "/workers", worker_columns, ARRAY_SIZE(worker_columns));
}

const struct command command_workers = {
    .name = "workers",
    .operands = "",
    .summary = "List the workers",
    .options = {remote_options},
    .run = run_workers,
};

/* ---- drain, undrain ------------------------------------------------------------------------ */

static int set_draining(struct cli *cli, const char *worker, const char *body)
{
    struct remote_request request = {.method = "PATCH",
                                     .path = remote_path(cli, "/workers/{}", worker),
                                     .body = body,
                                     .body_length = strlen(body)};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code == CLI_DONE && cli->json && answer.json)
        remote_print(&answer);
    return code;
}

static int run_drain(struct cli *cli, const struct arguments *arguments)
{
    return set_draining(cli, arguments->operands[0], "{\"draining\":true}");
}

const struct command command_drain = {
    .name = "drain",
    .operands = "WORKER",
    .summary = "Take a worker's jobs away, and give it no new ones",
    .details = "Runs that go on are not touched.",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_drain,
};

static int run_undrain(struct cli *cli, const struct arguments *arguments)
{
    return set_draining(cli, arguments->operands[0], "{\"draining\":false}");
}

const struct command command_undrain = {
    .name = "undrain",
    .operands = "WORKER",
    .summary = "Give a drained worker jobs again",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_undrain,
};

/* ---- workers remove ------------------------------------------------------------------------ */

static int run_remove(struct cli *cli, const struct arguments *arguments)
{
    struct remote_request request = {
        .method = "DELETE", .path = remote_path(cli, "/workers/{}", arguments->operands[0])};
    AUTO_ANSWER struct remote_answer answer;

    return remote_call(cli, &request, &answer);
}

const struct command command_workers_remove = {
    .name = "workers remove",
    .operands = "WORKER",
    .summary = "Forget a worker that is gone for good",
    .details = "Refused while it may live, or has runs that are not closed yet. Jobs that only it\n"
               "could run are then accounted for as missed.",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_remove,
};

/* ---- status -------------------------------------------------------------------------------- */

static bool print_fact(void *context, const char *name, const struct json_value *value)
{
    struct cli *cli = context;
    (void)printf("%-14s %s\n", name, text_of(value, &cli->arena));
    return true;
}

static int run_status(struct cli *cli, const struct arguments *arguments)
{
    (void)arguments;
    struct remote_request request = {.method = "GET", .path = "/summary"};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE)
        return code;
    if (cli->json)
        remote_print(&answer);
    else if (answer.json && json_value_kind(answer.json) == JSON_KIND_OBJECT)
        json_value_members(answer.json, print_fact, cli);
    return code;
}

const struct command command_status = {
    .name = "status",
    .operands = "",
    .summary = "Show how many jobs and runs there are, who leads, who works",
    .options = {remote_options},
    .run = run_status,
};
