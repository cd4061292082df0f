/* SPDX-License-Identifier: Apache-2.0 */
/* GET /runs/{id}/output: a range of what a run wrote, its last lines, or all that is yet to come.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "api/output_stream.h"
#include "api/run_find.h"
#include "http/range.h"

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
    struct outputs *outputs = output->api->config.outputs;
    int64_t lines = query_integer(output->request, "tail", -1);
    enum rc rc = outputs_size(outputs, &output->run, ret_size, err);

    *ret_start = 0;
    if (rc == RC_NOT_FOUND) {
        *ret_size = 0;
        return RC_OK;
    }
    if (rc != RC_OK || lines < 0)
        return rc;
    return outputs_tail(outputs, &output->run, *ret_size, lines, ret_start, err);
}

/* On a transfer's thread: it may have to be waited for. */
static void run_find_output(struct transfer *transfer, bool cancelled)
{
    struct output *output = container_of(transfer, struct output, transfer);
    struct answer answer = answer_new(200, ANSWER_TEXT);
    bool follows = query_boolean(output->request, "follow");
    struct err err = {"the server is stopping"};
    int64_t size = 0;
    enum rc rc = cancelled ? RC_CLOSED : find_output(output, &size, &output->offset, &err);

    if (rc != RC_OK) {
        answer_failure(output->call, rc, &err);
        output_free(output);
        return;
    }
    output->end = follows ? INT64_MAX : size;
    if (!follows && !http_request_query(output->request, "tail")) {
        answer_header(&answer, "Accept-Ranges", "bytes");
        if (!apply_range(output, size, &answer)) {
            output_free(output);
            return;
        }
    }
    output_send(output, &answer);
}

void handle_run_output(struct call *call)
{
    struct output *output;
    struct run_key run;
    struct err err = {0};
    enum rc rc = run_find(call, &run, NULL, NULL, &err);

    if (rc != RC_OK) {
        answer_failure(call, rc, &err);
        return;
    }
    output = output_new(call, &run);
    output->transfer.run = run_find_output;
    rc = transfers_submit(call->api->readers, &output->transfer, &err);
    if (rc == RC_OK)
        return;
    answer_failure(call, rc, &err);
    output_free(output);
}
