/* SPDX-License-Identifier: Apache-2.0 */
/* When a schedule would be due, without a job. */
#include <string.h>

#include "core/schedule.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "wire/json.h"

enum { PREVIEW_DEFAULT = 10 };

struct preview {
    struct schedule schedule;
    const struct zone *zone;
    instant_us from;
    int64_t count;
};

/* False: the request was refused. */
static bool read_expression(struct call *call, struct preview *preview, char prefix[ZONE_NAME_MAX])
{
    struct err err = {0};
    const char *rest;
    enum rc rc =
        schedule_split_zone(http_request_query(call->request, "expression"), prefix, &rest, &err);

    if (rc == RC_OK)
        rc = schedule_parse(rest, 0, &preview->schedule, &err);
    if (rc == RC_OK)
        return true;
    answer_bad_field(call, "expression", err_message(&err, rc));
    return false;
}

static bool read_zone(struct call *call, struct preview *preview, const char *prefix)
{
    const char *asked = http_request_query(call->request, "time_zone");
    const char *name = asked ? asked : call->api->config.time_zone;
    struct err err = {0};
    enum rc rc;

    if (prefix[0] && asked && strcmp(prefix, asked) != 0) {
        answer_bad_field(call, "time_zone", "the expression names another zone");
        return false;
    }
    rc = zones_get(call->api->config.zones, prefix[0] ? prefix : name, &preview->zone, &err);
    if (rc == RC_INVALID)
        answer_bad_field(call, prefix[0] ? "expression" : "time_zone", err_message(&err, rc));
    else if (rc != RC_OK)
        answer_failure(call, rc, &err);
    return rc == RC_OK;
}

static void write_next(struct json_writer *writer, const struct preview *preview)
{
    char text[INSTANT_TEXT];
    instant_us tick = preview->from;

    json_write_name(writer, "next");
    json_write_array_begin(writer);
    for (int64_t i = 0; i < preview->count; i++) {
        if (schedule_next(&preview->schedule, preview->zone, preview->from, tick, &tick) != RC_OK)
            break;
        json_write_string(writer, instant_format(tick, text));
    }
    json_write_array_end(writer);
}

static void write_description(struct json_writer *writer, const struct preview *preview)
{
    AUTO_BUF struct buf words;

    buf_init(&words, ANSWER_LIMIT);
    (void)schedule_describe(&preview->schedule, &words); /* the limit is far away */
    json_member_string(writer, "description", words.data ? words.data : "");
}

void handle_schedule_preview(struct call *call)
{
    struct preview preview = {
        .from = query_instant(call->request, "from", call_now(call)),
        .count = query_integer(call->request, "count", PREVIEW_DEFAULT),
    };
    char prefix[ZONE_NAME_MAX];
    struct json_writer writer;
    AUTO_BUF struct buf body;

    buf_init(&body, ANSWER_LIMIT);
    if (!read_expression(call, &preview, prefix) || !read_zone(call, &preview, prefix))
        return;
    json_writer_init(&writer, &body);
    json_write_object_begin(&writer);
    write_next(&writer, &preview);
    write_description(&writer, &preview);
    json_member_string(&writer, "time_zone", zone_name(preview.zone));
    json_write_object_end(&writer);
    answer_json(call, &body);
}
