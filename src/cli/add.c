/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/job_file.h"
#include "cli/job_options.h"
#include "cli/remote.h"
#include "cli/text.h"

/* The schedule may have come as one word or, when nobody quoted it, as several. */
static void join_operands(const struct arguments *arguments, struct buf *buf)
{
    for (size_t i = 0; i < arguments->operand_count; i++)
        (void)buf_printf(buf, "%s%s", i ? " " : "", arguments->operands[i]);
}

static void write_command(const struct arguments *arguments, struct json_writer *writer)
{
    AUTO_BUF struct buf command;
    buf_init(&command, LIMIT_BODY);
    job_options_command(arguments, &command);
    json_member_string(writer, "executable", command.data);
    json_member_string(writer, "type", "command");
    writer->buf->failed |= command.failed;
}

static int write_job(const struct arguments *arguments, struct job_file *file, struct buf *body)
{
    AUTO_BUF struct buf schedule;
    buf_init(&schedule, LIMIT_BODY);
    join_operands(arguments, &schedule);

    struct json_writer writer;
    json_writer_init(&writer, body);
    json_write_object_begin(&writer);
    json_member_string(&writer, "schedule", schedule.data);
    if (file->type)
        job_file_write(file, arguments, &writer);
    else
        write_command(arguments, &writer);
    int code = job_options_write(arguments, false, &writer);
    if (code == CLI_DONE && (body->failed || schedule.failed))
        return cli_usage("add: more than %d bytes", LIMIT_BODY);
    if (code == CLI_DONE && file->type)
        return job_file_end(file, &writer);
    json_write_object_end(&writer);
    return code;
}

static int run_add(struct cli *cli, const struct arguments *arguments)
{
    AUTO_BUF struct buf body;
    AUTO_JOB_FILE struct job_file file;
    buf_init(&body, LIMIT_BODY);
    int code = job_file_read(arguments, &file);
    if (code != CLI_DONE)
        return code;
    if (arguments->rest_count == 0 && !file.type)
        return cli_usage("add: the command is missing; it stands behind --: "
                         "cronjob add '*/5 * * * *' -- date");
    code = write_job(arguments, &file, &body);
    if (code != CLI_DONE)
        return code;
    struct remote_request request = {.method = "POST",
                                     .path = "/jobs",
                                     .body = body.data,
                                     .body_length = body.length,
                                     .file = file.is_open ? &file.body : NULL,
                                     .idempotency_key =
                                         arguments_value(arguments, "idempotency-key")};
    AUTO_ANSWER struct remote_answer answer;
    code = remote_call(cli, &request, &answer);
    if (code != CLI_DONE)
        return code;
    if (cli->json)
        remote_print(&answer);
    else
        (void)puts(text_of_member(answer.json, "id", &cli->arena));
    return CLI_DONE;
}

static const struct option add_options[] = {
    {.name = "idempotency-key",
     .value = "KEY",
     .help = "adding again with the same key within 24 h adds nothing"},
    {0},
};

const struct command command_add = {
    .name = "add",
    .operands = "SCHEDULE -- COMMAND... | --script FILE SCHEDULE [-- ARG...]",
    .summary = "Add a job and print its id",
    .details =
        "SCHEDULE is a crontab expression of five fields (six put the second first, seven add\n"
        "the year), or an @ form: @daily, @every 90s, @at 2030-01-01T00:00:00Z, @reboot, @manual.\n"
        "COMMAND is for /bin/sh: one word is taken as it is, of several each is quoted, so that\n"
        "the shell sees the same words.\n"
        "With --script or --binary the file is uploaded and executed instead, on whichever worker\n"
        "has the job; what stands behind -- are its arguments.\n\n"
        "  cronjob add --name beat '*/5 * * * *' -- 'date; echo beat'\n"
        "  cronjob add --time-zone Europe/Berlin '0 2 * * MON-FRI' -- backup --all\n"
        "  cronjob add --script ./backup.sh '0 2 * * *' -- --full",
    .least = 1,
    .most = OPERANDS_ANY,
    .takes_rest = true,
    .options = {job_options, job_file_options, add_options, remote_options},
    .run = run_add,
};
