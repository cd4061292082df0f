/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a job's fields, one function for what belongs together. */
#include <stdio.h>
#include <string.h>

#include "core/job.h"
#include "core/schedule.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

enum { LIMIT_ACCOUNT = 32, LIMIT_CORES = 1024, LIMIT_TASKS = 4194304 };

static const int64_t least_memory = 1024 * 1024;

static void check_length(struct problems *problems, const char *field, const char *text,
                         size_t limit)
{
    size_t length = strlen(text);

    if (length > limit)
        problems_add(problems, field, "has %zu bytes, the most is %zu", length, limit);
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

bool name_is_valid(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= LIMIT_NAME && strspn(name, LETTERS DIGITS "._-") == length;
}

static void check_name(struct problems *problems, const char *name)
{
    if (!name[0])
        return;
    if (!name_is_valid(name))
        problems_add(problems, "name",
                     "'%.80s' is not a name: 1 to %d of the characters A-Z a-z 0-9 . _ -", name,
                     LIMIT_NAME);
    else if (strspn(name, DIGITS) == strlen(name))
        problems_add(problems, "name", "'%s' could be taken for an id: use a letter too", name);
}

static void check_label(struct problems *problems, const char *field, const struct pair *label)
{
    size_t length = strlen(label->name);

    if (!length || length > LIMIT_LABEL || strspn(label->name, LETTERS DIGITS "._/-") != length)
        problems_add(problems, field,
                     "'%.80s' is not a label's name: 1 to %d of the characters A-Z a-z 0-9 . _ / -",
                     label->name, LIMIT_LABEL);
    if (strlen(label->value) > LIMIT_LABEL || has_control(label->value))
        problems_add(problems, field,
                     "the value of '%.80s' must have at most %d bytes and no control characters",
                     label->name, LIMIT_LABEL);
}

static void check_labels(struct problems *problems, const char *field, const struct pairs *labels)
{
    if (labels->count > LIMIT_LABELS)
        problems_add(problems, field, "%zu labels, the most is %d", labels->count, LIMIT_LABELS);
    for (size_t i = 0; i < labels->count && i < LIMIT_LABELS; i++)
        check_label(problems, field, &labels->items[i]);
}

static void check_description(struct problems *problems, const struct job *job)
{
    check_name(problems, job->name);
    check_length(problems, "description", job->description, LIMIT_DESCRIPTION);
    check_labels(problems, "labels", &job->labels);
    check_labels(problems, "placement.labels", &job->placement);
}

/* POSIX, Base Definitions 8.1: names are letters, digits and underscores, not beginning with a
 * digit. */
static void check_environment(struct problems *problems, const struct pairs *env)
{
    if (env->count > LIMIT_ENV)
        problems_add(problems, "env", "%zu variables, the most is %d", env->count, LIMIT_ENV);
    for (size_t i = 0; i < env->count && i < LIMIT_ENV; i++) {
        const char *name = env->items[i].name;
        size_t length = strlen(name);

        if (!length || length > 255 || strspn(name, LETTERS DIGITS "_") != length ||
            strchr(DIGITS, name[0]))
            problems_add(problems, "env",
                         "'%.80s' is not a variable's name: letters, digits and _, no digit first",
                         name);
        if (strlen(env->items[i].value) > LIMIT_ENV_VALUE)
            problems_add(problems, "env", "the value of '%.80s' has more than %d bytes", name,
                         LIMIT_ENV_VALUE);
    }
}

bool job_account_is_valid(const char *name)
{
    size_t length = strlen(name);
    size_t plain = strspn(name, "abcdefghijklmnopqrstuvwxyz" DIGITS "_.-");

    return length > 0 && length <= LIMIT_ACCOUNT && plain > 0 && !strchr(DIGITS ".-", name[0]) &&
           (plain == length || (plain == length - 1 && name[plain] == '$'));
}

static void check_args(struct problems *problems, const struct strings *args)
{
    if (args->count > LIMIT_ARGS)
        problems_add(problems, "args", "%zu arguments, the most is %d", args->count, LIMIT_ARGS);
    for (size_t i = 0; i < args->count && i < LIMIT_ARGS; i++)
        check_length(problems, "args", args->items[i], LIMIT_ARG);
}

/* It becomes the name of a download and of nothing else, and must not be able to be more. */
static void check_filename(struct problems *problems, const char *name)
{
    check_length(problems, "filename", name, LIMIT_FILENAME);
    if (strchr(name, '/') || has_control(name) || !strcmp(name, ".") || !strcmp(name, ".."))
        problems_add(problems, "filename",
                     "'%.80s' is not the name of a file: no / and no control characters", name);
}

static void check_file(struct problems *problems, const struct job *job)
{
    const char *type = job_type_text(job->type);

    check_filename(problems, job->filename);
    if (!executable_is_url(job->executable))
        problems_add(problems, "executable", "must be the URL of the %s", type);
    else if (has_control(job->executable) || strchr(job->executable, ' '))
        problems_add(problems, "executable",
                     "'%.80s' is not a URL: it has a space or a control "
                     "character",
                     job->executable);
    if (strlen(job->sha256) != 64 || strspn(job->sha256, DIGITS "abcdef") != 64)
        problems_add(problems, "sha256", "'%.80s' is not a SHA-256: 64 digits 0-9 a-f",
                     job->sha256);
}

static void check_line(struct problems *problems, const struct job *job)
{
    if (strspn(job->executable, " \t\r\n") == strlen(job->executable))
        problems_add(problems, "executable", "must not be empty");
    if (job->filename[0])
        problems_add(problems, "filename", "is for the types script and binary; this is a command");
    if (job->sha256[0])
        problems_add(problems, "sha256", "is for the types script and binary; this is a command");
}

static void check_execution(struct problems *problems, const struct job *job)
{
    if (job->type == JOB_COMMAND)
        check_line(problems, job);
    else
        check_file(problems, job);
    check_length(problems, "executable", job->executable, LIMIT_EXECUTABLE);
    check_args(problems, &job->args);
    check_environment(problems, &job->env);
    if (job->stdin_text)
        check_length(problems, "stdin", job->stdin_text, LIMIT_STDIN);
    check_length(problems, "working_directory", job->working_directory, LIMIT_PATH);
    if (job->working_directory[0] && job->working_directory[0] != '/')
        problems_add(problems, "working_directory", "'%.80s' must begin with /",
                     job->working_directory);
    if (job->run_as[0] && !job_account_is_valid(job->run_as))
        problems_add(problems, "run_as", "'%.80s' is not the name of an account", job->run_as);
}

static void check_schedule(struct problems *problems, const struct job *job, uint64_t identity)
{
    struct schedule schedule;
    struct err err = {0};
    enum rc rc;

    rc = schedule_parse(job->schedule, identity, &schedule, &err);
    if (rc != RC_OK)
        problems_add(problems, "schedule", "%s", err_message(&err, rc));
    if (job->time_zone[0] && !zone_name_is_valid(job->time_zone))
        problems_add(problems, "time_zone", "'%.80s' is not a zone like Europe/Berlin",
                     job->time_zone);
    if (job->starts_at != INSTANT_NONE && job->ends_at != INSTANT_NONE &&
        job->ends_at <= job->starts_at)
        problems_add(problems, "ends_at", "must be later than starts_at");
}

static void check_span(struct problems *problems, const char *field, span_us span, span_us least,
                       span_us most)
{
    char text[3][SPAN_TEXT];

    if (span < least || span > most)
        problems_add(problems, field, "%s is not between %s and %s", span_format(span, text[0]),
                     span_format(least, text[1]), span_format(most, text[2]));
}

static void check_policy(struct problems *problems, const struct job *job)
{
    check_span(problems, "jitter", job->jitter, 0, DAY);
    check_span(problems, "catch_up_window", job->catch_up_window, 0, 366 * DAY);
    if (job->timeout)
        check_span(problems, "timeout", job->timeout, SECOND, 366 * DAY);
    check_span(problems, "kill_grace", job->kill_grace, 0, DAY);
    if (job->retries.limit > LIMIT_RETRIES)
        problems_add(problems, "retries.limit", "%u is not in 0-%d", job->retries.limit,
                     LIMIT_RETRIES);
    check_span(problems, "retries.delay", job->retries.delay, 0, 7 * DAY);
    check_span(problems, "retries.max_delay", job->retries.max_delay, 0, 7 * DAY);
    if (!(job->retries.backoff >= 1 && job->retries.backoff <= 10))
        problems_add(problems, "retries.backoff", "%g is not in 1-10", job->retries.backoff);
}

static void check_limits(struct problems *problems, const struct run_limits *limits)
{
    if (limits->memory && limits->memory < least_memory)
        problems_add(problems, "limits.memory", "%lld is less than 1MiB",
                     (long long)limits->memory);
    if (!(limits->cpu >= 0 && limits->cpu <= LIMIT_CORES))
        problems_add(problems, "limits.cpu", "%g is not in 0-%d cores", limits->cpu, LIMIT_CORES);
    if (limits->tasks < 0 || limits->tasks > LIMIT_TASKS)
        problems_add(problems, "limits.tasks", "%lld is not in 0-%d", (long long)limits->tasks,
                     LIMIT_TASKS);
    if (limits->output < 0 || limits->output > LIMIT_OUTPUT)
        problems_add(problems, "limits.output", "%lld is not in 0-%d bytes",
                     (long long)limits->output, LIMIT_OUTPUT);
    if (limits->nice < -20 || limits->nice > 19)
        problems_add(problems, "limits.nice", "%d is not in -20 to 19", limits->nice);
}

enum rc job_validate(const struct job *job, uint64_t identity, struct problems *problems)
{
    size_t before = problems->count;

    check_description(problems, job);
    check_execution(problems, job);
    check_schedule(problems, job, identity);
    check_policy(problems, job);
    check_limits(problems, &job->limits);
    return problems->count > before ? RC_INVALID : RC_OK;
}

enum rc job_validate_request(const struct strings *args, const struct pairs *env,
                             struct problems *problems)
{
    size_t before = problems->count;

    check_args(problems, args);
    check_environment(problems, env);
    return problems->count > before ? RC_INVALID : RC_OK;
}
