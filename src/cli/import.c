/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing twice within a day adds nothing: each request carries an idempotency key made of its
 * own text and, of equal ones in a file, its number.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"

#include "cli/commands.h"
#include "cli/crontab_file.h"
#include "cli/remote.h"
#include "cli/text.h"

enum { IMPORT_LIMIT = 64 * 1024 * 1024 };

struct import {
    struct cli *cli;
    const char *path;
    const char *user; /* NULL, or whom all jobs run as */
    bool dry;         /* print what would be sent */
    uint64_t *hashes; /* of the documents so far */
    size_t hash_count;
    size_t hash_capacity;
};

/* ---- sending ------------------------------------------------------------------------------- */

/* FNV-1a: it need not resist anybody, the server compares the requests of one key. */
static uint64_t hash_of(const struct buf *document)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < document->length; i++)
        hash = (hash ^ (unsigned char)document->data[i]) * 0x100000001b3u;
    return hash;
}

/* How many documents like this one came before it; it is counted from now on. */
static size_t count_equal(struct import *import, uint64_t hash)
{
    size_t equal = 0;
    for (size_t i = 0; i < import->hash_count; i++)
        equal += import->hashes[i] == hash;
    if (import->hash_count == import->hash_capacity) {
        size_t capacity = import->hash_capacity ? 2 * import->hash_capacity : 64;
        uint64_t *larger = arena_alloc(&import->cli->arena, capacity * sizeof *larger);
        if (import->hash_count)
            memcpy(larger, import->hashes, import->hash_count * sizeof *larger);
        import->hashes = larger;
        import->hash_capacity = capacity;
    }
    import->hashes[import->hash_count++] = hash;
    return equal;
}

static int send_document(struct import *import, size_t line, const struct buf *document)
{
    char key[64];
    uint64_t hash = hash_of(document);
    (void)snprintf(key, sizeof key, "import-%016" PRIx64 "-%zu", hash, count_equal(import, hash));
    if (import->dry) {
        (void)puts(document->data);
        return CLI_DONE;
    }
    struct remote_request request = {.method = "POST",
                                     .path = "/jobs",
                                     .body = document->data,
                                     .body_length = document->length,
                                     .idempotency_key = key};
    AUTO_ANSWER struct remote_answer answer;
    int code = remote_call(import->cli, &request, &answer);
    if (code == CLI_FAILED)
        cli_complain("%s:%zu: not imported", import->path, line);
    if (code == CLI_DONE && import->cli->json)
        remote_print(&answer);
    else if (code == CLI_DONE)
        (void)puts(text_of_member(answer.json, "id", &import->cli->arena));
    return code;
}

/* ---- from a crontab ------------------------------------------------------------------------ */

static const char *value_of(const struct pairs *env, const char *name)
{
    for (size_t i = 0; i < env->count; i++)
        if (strcmp(env->items[i].name, name) == 0)
            return env->items[i].value;
    return NULL;
}

/* cron runs a command in what the crontab says is HOME. */
static void write_entry(const struct import *import, const struct crontab_entry *entry,
                        struct buf *document)
{
    struct json_writer writer;
    const char *home = value_of(&entry->env, "HOME");
    const char *user = import->user ? import->user : entry->user;
    json_writer_init(&writer, document);
    json_write_object_begin(&writer);
    json_member_string(&writer, "executable", entry->command);
    json_member_string(&writer, "schedule", entry->schedule);
    json_member_string(&writer, "type", "command");
    if (entry->env.count)
        json_member_pairs(&writer, "env", &entry->env);
    if (entry->stdin_text)
        json_member_string(&writer, "stdin", entry->stdin_text);
    if (home && *home == '/')
        json_member_string(&writer, "working_directory", home);
    if (*user)
        json_member_string(&writer, "run_as", user);
    if (*entry->time_zone)
        json_member_string(&writer, "time_zone", entry->time_zone);
    if (entry->jitter)
        json_member_span(&writer, "jitter", entry->jitter);
    json_write_object_end(&writer);
}

static int import_entries(struct import *import, const struct crontab *crontab)
{
    int result = CLI_DONE;
    for (size_t i = 0; i < crontab->entry_count && result != CLI_UNREACHABLE; i++) {
        AUTO_BUF struct buf document;
        buf_init(&document, LIMIT_BODY);
        write_entry(import, &crontab->entries[i], &document);
        int code = CLI_FAILED;
        if (document.failed)
            cli_complain("%s:%zu: larger than %d bytes", import->path, crontab->entries[i].line,
                         LIMIT_BODY);
        else
            code = send_document(import, crontab->entries[i].line, &document);
        result = code == CLI_DONE ? result : code;
    }
    return result;
}

