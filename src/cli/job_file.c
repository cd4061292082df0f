/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/job_file.h"

#include <string.h>

#include "cli/cli.h"

const struct option job_file_options[] = {
    {.name = "script",
     .value = "FILE",
     .help = "execute this script, - for standard input; or a URL"},
    {.name = "binary", .value = "FILE", .help = "the same of a program"},
    {0},
};

int job_file_read(const struct arguments *arguments, struct job_file *ret_file)
{
    const char *script = arguments_value(arguments, "script");
    const char *binary = arguments_value(arguments, "binary");
    *ret_file = (struct job_file){.path = script ? script : binary};
    if (script && binary)
        return cli_usage("--script and --binary: a job has one of them");
    if (!ret_file->path)
        return CLI_DONE;
    if (arguments->rest_count && arguments_have(arguments, "arg"))
        return cli_usage("--arg: what stands behind -- are the arguments already");
    ret_file->type = script ? "script" : "binary";
    ret_file->is_url = executable_is_url(ret_file->path);
    return CLI_DONE;
}

void job_file_close(struct job_file *file)
{
    if (file->is_open)
        file_body_close(&file->body);
    file->is_open = false;
}

void job_file_write(const struct job_file *file, const struct arguments *arguments,
                    struct json_writer *writer)
{
    const char *name = file->is_url ? strrchr(file->path, '/') + 1 : file_body_name(file->path);
    json_member_string(writer, "type", file->type);
    if (name && *name && !strchr(name, '?') && !arguments_have(arguments, "filename"))
        json_member_string(writer, "filename", name);
    if (arguments->rest_count == 0)
        return;
    json_write_name(writer, "args");
    json_write_array_begin(writer);
    for (size_t i = 0; i < arguments->rest_count; i++)
        json_write_string(writer, arguments->rest[i]);
    json_write_array_end(writer);
}

int job_file_end(struct job_file *file, struct json_writer *writer)
{
    if (file->is_url) {
        json_member_string(writer, "executable", file->path);
        json_write_object_end(writer);
        return CLI_DONE;
    }
    json_write_name(writer, "executable");
    (void)buf_putc(writer->buf, '"');
    int code = file_body_open(&file->body, file->path, writer->buf);
    file->is_open = code == CLI_DONE;
    return code;
}
