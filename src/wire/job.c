/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/job.h"

#include <string.h>

#include "base/check.h"

#include "core/seal.h"

#include "wire/field.h"
#include "wire/run.h"

static void write_execution(struct json_writer *writer, const struct job *job)
{
    json_member_string(writer, "executable", job->executable);
    json_member_string(writer, "schedule", job->schedule);
    json_member_string(writer, "type", job_type_text(job->type));
    json_member_text(writer, "name", job->name);
    json_member_string(writer, "description", job->description);
    json_member_pairs(writer, "labels", &job->labels);
    json_member_strings(writer, "args", &job->args);
    json_member_pairs(writer, "env", &job->env);
    json_member_string(writer, "stdin", job->stdin_text);
    json_member_text(writer, "working_directory", job->working_directory);
    json_member_text(writer, "run_as", job->run_as);
}

static void write_timing(struct json_writer *writer, const struct job *job)
{
    json_member_text(writer, "time_zone", job->time_zone);
    json_member_boolean(writer, "enabled", job->enabled);
    json_member_instant(writer, "starts_at", job->starts_at);
    json_member_instant(writer, "ends_at", job->ends_at);
    json_member_span(writer, "jitter", job->jitter);
}

/* A span or a number whose 0 means that there is none. */
static void write_span_or_null(struct json_writer *writer, const char *name, span_us span)
{
    if (span)
        json_member_span(writer, name, span);
    else
        json_member_null(writer, name);
}

static void write_policy(struct json_writer *writer, const struct job *job)
{
    json_member_string(writer, "concurrency", concurrency_text(job->concurrency));
    json_member_string(writer, "catch_up", catch_up_text(job->catch_up));
    json_member_span(writer, "catch_up_window", job->catch_up_window);
    write_span_or_null(writer, "timeout", job->timeout);
    json_member_span(writer, "kill_grace", job->kill_grace);
    json_write_name(writer, "retries");
    json_write_object_begin(writer);
    json_member_integer(writer, "limit", job->retries.limit);
    json_member_span(writer, "delay", job->retries.delay);
    json_member_number(writer, "backoff", job->retries.backoff);
    json_member_span(writer, "max_delay", job->retries.max_delay);
    json_member_boolean(writer, "elsewhere", job->retries.elsewhere);
    json_write_object_end(writer);
    json_member_string(writer, "on_worker_loss", worker_loss_text(job->on_worker_loss));
}

static void write_placement(struct json_writer *writer, const struct pairs *labels)
{
    json_write_name(writer, "placement");
    json_write_object_begin(writer);
    json_member_string(writer, "workers", "one");
    json_member_pairs(writer, "labels", labels);
    json_write_object_end(writer);
}

static void write_limits(struct json_writer *writer, const struct run_limits *limits)
{
    json_write_name(writer, "limits");
    json_write_object_begin(writer);
    if (limits->memory)
        json_member_size(writer, "memory", limits->memory);
    else
        json_member_null(writer, "memory");
    if (limits->cpu > 0)
        json_member_number(writer, "cpu", limits->cpu);
    else
        json_member_null(writer, "cpu");
    if (limits->tasks)
        json_member_integer(writer, "tasks", limits->tasks);
    else
        json_member_null(writer, "tasks");
    json_member_size(writer, "output", limits->output);
    json_member_integer(writer, "nice", limits->nice);
    json_write_object_end(writer);
}

static void write_file(struct json_writer *writer, const struct job *job)
{
    json_member_text(writer, "filename", job->filename);
    json_member_text(writer, "sha256", job->sha256);
    json_member_instant(writer, "executable_changed_at", job->executable_changed_at);
}

enum rc wire_job_document(const struct job *job, struct buf *buf)
{
    struct json_writer writer;

    json_writer_init(&writer, buf);
    json_write_object_begin(&writer);
    write_execution(&writer, job);
    write_timing(&writer, job);
    write_policy(&writer, job);
    write_placement(&writer, &job->placement);
    write_limits(&writer, &job->limits);
    json_member_strings(&writer, "after", &(struct strings){0});
    json_member_strings(&writer, "notify", &(struct strings){0});
    write_file(&writer, job);
    json_write_object_end(&writer);
    return buf->failed ? RC_TOO_BIG : RC_OK;
}

/* Documents were shorter once: whoever reads an answer is to find every member all the same. */
static bool ends_early(const char *document, size_t length)
{
    static const char end[] = "\"notify\":[]}";
    size_t size = sizeof(end) - 1;

    return length >= size && memcmp(document + length - size, end, size) == 0;
}

void wire_job_write(struct json_writer *writer, const struct job_record *job,
                    const struct job_outlook *outlook)
{
    size_t length = seal_body(job->document, job->document_length);

    CHECK(job->document);
    json_write_object_begin(writer);
    json_member_id(writer, "id", job->id);
    json_member_string(writer, "status", job_status_text(job->status));
    json_write_members(writer, job->document, length);
    if (ends_early(job->document, length))
        write_file(
            writer,
            &(struct job){.filename = "", .sha256 = "", .executable_changed_at = job->created_at});
    json_member_string(writer, "owner", job->owner);
    json_member_integer(writer, "revision", (int64_t)job->revision);
    json_member_text(writer, "worker", job->worker);
    json_member_text(writer, "scheduler", outlook->scheduler ? outlook->scheduler : "");
    json_member_instant(writer, "next_run", outlook->next_run);
    json_write_name(writer, "last_run");
    if (job->last_run)
        wire_run_write_short(writer, job->last_run);
    else
        json_write_null(writer);
    json_member_instant(writer, "created_at", job->created_at);
    json_member_instant(writer, "updated_at", job->updated_at);
    json_write_object_end(writer);
}