/* All or nothing: a crontab with a bad line is not imported by halves. */
static int import_crontab(struct import *import, const struct arguments *arguments,
                          const struct buf *content)
{
    struct crontab crontab;
    if (!crontab_file_read(import->cli, arguments, content, &crontab))
        return CLI_FAILED;
    if (crontab.problem_count) {
        crontab_file_report(import->path, &crontab, false, stderr);
        cli_complain("%s: nothing is imported", import->path);
        return CLI_FAILED;
    }
    return import_entries(import, &crontab);
}

/* ---- from JSON lines ----------------------------------------------------------------------- */

static int import_line(struct import *import, size_t number, const char *text, size_t length)
{
    AUTO_BUF struct buf document;
    buf_init(&document, LIMIT_BODY);
    AUTO_JSON struct json_value *value = NULL;
    struct err err = {0};
    enum rc rc = json_document_read(text, length, &value, &err);
    if (rc == RC_OK && json_value_kind(value) != JSON_KIND_OBJECT)
        rc = err_fail(&err, RC_MALFORMED, "not a job: %s", json_kind_text(json_value_kind(value)));
    if (rc == RC_OK)
        rc = buf_append(&document, text, length);
    if (rc == RC_OK)
        return send_document(import, number, &document);
    cli_complain("%s:%zu: %s", import->path, number, err_message(&err, rc));
    return CLI_FAILED;
}

static int import_lines(struct import *import, const struct buf *content)
{
    int result = CLI_DONE;
    size_t number = 0;
    const char *end = content->data + content->length;
    for (const char *line = content->data; line < end && result != CLI_UNREACHABLE;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((newline ? newline : end) - line);
        number++;
        if (strspn(line, " \t\r") < length) {
            int code = import_line(import, number, line, length);
            result = code == CLI_DONE ? result : code;
        }
        line = newline ? newline + 1 : end;
    }
    return result;
}

static int run_import(struct cli *cli, const struct arguments *arguments)
{
    struct buf content;
    struct import import = {.cli = cli,
                            .path = arguments->operands[0],
                            .user = arguments_value(arguments, "user"),
                            .dry = arguments_have(arguments, "dry-run")};
    if (!cli_read_file(import.path, IMPORT_LIMIT, &content))
        return CLI_FAILED;
    bool is_json = content.data[strspn(content.data, " \t\r\n")] == '{';
    if (is_json && import.user) {
        buf_release(&content);
        return cli_usage("import: --user is for crontabs; each document says its run_as");
    }
    int code =
        is_json ? import_lines(&import, &content) : import_crontab(&import, arguments, &content);
    buf_release(&content);
    return code;
}

static const struct option import_options[] = {
    {.name = "user", .value = "ACCOUNT", .help = "whose crontab it is: all its jobs run as that"},
    {.name = "dry-run", .help = "print the documents that would be sent, one a line"},
    {0},
};

const struct command command_import = {
    .name = "import",
    .operands = "FILE|-",
    .summary = "Make jobs of a crontab's lines, or of what `export` printed",
    .details = "Prints each new id. A crontab with a bad line is not imported at all. Settings\n"
               "hold for the lines below them; CRON_TZ becomes the time zone, RANDOM_DELAY the\n"
               "jitter, HOME the working directory as well. The same file imported again within\n"
               "24 hours adds nothing and prints the same ids.",
    .least = 1,
    .most = 1,
    .options = {import_options, crontab_options, remote_options},
    .run = run_import,
};

/* ---- export -------------------------------------------------------------------------------- */

static bool print_job(void *context, const struct json_value *element, const char *text,
                      size_t length)
{
    const bool *all = context;
    if (!*all && strcmp(text_string(element, "status", ""), "finished") == 0)
        return true;
    return fwrite(text, 1, length, stdout) == length && fputc('\n', stdout) != EOF;
}

static int run_export(struct cli *cli, const struct arguments *arguments)
{
    bool all = arguments_have(arguments, "all");
    return remote_each(cli, "/jobs", print_job, &all);
}

static const struct option export_options[] = {
    {.name = "all", .help = "finished jobs as well"},
    {0},
};

const struct command command_export = {
    .name = "export",
    .operands = "",
    .summary = "Print all jobs as JSON lines, which `import` takes back",
    .details = "Jobs that are finished are left out unless --all is given.",
    .options = {export_options, remote_options},
    .run = run_export,
};
