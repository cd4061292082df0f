/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run wrote: a range of it, its last lines, or all that is yet to come.
 *
 * The bytes are sent as they are read from where they are kept; nothing is held but one part. Who
 * follows is woken by news of the run. News may be lost when another process publishes it, so the
 * run is also looked at every FOLLOW_LOOK.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "api/hub.h"
#include "api/run_find.h"
#include "http/range.h"

#define FOLLOW_LOOK (2 * SECOND)

struct output {
    struct call *call;
    struct run_key run;
    int64_t offset; /* of the next byte */
    int64_t end;    /* INT64_MAX: until the run ends */
    bool joined;    /* the hub knows of us */
    struct hub_listener listener;
};

static ssize_t read_part(struct output *output, void *data, size_t capacity)
{
    struct output_piece piece = {
        .offset = output->offset,
        .data = data,
        .capacity = (size_t)MIN((int64_t)capacity, output->end - output->offset),
    };
    enum rc rc;

    if (piece.capacity == 0)
        return 0;
    rc = outputs_read(output->call->api->config.outputs, &output->run, &piece, NULL);
    if (rc == RC_NOT_FOUND)
        return 0;
    if (rc != RC_OK)
        return HTTP_STREAM_ABORT;
    output->offset += (int64_t)piece.length;
    return (ssize_t)piece.length;
}

static ssize_t next_part(void *context, char *data, size_t capacity)
{
    struct output *output = context;
    ssize_t length = read_part(output, data, capacity);

    if (length == 0)
        return output->offset == output->end ? HTTP_STREAM_END : HTTP_STREAM_ABORT;
    return length;
}

/* Final first, then the bytes: what a final run wrote is all there. */
static ssize_t follow_part(void *context, char *data, size_t capacity)
{
    struct output *output = context;
    struct call *call = output->call;
    enum run_status status;
    ssize_t length;
    enum rc rc;

    if (!output->joined) {
        hub_join(call->api->hub, &output->listener);
        output->joined = true;
    }
    length = read_part(output, data, capacity);
    if (length != 0)
        return length;
    rc = run_find_key(call, &output->run, NULL, &status, NULL);
    if (rc == RC_NOT_FOUND)
        return HTTP_STREAM_END; /* purged meanwhile */
    if (rc == RC_OK && run_status_is_final(status)) {
        length = read_part(output, data, capacity);
        return length == 0 ? HTTP_STREAM_END : length;
    }
    return http_request_is_draining(call->request) ? HTTP_STREAM_END : HTTP_STREAM_WAIT;
}

static void close_output(void *context)
{
    struct output *output = context;

    hub_leave(output->call->api->hub, &output->listener);
    free(output);
}

static void stream_output(struct output *output, const struct answer *answer)
{
    bool follows = output->end == INT64_MAX;
    struct http_stream stream = {
        .next = follows ? follow_part : next_part,
        .close = close_output,
        .context = output,
        .length = follows ? -1 : output->end - output->offset,
        .heartbeat = follows ? FOLLOW_LOOK : 0,
    };

    if (stream.length == 0) {
        answer_send(output->call, answer, &(struct buf){.data = (char[]){""}});
        close_output(output);
        return;
    }
    answer_stream(output->call, answer, &stream);
}

static void answer_unsatisfiable(struct call *call, int64_t size)
{
    struct http_header header = {
        .name = "Content-Range",
        .value = arena_printf(call->arena, "bytes */%" PRId64, size),
    };

    answer_refusal(call, 416, "no such range", "the output is shorter", &header);
}

/* Restricts the output to what the Range header asks for. False: it was refused. */
static bool apply_range(struct output *output, int64_t size, struct answer *answer)
{
    struct call *call = output->call;
    const char *header = http_request_header(call->request, "Range");
    struct http_range range;

    switch (http_range_parse(header, size, &range)) {
    case HTTP_RANGE_NONE:
        return true;
    case HTTP_RANGE_UNSATISFIABLE:
        answer_unsatisfiable(call, size);
        return false;
    case HTTP_RANGE_PART:
        break;
    }
    output->offset = range.first;
    output->end = range.last + 1;
    answer->status = 206;
    answer_header(answer, "Content-Range",
                  arena_printf(call->arena, "bytes %" PRId64 "-%" PRId64 "/%" PRId64, range.first,
                               range.last, size));
    return true;
}

static enum rc find_output(struct output *output, int64_t *ret_size, int64_t *ret_start,
                           struct err *err)
{
    struct call *call = output->call;
    struct outputs *outputs = call->api->config.outputs;
    int64_t lines = query_integer(call->request, "tail", -1);
    enum rc rc = run_find(call, &output->run, NULL, NULL, err);

    if (rc != RC_OK)
        return rc;
    *ret_start = 0;
    rc = outputs_size(outputs, &output->run, ret_size, err);
    if (rc == RC_NOT_FOUND) {
        *ret_size = 0;
        return RC_OK;
    }
    if (rc != RC_OK || lines < 0)
        return rc;
    return outputs_tail(outputs, &output->run, *ret_size, lines, ret_start, err);
}

void handle_run_output(struct call *call)
{
    struct answer answer = answer_new(200, ANSWER_TEXT);
    bool follows = query_boolean(call->request, "follow");
    struct output *output = xcalloc(1, sizeof(*output));
    int64_t size, start;
    struct err err = {0};
    enum rc rc;

    output->call = call;
    output->listener = (struct hub_listener){.request = call->request, .run = &output->run};
    rc = find_output(output, &size, &start, &err);
    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        close_output(output);
        return;
    }
    output->offset = start;
    output->end = follows ? INT64_MAX : size;
    if (!follows && !http_request_query(call->request, "tail")) {
        answer_header(&answer, "Accept-Ranges", "bytes");
        if (!apply_range(output, size, &answer)) {
            close_output(output);
            return;
        }
    }
    stream_output(output, &answer);
}
