/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/remote.h"
#include "cli/text.h"

/* ---- list ---------------------------------------------------------------------------------- */

static const char *cell_next(const struct json_value *job, struct arena *arena)
{
    const struct json_value *enabled = text_member(job, "enabled");
    const char *status = text_string(job, "status", "");
    bool paused = enabled && json_value_kind(enabled) == JSON_KIND_BOOLEAN &&
                  !json_value_boolean(enabled) && strcmp(status, "finished") != 0;
    return paused ? "paused" : text_of_member(job, "next_run", arena);
}

static const char *cell_last(const struct json_value *job, struct arena *arena)
{
    const char *status = text_string(job, "last_run.status", NULL);
    return status ? arena_printf(arena, "%s %s",
                                 text_of_member(job, "last_run.scheduled_at", arena), status)
                  : "-";
}

/* A file is known by its name, or else by the end of its URL. */
static const char *cell_command(const struct json_value *job, struct arena *arena)
{
    const char *url = text_string(job, "executable", "");
    if (strcmp(text_string(job, "type", "command"), "command") == 0)
        return text_of_member(job, "executable", arena);
    const char *slash = strrchr(url, '/');
    const char *name = text_string(job, "filename", slash ? slash + 1 : url);
    return arena_printf(arena, "%s: %s", text_string(job, "type", ""), name);
}

static const struct column list_columns[] = {
    {.title = "ID", .path = "id"},          {.title = "NAME", .path = "name"},
    {.title = "STATUS", .path = "status"},  {.title = "SCHEDULE", .path = "schedule"},
    {.title = "ZONE", .path = "time_zone"}, {.title = "NEXT", .cell = cell_next},
    {.title = "LAST", .cell = cell_last},   {.title = "COMMAND", .cell = cell_command},
};

static bool add_row(void *context, const struct json_value *element, const char *text,
                    size_t length)
{
    (void)text;
    (void)length;
    listing_add(context, element);
    return true;
}

static bool write_through(void *context, const char *data, size_t length)
{
    (void)context;
    return fwrite(data, 1, length, stdout) == length;
}

static int print_json(struct cli *cli, const char *path)
{
    struct remote_stream stream = {.path = path, .sink = write_through};
    int code = remote_stream(cli, &stream);
    (void)fputc('\n', stdout);
    return code;
}

static const char *with_filters(struct cli *cli, const struct arguments *arguments,
                                const char *path)
{
    static const struct {
        const char *option;
        const char *parameter;
    } filters[] = {{"status", "status"}, {"owner", "owner"}, {"worker", "worker"},
                   {"label", "label"},   {"text", "q"},      {"limit", "limit"}};
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
        path = remote_query(cli, path, filters[i].parameter,
                            arguments_value(arguments, filters[i].option));
    return path;
}

static int run_list(struct cli *cli, const struct arguments *arguments)
{
    const char *path = with_filters(cli, arguments, "/jobs");
    if (cli->json)
        return print_json(cli, path);
    struct listing listing = {
        .columns = list_columns, .column_count = ARRAY_SIZE(list_columns), .arena = &cli->arena};
    int code = remote_each(cli, path, add_row, &listing);
    if (code == CLI_DONE)
        listing_print(&listing, listing_width(), stdout);
    return code;
}

static const struct option list_options[] = {
    {.name = "status", .value = "STATUS", .help = "only these: scheduled, finished, error"},
    {.name = "owner", .value = "ACCOUNT", .help = "only this account's"},
    {.name = "worker", .value = "NAME", .help = "only those that are this worker's"},
    {.name = "label", .value = "K:V", .help = "only those with this label"},
    {.name = "text", .value = "TEXT", .help = "only with this in name, command or description"},
    {.name = "limit", .value = "N", .help = "at most so many"},
    {0},
};

const struct command command_list = {
    .name = "list",
    .operands = "",
    .summary = "List the jobs",
    .options = {list_options, remote_options},
    .run = run_list,
};

/* ---- show ---------------------------------------------------------------------------------- */

