/* SPDX-License-Identifier: Apache-2.0 */
#include "link/event_text.h"

#include <string.h>

#include "link/protocol.h"
#include "link/text.h"

/* ---- events -------------------------------------------------------------------------------- */

void link_event_write(struct json_writer *writer, const struct event *event)
{
    char id[RUN_ID_TEXT];

    json_write_object_begin(writer);
    switch (event->kind) {
    case EVENT_JOB:
        json_member_id(writer, "job", event->job);
        break;
    case EVENT_RUN:
        json_member_string(writer, "run", run_id_format(&event->run, id));
        break;
    case EVENT_WORKER:
        json_member_string(writer, "worker", event->worker);
        break;
    case EVENT_OUTPUT:
        json_member_string(writer, "output", run_id_format(&event->run, id));
        break;
    case EVENT_MISSED:
        json_member_boolean(writer, "missed", true);
        break;
    }
    json_write_object_end(writer);
}

enum rc link_events_write(struct buf *buf, const struct event *events, size_t count)
{
    struct json_writer writer;

    link_document_begin(&writer, buf);
    json_write_name(&writer, "events");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        link_event_write(&writer, &events[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    return buf->failed ? RC_TOO_BIG : RC_OK;
}

struct event_members {
    const char *job, *run, *worker, *output;
    bool missed;
};

#define MEMBER(member, kind_of) FIELD(#member, kind_of, offsetof(struct event_members, member))

static const struct field event_fields[] = {
    MEMBER(job, FIELD_TEXT),    MEMBER(run, FIELD_TEXT),       MEMBER(worker, FIELD_TEXT),
    MEMBER(output, FIELD_TEXT), MEMBER(missed, FIELD_BOOLEAN),
};

static enum rc take_run(const char *text, enum event_kind kind, struct event *ret_event,
                        struct err *err)
{
    *ret_event = (struct event){.kind = kind};
    if (run_id_parse(text, &ret_event->run, err) != RC_OK)
        return RC_MALFORMED;
    ret_event->job = ret_event->run.job;
    return RC_OK;
}

static enum rc take_members(const struct event_members *members, struct event *ret_event,
                            struct err *err)
{
    int count =
        !!members->job + !!members->run + !!members->worker + !!members->output + members->missed;

    if (count != 1)
        return err_fail(err, RC_MALFORMED, "an event is about one thing");
    if (members->run)
        return take_run(members->run, EVENT_RUN, ret_event, err);
    if (members->output)
        return take_run(members->output, EVENT_OUTPUT, ret_event, err);
    *ret_event = (struct event){.kind = EVENT_MISSED};
    if (members->job) {
        ret_event->kind = EVENT_JOB;
        if (!link_number_read(members->job, &ret_event->job))
            return err_fail(err, RC_MALFORMED, "'%.40s' is not a job", members->job);
    }
    if (members->worker) {
        ret_event->kind = EVENT_WORKER;
        if (strlen(members->worker) > LIMIT_NAME)
            return err_fail(err, RC_MALFORMED, "'%.80s' is not a worker", members->worker);
        memcpy(ret_event->worker, members->worker, strlen(members->worker) + 1);
    }
    return RC_OK;
}

static enum rc read_event(const struct json_value *value, struct event *ret_event, struct err *err)
{
    static const struct link_table table = {event_fields, ARRAY_SIZE(event_fields)};
    AUTO_ARENA struct arena arena = {0};
    struct event_members members = {0};
    enum rc rc = link_object_read(value, &table, &arena, &members, err);

    return rc == RC_OK ? take_members(&members, ret_event, err) : rc;
}

enum rc link_events_read(const char *text, size_t length, struct event *ret_events,
                         size_t *ret_count, struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    const struct json_value *array = NULL;
    enum rc rc = link_document_read(text, length, &document, err);
    size_t count;

    if (rc == RC_OK)
        rc = link_array_read(document, "events", LINK_EVENTS_MAX, &array, err);
    if (rc != RC_OK)
        return rc;
    count = json_value_count(array);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = read_event(json_value_at(array, i), &ret_events[i], err);
    if (rc == RC_OK)
        *ret_count = count;
    return rc;
}

enum rc link_line_read(const char *text, size_t length, enum link_line *ret_line,
                       struct event *ret_event, struct err *err)
{
    struct json_value *AUTO_JSON line = NULL;
    struct json_value *AUTO_JSON beginning = NULL;
    enum rc rc = json_document_read(text, length, &line, err);

    if (rc == RC_OK && json_value_kind(line) != JSON_KIND_OBJECT)
        rc = err_fail(err, RC_MALFORMED, "a line is an object");
    if (rc != RC_OK)
        return rc;
    if (json_value_count(line) == 0) {
        *ret_line = LINK_LINE_NOTHING;
        return RC_OK;
    }
    if (json_value_member(line, "version")) {
        *ret_line = LINK_LINE_BEGIN;
        return link_document_read(text, length, &beginning, err);
    }
    *ret_line = LINK_LINE_EVENT;
    return read_event(line, ret_event, err);
}

/* ---- runs ---------------------------------------------------------------------------------- */

enum rc link_runs_write(struct buf *buf, const struct run_key *runs, size_t count)
{
    struct json_writer writer;
    char id[RUN_ID_TEXT];

    link_document_begin(&writer, buf);
    json_write_name(&writer, "runs");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        json_write_string(&writer, run_id_format(&runs[i], id));
    json_write_array_end(&writer);
    json_write_object_end(&writer);
    return buf->failed ? RC_TOO_BIG : RC_OK;
}

enum rc link_runs_read(const char *text, size_t length, struct run_key *ret_runs, size_t *ret_count,
                       struct err *err)
{
    struct json_value *AUTO_JSON document = NULL;
    const struct json_value *array = NULL, *item;
    enum rc rc = link_document_read(text, length, &document, err);
    size_t count;

    if (rc == RC_OK)
        rc = link_array_read(document, "runs", LINK_RUNS_MAX, &array, err);
    if (rc != RC_OK)
        return rc;
    count = json_value_count(array);
    for (size_t i = 0; i < count; i++) {
        item = json_value_at(array, i);
        if (json_value_kind(item) != JSON_KIND_STRING ||
            run_id_parse(json_value_string(item), &ret_runs[i], err) != RC_OK)
            return err_fail(err, RC_MALFORMED, "item %zu is not a run", i);
    }
    *ret_count = count;
    return RC_OK;
}
