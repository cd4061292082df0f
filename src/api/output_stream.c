/* SPDX-License-Identifier: Apache-2.0 */
#include "api/output_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "api/identity.h"

#define FOLLOW_LOOK IDENTITY_LOOK

enum { PIECE = 256 * 1024 };

struct output *output_new(struct call *call, const struct run_key *run)
{
    struct output *output = xcalloc(1, sizeof(*output));

    output->call = call;
    output->api = call->api;
    output->request = call->request;
    output->run = *run;
    output->outcome = OUTPUT_NOTHING;
    output->listener = (struct hub_listener){.request = call->request, .run = &output->run};
    CHECK(pthread_mutex_init(&output->mutex, NULL) == 0);
    return output;
}

void output_free(struct output *output)
{
    free(output->piece);
    pthread_mutex_destroy(&output->mutex);
    free(output);
}

static bool follows(const struct output *output)
{
    return output->end == INT64_MAX;
}

/* ---- reading, on a transfer's thread --------------------------------------------------------- */

static enum output_outcome read_piece(struct output *output, size_t *ret_length)
{
    struct output_piece piece = {
        .offset = output->offset,
        .capacity = (size_t)MIN((int64_t)PIECE, output->end - output->offset),
    };
    enum rc rc;

    if (!output->piece)
        output->piece = xmalloc(PIECE);
    piece.data = output->piece;
    rc = outputs_read(output->api->config.outputs, &output->run, &piece, NULL);
    if (rc == RC_BUSY)
        return OUTPUT_BUSY;
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return OUTPUT_FAILED;
    if (rc == RC_NOT_FOUND || !piece.length)
        return OUTPUT_NOTHING;
    output->offset += (int64_t)piece.length;
    *ret_length = piece.length;
    return OUTPUT_PIECE;
}

static bool note_status(void *context, const struct run_record *run)
{
    enum run_status *status = context;

    *status = run->run.result.status;
    return false;
}

/* Also one that was erased meanwhile. Unknown: not yet. */
static bool has_ended(const struct output *output)
{
    struct run_query query = run_query_all();
    enum run_status status = RUN_SUCCEEDED;

    query.keys = &output->run;
    query.key_count = 1;
    return store_read_runs(output->api->config.store, &query, note_status, &status, NULL) ==
               RC_OK &&
           run_status_is_final(status);
}

/* Final first, then the bytes: what a final run wrote is all there. */
static enum output_outcome read_on(struct output *output, size_t *ret_length)
{
    enum output_outcome outcome = read_piece(output, ret_length);

    if (outcome != OUTPUT_NOTHING)
        return outcome;
    if (!follows(output))
        return OUTPUT_FAILED; /* it has become shorter */
    if (!has_ended(output))
        return OUTPUT_NOTHING;
    outcome = read_piece(output, ret_length);
    return outcome == OUTPUT_NOTHING ? OUTPUT_ENDED : outcome;
}

static void begin(struct output *output)
{
    pthread_mutex_lock(&output->mutex);
    output->asked = false;
    pthread_mutex_unlock(&output->mutex);
}

/* False: it is to be read again, for there was news meanwhile. */
static bool finish(struct output *output, enum output_outcome outcome, size_t length)
{
    bool ends, is_last;

    pthread_mutex_lock(&output->mutex);
    if (outcome == OUTPUT_NOTHING && output->draining)
        outcome = OUTPUT_ENDED;
    ends = outcome != OUTPUT_NOTHING || !output->asked || output->closed;
    is_last = ends && output->closed;
    if (ends) {
        output->reading = false;
        output->outcome = outcome;
        output->length = outcome == OUTPUT_PIECE ? length : 0;
        output->sent = 0;
    }
    if (ends && !is_last && outcome != OUTPUT_NOTHING)
        http_stream_wake(output->request);
    pthread_mutex_unlock(&output->mutex);
    if (is_last)
        output_free(output);
    return ends;
}

static bool submit(struct output *output)
{
    return transfers_submit(output->api->readers, &output->transfer, NULL) == RC_OK;
}

static void run_read(struct transfer *transfer, bool cancelled)
{
    struct output *output = container_of(transfer, struct output, transfer);
    enum output_outcome outcome;
    size_t length = 0;

    do {
        begin(output);
        outcome = cancelled ? OUTPUT_FAILED : read_on(output, &length);
        if (outcome == OUTPUT_BUSY && submit(output))
            return; /* behind the others */
    } while (!finish(output, outcome == OUTPUT_BUSY ? OUTPUT_FAILED : outcome, length));
}

/* ---- sending --------------------------------------------------------------------------------- */

static ssize_t send_some(struct output *output, char *data, size_t capacity)
{
    size_t length = MIN(capacity, output->length - output->sent);

    memcpy(data, output->piece + output->sent, length);
    output->sent += length;
    return (ssize_t)length;
}

static ssize_t ask_for_piece(struct output *output)
{
    output->outcome = OUTPUT_NOTHING;
    output->reading = true;
    output->transfer.run = run_read;
    if (submit(output))
        return HTTP_STREAM_WAIT;
    output->reading = false;
    return HTTP_STREAM_ABORT;
}

static ssize_t choose(struct output *output, char *data, size_t capacity)
{
    if (output->reading) {
        output->asked = true;
        return HTTP_STREAM_WAIT;
    }
    if (output->sent < output->length)
        return send_some(output, data, capacity);
    if (output->outcome == OUTPUT_FAILED)
        return HTTP_STREAM_ABORT;
    if (output->outcome == OUTPUT_ENDED || output->offset == output->end)
        return HTTP_STREAM_END;
    return ask_for_piece(output);
}

static ssize_t next_part(void *context, char *data, size_t capacity)
{
    struct output *output = context;
    ssize_t outcome;

    if (follows(output) && !output->joined) {
        hub_join(output->api->hub, &output->listener);
        output->joined = true;
    }
    if (follows(output) && !identity_still_holds(output->call))
        return HTTP_STREAM_ABORT;
    pthread_mutex_lock(&output->mutex);
    output->draining = http_request_is_draining(output->request);
    outcome = choose(output, data, capacity);
    pthread_mutex_unlock(&output->mutex);
    return outcome;
}

static void close_output(void *context)
{
    struct output *output = context;
    bool is_last;

    hub_leave(output->api->hub, &output->listener);
    pthread_mutex_lock(&output->mutex);
    output->closed = true;
    is_last = !output->reading;
    pthread_mutex_unlock(&output->mutex);
    if (is_last)
        output_free(output);
}

void output_send(struct output *output, const struct answer *answer)
{
    struct call *call = output->call;
    struct http_stream stream = {
        .next = next_part,
        .close = close_output,
        .context = output,
        .length = follows(output) ? -1 : output->end - output->offset,
        .heartbeat = follows(output) ? FOLLOW_LOOK : 0,
    };

    if (stream.length == 0) {
        answer_send(call, answer, &(struct buf){.data = (char[]){""}});
        output_free(output);
        return;
    }
    answer_stream(call, answer, &stream);
}
