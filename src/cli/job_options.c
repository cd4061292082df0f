/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/job_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#include "core/limits.h"

#include "cli/text.h"

enum kind {
    KIND_TEXT,
    KIND_NUMBER,
    KIND_SIZE, /* bytes, or a text with a unit */
    KIND_FILE, /* the content of a file is the text */
    KIND_TRUE,
    KIND_FALSE,
    KIND_PAIR,
    KIND_ITEM,
};

/* clang-format off */
#define JOB_OPTIONS(X)                                                                                      \
  /* option            value      group      member              kind         help */                       \
  X("name",              "NAME",    "",        "name",             KIND_TEXT,   "a unique name, good in place of the id")  \
  X("description",       "TEXT",    "",        "description",      KIND_TEXT,   "what it is for")                          \
  X("label",             "K=V",     "",        "labels",           KIND_PAIR,   "a label to find it by")                   \
  X("arg",               "TEXT",    "",        "args",             KIND_ITEM,   "an argument of the command: $1, $2, ...") \
  X("env",               "K=V",     "",        "env",              KIND_PAIR,   "a variable of its environment")           \
  X("stdin",             "TEXT",    "",        "stdin",            KIND_TEXT,   "what it reads from standard input")       \
  X("stdin-file",        "FILE",    "",        "stdin",            KIND_FILE,   "the same, taken from a file, - for standard input") \
  X("working-directory", "DIR",     "",        "working_directory", KIND_TEXT,  "where it runs; the account's home")       \
  X("run-as",            "ACCOUNT", "",        "run_as",           KIND_TEXT,   "the account it runs as; yours")           \
  X("time-zone",         "ZONE",    "",        "time_zone",        KIND_TEXT,   "of its schedule; the server's")           \
  X("disabled",          NULL,      "",        "enabled",          KIND_FALSE,  "not on schedule until `cronjob resume`")  \
  X("starts-at",         "TIME",    "",        "starts_at",        KIND_TEXT,   "no tick before (RFC 3339)")               \
  X("ends-at",           "TIME",    "",        "ends_at",          KIND_TEXT,   "no tick from then on (RFC 3339)")         \
  X("jitter",            "SPAN",    "",        "jitter",           KIND_TEXT,   "start up to that much later, always by the same") \
  X("concurrency",       "POLICY",  "",        "concurrency",      KIND_TEXT,   "while a run goes on: forbid, allow, replace, queue [forbid]") \
  X("catch-up",          "POLICY",  "",        "catch_up",         KIND_TEXT,   "of ticks missed: none, last, all [last]") \
  X("catch-up-window",   "SPAN",    "",        "catch_up_window",  KIND_TEXT,   "how old they may be [1h]")                \
  X("timeout",           "SPAN",    "",        "timeout",          KIND_TEXT,   "a run is ended after that long; none")    \
  X("kill-grace",        "SPAN",    "",        "kill_grace",       KIND_TEXT,   "from TERM to KILL [10s]")                 \
  X("retries",           "N",       "retries", "limit",            KIND_NUMBER, "attempts after one that failed [0]")      \
  X("retry-delay",       "SPAN",    "retries", "delay",            KIND_TEXT,   "before the second attempt [30s]")         \
  X("retry-backoff",     "FACTOR",  "retries", "backoff",          KIND_NUMBER, "each further delay is longer by that, 1-10 [2]") \
  X("retry-max-delay",   "SPAN",    "retries", "max_delay",        KIND_TEXT,   "and never longer than this [1h]")         \
  X("retry-elsewhere",   NULL,      "retries", "elsewhere",        KIND_TRUE,   "on another worker")                       \
  X("on-worker-loss",    "POLICY",  "",        "on_worker_loss",   KIND_TEXT,   "a run whose worker vanished: rerun, fail [rerun]") \
  X("filename",          "NAME",    "",        "filename",         KIND_TEXT,   "of a script or binary; the name of the file")     \
  X("sha256",            "HASH",    "",        "sha256",           KIND_TEXT,   "what a script or binary must have")       \
  X("memory",            "SIZE",    "limits",  "memory",           KIND_SIZE,   "most memory: 512MiB, 2GiB; no limit")     \
  X("cpu",               "CORES",   "limits",  "cpu",              KIND_NUMBER, "most processor time: 0.5, 2; no limit")   \
  X("tasks",             "N",       "limits",  "tasks",            KIND_NUMBER, "most processes and threads; no limit")    \
  X("output-limit",      "SIZE",    "limits",  "output",           KIND_SIZE,   "output that is kept of a run [10MiB]")    \
  X("nice",              "N",       "limits",  "nice",             KIND_NUMBER, "its niceness, -20 to 19 [0]")

