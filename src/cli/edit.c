/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/job_file.h"
#include "cli/job_options.h"
#include "cli/remote.h"
#include "cli/text.h"

/* ---- by options: a patch ------------------------------------------------------------------- */

static void write_command(const struct arguments *arguments, struct json_writer *writer)
{
    AUTO_BUF struct buf command;
    buf_init(&command, LIMIT_BODY);
    job_options_command(arguments, &command);
    json_member_string(writer, "executable", command.data);
    writer->buf->failed |= command.failed;
}

static int write_patch(const struct arguments *arguments, struct job_file *file, struct buf *body)
{
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_write_object_begin(&writer);
    if (arguments_have(arguments, "schedule"))
        json_member_string(&writer, "schedule", arguments_value(arguments, "schedule"));
    if (file->type)
        job_file_write(file, arguments, &writer);
    else if (arguments->rest_count)
        write_command(arguments, &writer);
    int code = job_options_write(arguments, true, &writer);
    for (size_t i = 0; i < arguments->count; i++)
        if (strcmp(arguments->items[i].option->name, "reset") == 0)
            json_member_null(&writer, arguments->items[i].value);
    if (code == CLI_DONE && body->failed)
        return cli_usage("edit: more than %d bytes", LIMIT_BODY);
    if (code == CLI_DONE && file->type)
        return job_file_end(file, &writer);
    json_write_object_end(&writer);
    return code;
}

static int send_patch(struct cli *cli, const struct arguments *arguments, const char *path)
{
    AUTO_BUF struct buf body;
    AUTO_JOB_FILE struct job_file file;
    buf_init(&body, LIMIT_BODY);
    int code = job_file_read(arguments, &file);
    if (code == CLI_DONE)
        code = write_patch(arguments, &file, &body);
    if (code != CLI_DONE)
        return code;
    struct remote_request request = {.method = "PATCH",
                                     .path = path,
                                     .body = body.data,
                                     .body_length = body.length,
                                     .file = file.is_open ? &file.body : NULL,
                                     .is_patch = true,
                                     .if_match = arguments_value(arguments, "if-match")};
    AUTO_ANSWER struct remote_answer answer;
    code = remote_call(cli, &request, &answer);
    if (code == CLI_DONE && cli->json)
        remote_print(&answer);
    return code;
}

/* ---- in an editor: a replacement ----------------------------------------------------------- */

struct editing {
    struct cli *cli;
    const char *path;    /* of the job */
    char file[PATH_MAX]; /* what the editor works on */
    char etag[80];       /* of what the user saw */
};