static bool print_member(void *context, const char *name, const struct json_value *value)
{
    struct cli *cli = context;
    enum json_kind kind = json_value_kind(value);
    bool is_list = kind == JSON_KIND_ARRAY || kind == JSON_KIND_OBJECT;
    if (kind == JSON_KIND_NULL || (is_list && json_value_count(value) == 0) ||
        (kind == JSON_KIND_STRING && *json_value_string(value) == '\0'))
        return true;
    const char *text = text_of(value, &cli->arena);
    (void)printf("%-18s %s\n", name, text);
    return true;
}

/* One object that a path answers, as lines of "name value". */
static int show(struct cli *cli, const char *path)
{
    struct remote_request request = {.method = "GET", .path = path};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE)
        return code;
    if (cli->json)
        remote_print(&answer);
    else if (answer.json && json_value_kind(answer.json) == JSON_KIND_OBJECT)
        json_value_members(answer.json, print_member, cli);
    return CLI_DONE;
}

static int run_show(struct cli *cli, const struct arguments *arguments)
{
    return show(cli, remote_path(cli, "/jobs/{}", arguments->operands[0]));
}

const struct command command_show = {
    .name = "show",
    .operands = "ID",
    .summary = "Show all of a job",
    .details = "ID is a job's id or its name. What is empty is left out.",
    .least = 1,
    .most = 1,
    .options = {remote_options},
    .run = run_show,
};

/* ---- remove, pause, resume ----------------------------------------------------------------- */

/* Does the same to each of the jobs named; the first failure decides the exit code. */
static int change_each(struct cli *cli, const struct arguments *arguments,
                       const struct remote_request *how)
{
    int result = CLI_DONE;
    for (size_t i = 0; i < arguments->operand_count; i++) {
        struct remote_request request = *how;
        AUTO_ANSWER struct remote_answer answer;
        request.path = remote_path(cli, how->path, arguments->operands[i]);
        int code = remote_call(cli, &request, &answer);
        if (code == CLI_UNREACHABLE)
            return code;
        if (code == CLI_DONE && cli->json && answer.json)
            remote_print(&answer);
        result = result == CLI_DONE ? code : result;
    }
    return result;
}

static int run_remove(struct cli *cli, const struct arguments *arguments)
{
    bool purges = arguments_have(arguments, "purge");
    struct remote_request how = {.method = "DELETE",
                                 .path = purges ? "/jobs/{}?purge=true" : "/jobs/{}"};
    return change_each(cli, arguments, &how);
}

static const struct option remove_options[] = {
    {.name = "purge", .help = "erase it and all its runs as well"},
    {0},
};

const struct command command_remove = {
    .name = "remove",
    .operands = "ID...",
    .summary = "Take jobs off schedule for good",
    .details = "The job is finished and never runs again; it and its runs can still be looked at.",
    .least = 1,
    .most = OPERANDS_ANY,
    .options = {remove_options, remote_options},
    .run = run_remove,
};

static int set_enabled(struct cli *cli, const struct arguments *arguments, const char *body)
{
    struct remote_request how = {.method = "PATCH",
                                 .path = "/jobs/{}",
                                 .body = body,
                                 .body_length = strlen(body),
                                 .is_patch = true};
    return change_each(cli, arguments, &how);
}

static int run_pause(struct cli *cli, const struct arguments *arguments)
{
    return set_enabled(cli, arguments, "{\"enabled\":false}");
}

const struct command command_pause = {
    .name = "pause",
    .operands = "ID...",
    .summary = "Stop starting jobs on schedule",
    .details = "Runs that go on are not touched.",
    .least = 1,
    .most = OPERANDS_ANY,
    .options = {remote_options},
    .run = run_pause,
};

static int run_resume(struct cli *cli, const struct arguments *arguments)
{
    return set_enabled(cli, arguments, "{\"enabled\":true}");
}

const struct command command_resume = {
    .name = "resume",
    .operands = "ID...",
    .summary = "Start paused jobs on schedule again",
    .details = "Ticks that passed meanwhile do not count.",
    .least = 1,
    .most = OPERANDS_ANY,
    .options = {remote_options},
    .run = run_resume,
};
