/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/run.h"

#include <string.h>

#include "wire/field.h"

static void write_exit_code(struct json_writer *writer, int32_t exit_code)
{
    if (exit_code >= 0)
        json_member_integer(writer, "exit_code", exit_code);
    else
        json_member_null(writer, "exit_code");
}

static void write_signal(struct json_writer *writer, int32_t number)
{
    if (number)
        json_member_integer(writer, "signal", number);
    else
        json_member_null(writer, "signal");
}

static void write_result(struct json_writer *writer, const struct run_result *result)
{
    json_member_instant(writer, "started_at", result->started_at);
    json_member_instant(writer, "finished_at", result->finished_at);
    write_exit_code(writer, result->exit_code);
    write_signal(writer, result->signal);
    json_member_integer(writer, "output_bytes", result->output_bytes);
    json_member_boolean(writer, "output_truncated", result->output_truncated);
    json_member_number(writer, "cpu_seconds", (double)result->cpu / (double)SECOND);
    json_member_integer(writer, "max_rss", result->max_rss);
}

void wire_run_write(struct json_writer *writer, const struct run *run)
{
    char id[RUN_ID_TEXT];

    json_write_object_begin(writer);
    json_member_string(writer, "id", run_id_format(&run->key, id));
    json_member_id(writer, "job", run->key.job);
    json_member_instant(writer, "scheduled_at", run->key.scheduled_at);
    json_member_integer(writer, "attempt", run->key.attempt);
    json_member_string(writer, "trigger", run_trigger_text(run->trigger));
    json_member_string(writer, "status", run_status_text(run->result.status));
    json_member_text(writer, "reason", run->reason);
    json_member_text(writer, "worker", run->worker);
    write_result(writer, &run->result);
    json_member_text(writer, "sha256", run->sha256 ? run->sha256 : "");
    if (run->count > 1) {
        json_member_integer(writer, "count", run->count);
        json_member_instant(writer, "until", run->until);
    }
    json_write_object_end(writer);
}

void wire_run_write_short(struct json_writer *writer, const struct run *run)
{
    char id[RUN_ID_TEXT];

    json_write_object_begin(writer);
    json_member_string(writer, "id", run_id_format(&run->key, id));
    json_member_instant(writer, "scheduled_at", run->key.scheduled_at);
    json_member_string(writer, "status", run_status_text(run->result.status));
    json_member_instant(writer, "started_at", run->result.started_at);
    json_member_instant(writer, "finished_at", run->result.finished_at);
    write_exit_code(writer, run->result.exit_code);
    json_member_text(writer, "reason", run->reason);
    json_write_object_end(writer);
}

static const struct field request_fields[] = {
    FIELD("args", FIELD_STRINGS, offsetof(struct run_request, args)),
    FIELD("env", FIELD_PAIRS, offsetof(struct run_request, env)),
    FIELD("exact", FIELD_TEXT, offsetof(struct run_request, exact)),
};

enum rc wire_run_request_read(const char *text, size_t length, struct problems *problems,
                              struct run_request *ret_request, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    struct run_request request = {0};
    const struct json_value *args;
    enum rc rc;

    if (!length) {
        *ret_request = request;
        return RC_OK;
    }
    rc = json_document_read(text, length, &document, err);
    if (rc != RC_OK)
        return rc;
    if (json_value_kind(document) != JSON_KIND_OBJECT)
        return err_fail(err, RC_MALFORMED, "a request for a run is an object, not %s",
                        json_kind_text(json_value_kind(document)));
    if (!fields_read(document, request_fields, ARRAY_SIZE(request_fields), problems, &request) ||
        job_validate_request(&request.args, &request.env, problems) != RC_OK)
        return err_fail(err, RC_INVALID, "the run has fields that are not acceptable");
    args = json_value_member(document, "args");
    request.has_args = args && json_value_kind(args) != JSON_KIND_NULL;
    *ret_request = request;
    return RC_OK;
}

const char *wire_run_request_text(const struct run_request *request, struct arena *arena)
{
    struct buf AUTO_BUF text;
    struct json_writer writer;

    bool is_exact = request->exact && *request->exact;

    buf_init(&text, SIZE_MAX);
    if (!request->has_args && !request->env.count && !is_exact)
        return "";
    json_writer_init(&writer, &text);
    json_write_object_begin(&writer);
    if (request->has_args)
        json_member_strings(&writer, "args", &request->args);
    if (request->env.count)
        json_member_pairs(&writer, "env", &request->env);
    if (is_exact)
        json_member_string(&writer, "exact", request->exact);
    json_write_object_end(&writer);
    return arena_strndup(arena, text.data, text.length);
}