/* What the system decides is not shown: it could not be changed. */
static bool is_read_only(const char *name)
{
    static const char *const names[] = {"id",
                                        "status",
                                        "owner",
                                        "revision",
                                        "worker",
                                        "scheduler",
                                        "next_run",
                                        "last_run",
                                        "created_at",
                                        "updated_at",
                                        "executable_changed_at"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

struct document {
    struct buf *buf;
    bool filled;
};

static bool add_editable(void *context, const char *name, const struct json_value *value)
{
    struct document *document = context;
    if (is_read_only(name))
        return true;
    AUTO_BUF struct buf text;
    buf_init(&text, LIMIT_BODY);
    text_pretty(value, &text);
    (void)buf_printf(document->buf, "%s\n  \"%s\": ", document->filled ? "," : "", name);
    for (size_t i = 0; i + 1 < text.length; i++) {
        (void)buf_putc(document->buf, text.data[i]);
        if (text.data[i] == '\n')
            (void)buf_puts(document->buf, "  ");
    }
    document->filled = true;
    return true;
}

static int write_file(struct editing *editing, const struct buf *text)
{
    const char *directory = cli_variable(editing->cli, "TMPDIR");
    (void)snprintf(editing->file, sizeof editing->file, "%s/cronjob-XXXXXX.json",
                   directory && *directory ? directory : "/tmp");
    int fd = mkostemps(editing->file, 5, O_CLOEXEC);
    if (fd < 0) {
        cli_complain("%s: %s", editing->file, strerrordesc_np(errno));
        return CLI_FAILED;
    }
    ssize_t written = write(fd, text->data, text->length);
    if (close(fd) == 0 && written == (ssize_t)text->length)
        return CLI_DONE;
    cli_complain("%s: could not be written", editing->file);
    (void)unlink(editing->file);
    return CLI_FAILED;
}

/* As others do: the variable is a line for the shell, and the file its last argument. */
static int run_editor(const struct editing *editing)
{
    const char *editor = cli_variable(editing->cli, "VISUAL");
    if (!editor || *editor == '\0')
        editor = cli_variable(editing->cli, "EDITOR");
    if (!editor || *editor == '\0')
        editor = "vi";
    char shell[] = "sh", option[] = "-c";
    char *line = arena_printf(&editing->cli->arena, "%s \"$1\"", editor);
    char *file = arena_strdup(&editing->cli->arena, editing->file);
    char *words[] = {shell, option, line, shell, file, NULL};
    pid_t pid = 0;
    int status = 0;
    (void)fflush(stdout);
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, words, environ);
    while (error == 0 && waitpid(pid, &status, 0) < 0)
        error = errno == EINTR ? 0 : errno;
    if (error == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return CLI_DONE;
    cli_complain("the editor '%s' failed; nothing is changed", editor);
    return CLI_FAILED;
}

static int send_replacement(const struct editing *editing, const struct buf *text)
{
    struct remote_request request = {.method = "PUT",
                                     .path = editing->path,
                                     .body = text->data,
                                     .body_length = text->length,
                                     .if_match = editing->etag[0] ? editing->etag : NULL};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(editing->cli, &request, &answer);
    if (code == CLI_DONE && editing->cli->json)
        remote_print(&answer);
    return code;
}

static int edit_text(struct editing *editing, const struct buf *before)
{
    struct buf after;
    int code = write_file(editing, before);
    if (code != CLI_DONE)
        return code;
    code = run_editor(editing);
    if (code == CLI_DONE && !cli_read_file(editing->file, LIMIT_BODY, &after))
        return CLI_FAILED;
    if (code != CLI_DONE) {
        (void)unlink(editing->file);
        return code;
    }
    bool changed =
        after.length != before->length || memcmp(after.data, before->data, before->length) != 0;
    if (changed)
        code = send_replacement(editing, &after);
    else
        cli_complain("nothing is changed");
    if (code == CLI_DONE)
        (void)unlink(editing->file);
    else
        cli_complain("your text is kept in %s", editing->file);
    buf_release(&after);
    return code;
}

static int edit_by_hand(struct cli *cli, const char *path)
{
    struct editing editing = {.cli = cli, .path = path};
    struct remote_request request = {.method = "GET", .path = path};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE)
        return code;
    if (!answer.json || json_value_kind(answer.json) != JSON_KIND_OBJECT) {
        cli_complain("the server's answer is no job");
        return CLI_FAILED;
    }
    (void)snprintf(editing.etag, sizeof editing.etag, "%s", answer.etag);
    AUTO_BUF struct buf text;
    buf_init(&text, LIMIT_BODY);
    struct document document = {.buf = &text};
    (void)buf_putc(&text, '{');
    json_value_members(answer.json, add_editable, &document);
    (void)buf_puts(&text, "\n}\n");
    return edit_text(&editing, &text);
}

static int run_edit(struct cli *cli, const struct arguments *arguments)
{
    const char *path = remote_path(cli, "/jobs/{}", arguments->operands[0]);
    if (job_options_any(arguments) || arguments->rest_count ||
        arguments_have(arguments, "schedule") || arguments_have(arguments, "reset") ||
        arguments_have(arguments, "script") || arguments_have(arguments, "binary"))
        return send_patch(cli, arguments, path);
    if (!isatty(STDIN_FILENO) && !cli_variable(cli, "VISUAL") && !cli_variable(cli, "EDITOR"))
        return cli_usage("edit: say by options what to change, or set $EDITOR");
    return edit_by_hand(cli, path);
}

static const struct option edit_options[] = {
    {.name = "schedule", .value = "SCHEDULE", .help = "when it runs"},
    {.name = "reset", .repeats = true, .value = "FIELD", .help = "a field back to its default"},
    {.name = "if-match", .value = "ETAG", .help = "only if the job is still this revision"},
    {0},
};

const struct command command_edit = {
    .name = "edit",
    .operands = "ID [-- COMMAND...]",
    .summary = "Change a job",
    .details =
        "With options, these fields are changed and all others stay. Without any, the job\n"
        "opens in $VISUAL or $EDITOR and replaces the old one when it is still the same.\n"
        "--label NAME and --env NAME without a value take the pair away. --script and\n"
        "--binary upload a file in place of what the job executes; what stands behind -- are\n"
        "its arguments then.",
    .least = 1,
    .most = 1,
    .takes_rest = true,
    .options = {job_options, job_file_options, edit_options, remote_options},
    .run = run_edit,
};