#define JOB_OPTION(option_, value_, group_, member_, kind_, help_)                     \
    {.name = (option_), .value = (value_), .help = (help_),                            \
     .repeats = (kind_) == KIND_PAIR || (kind_) == KIND_ITEM},
#define JOB_TARGET(option_, value_, group_, member_, kind_, help_)                     \
    {.group = (group_), .member = (member_), .kind = (kind_)},
/* clang-format on */

const struct option job_options[] = {JOB_OPTIONS(JOB_OPTION){0}};

static const struct target {
    const char *group; /* "" at the top, or the object that it is in */
    const char *member;
    enum kind kind;
} targets[] = {JOB_OPTIONS(JOB_TARGET)};

/* Where an argument goes, NULL when it is no field of a job. */
static const struct target *target_of(const struct argument *argument)
{
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
        if (argument->option == &job_options[i])
            return &targets[i];
    return NULL;
}

bool job_options_any(const struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (target_of(&arguments->items[i]))
            return true;
    return false;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool is_whole(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int write_number(const struct argument *argument, struct json_writer *writer)
{
    char *end = NULL;
    errno = 0;
    long long whole = strtoll(argument->value, &end, 10);
    if (end != argument->value && *end == '\0' && errno == 0) {
        json_write_integer(writer, whole);
        return CLI_DONE;
    }
    double number = strtod(argument->value, &end);
    bool plain = argument->value[strspn(argument->value, "+-.0123456789")] == '\0';
    if (end == argument->value || *end != '\0' || !plain) {
        json_write_null(writer);
        return cli_usage("--%s: '%s' is not a number", argument->option->name, argument->value);
    }
    json_write_number(writer, number);
    return CLI_DONE;
}

static int write_file(const char *path, struct json_writer *writer)
{
    struct buf content;
    if (!cli_read_file(path, LIMIT_STDIN, &content)) {
        json_write_null(writer);
        return CLI_FAILED;
    }
    json_write_string(writer, content.data);
    buf_release(&content);
    return CLI_DONE;
}

static int write_value(const struct argument *argument, enum kind kind, struct json_writer *writer)
{
    switch (kind) {
    case KIND_NUMBER:
        return write_number(argument, writer);
    case KIND_SIZE:
        if (is_whole(argument->value))
            return write_number(argument, writer);
        json_write_string(writer, argument->value);
        return CLI_DONE;
    case KIND_FILE:
        return write_file(argument->value, writer);
    case KIND_TRUE:
    case KIND_FALSE:
        json_write_boolean(writer, kind == KIND_TRUE);
        return CLI_DONE;
    case KIND_TEXT:
    case KIND_PAIR:
    case KIND_ITEM:
        json_write_string(writer, argument->value);
        return CLI_DONE;
    }
    return CLI_DONE;
}

/* ---- members of lists ---------------------------------------------------------------------- */

static size_t name_length(const char *pair)
{
    return strcspn(pair, "=");
}

/* Whether a later argument gives the same pair again: that one counts. */
static bool is_given_again(const struct arguments *arguments, size_t at)
{
    const struct argument *argument = &arguments->items[at];
    size_t length = name_length(argument->value);
    for (size_t i = at + 1; i < arguments->count; i++) {
        const struct argument *later = &arguments->items[i];
        if (later->option == argument->option && name_length(later->value) == length &&
            strncmp(later->value, argument->value, length) == 0)
            return true;
    }
    return false;
}

static int write_pair(const struct argument *argument, bool is_patch, struct json_writer *writer)
{
    char name[256] = {0};
    size_t length = name_length(argument->value);
    bool has_value = argument->value[length] == '=';
    if (length == 0 || length >= sizeof name || (!has_value && !is_patch))
        return cli_usage("--%s: '%s' is not of the form NAME=VALUE", argument->option->name,
                         argument->value);
    memcpy(name, argument->value, length);
    if (has_value)
        json_member_string(writer, name, argument->value + length + 1);
    else
        json_member_null(writer, name);
    return CLI_DONE;
}

int job_options_write_pairs(const struct arguments *arguments, size_t from, bool is_patch,
                            struct json_writer *writer)
{
    int code = CLI_DONE;
    json_write_object_begin(writer);
    for (size_t i = from; i < arguments->count && code == CLI_DONE; i++)
        if (arguments->items[i].option == arguments->items[from].option &&
            !is_given_again(arguments, i))
            code = write_pair(&arguments->items[i], is_patch, writer);
    json_write_object_end(writer);
    return code;
}

static void write_items(const struct arguments *arguments, size_t from, struct json_writer *writer)
{
    json_write_array_begin(writer);
    for (size_t i = from; i < arguments->count; i++)
        if (arguments->items[i].option == arguments->items[from].option)
            json_write_string(writer, arguments->items[i].value);
    json_write_array_end(writer);
}

/* ---- members ------------------------------------------------------------------------------- */

static bool same_member(const struct target *a, const struct target *b)
{
    return a && b && strcmp(a->group, b->group) == 0 && strcmp(a->member, b->member) == 0;
}

/* Whether the argument is the one that writes its member: of lists the first, else the last. */
static bool writes_member(const struct arguments *arguments, size_t at)
{
    const struct target *target = target_of(&arguments->items[at]);
    CHECK(target);
    bool is_list = target->kind == KIND_PAIR || target->kind == KIND_ITEM;
    size_t from = is_list ? 0 : at + 1;
    size_t until = is_list ? at : arguments->count;
    for (size_t i = from; i < until; i++)
        if (same_member(target, target_of(&arguments->items[i])))
            return false;
    return true;
}

static int write_member(const struct arguments *arguments, size_t at, bool is_patch,
                        struct json_writer *writer)
{
    const struct target *target = target_of(&arguments->items[at]);
    CHECK(target);
    json_write_name(writer, target->member);
    if (target->kind == KIND_PAIR)
        return job_options_write_pairs(arguments, at, is_patch, writer);
    if (target->kind == KIND_ITEM) {
        write_items(arguments, at, writer);
        return CLI_DONE;
    }
    return write_value(&arguments->items[at], target->kind, writer);
}

static bool is_of_group(const struct argument *argument, const char *group)
{
    const struct target *target = target_of(argument);
    return target && strcmp(target->group, group) == 0;
}

static int write_group(const struct arguments *arguments, const char *group, bool is_patch,
                       struct json_writer *writer)
{
    for (size_t i = 0; i < arguments->count; i++) {
        if (!is_of_group(&arguments->items[i], group) || !writes_member(arguments, i))
            continue;
        int code = write_member(arguments, i, is_patch, writer);
        if (code != CLI_DONE)
            return code;
    }
    return CLI_DONE;
}

static int write_object(const struct arguments *arguments, const char *group, bool is_patch,
                        struct json_writer *writer)
{
    bool any = false;
    for (size_t i = 0; i < arguments->count; i++)
        any = any || is_of_group(&arguments->items[i], group);
    if (!any)
        return CLI_DONE;
    json_write_name(writer, group);
    json_write_object_begin(writer);
    int code = write_group(arguments, group, is_patch, writer);
    json_write_object_end(writer);
    return code;
}

int job_options_write(const struct arguments *arguments, bool is_patch, struct json_writer *writer)
{
    int code = write_group(arguments, "", is_patch, writer);
    if (code == CLI_DONE)
        code = write_object(arguments, "retries", is_patch, writer);
    if (code == CLI_DONE)
        code = write_object(arguments, "limits", is_patch, writer);
    return code;
}

void job_options_command(const struct arguments *arguments, struct buf *buf)
{
    if (arguments->rest_count == 1) {
        (void)buf_puts(buf, arguments->rest[0]);
        return;
    }
    for (size_t i = 0; i < arguments->rest_count; i++) {
        if (i)
            (void)buf_putc(buf, ' ');
        text_quote(arguments->rest[i], buf);
    }
}
