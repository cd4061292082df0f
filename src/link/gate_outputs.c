/* SPDX-License-Identifier: Apache-2.0 */
/* What runs wrote here, for API servers. */
#include <inttypes.h>

#include "link/event_text.h"
#include "link/gate_call.h"
#include "link/protocol.h"
#include "link/text.h"

static enum rc read_piece(struct http_request *request, struct run_key *ret_run,
                          struct output_piece *ret_piece, struct err *err)
{
    const char *run = http_request_parameter(request, "run");
    uint64_t offset = 0, length = 0;

    if (run_id_parse(run, ret_run, err) != RC_OK)
        return RC_MALFORMED;
    if (!link_number_read(http_request_query(request, "offset"), &offset) ||
        !link_number_read(http_request_query(request, "length"), &length))
        return err_fail(err, RC_MALFORMED, "offset and length must be numbers");
    if (length > LINK_PIECE_MAX)
        return err_fail(err, RC_TOO_BIG, "at most %d bytes are given at once", LINK_PIECE_MAX);
    *ret_piece = (struct output_piece){
        .offset = (int64_t)offset,
        .data = arena_alloc(http_request_arena(request), (size_t)length + 1),
        .capacity = (size_t)length,
    };
    return RC_OK;
}

void gate_read_output(struct http_request *request)
{
    struct outputs *outputs = gate_of(request)->config.outputs;
    struct output_piece piece = {0};
    struct run_key run;
    int64_t size = 0;
    struct http_header header = {.name = LINK_SIZE_HEADER};
    struct err err = {0};
    enum rc rc = read_piece(request, &run, &piece, &err);

    if (rc == RC_OK && piece.capacity > 0)
        rc = outputs_read(outputs, &run, &piece, &err);
    if (rc == RC_OK)
        rc = outputs_size(outputs, &run, &size, &err);
    if (rc != RC_OK) {
        http_respond_problem(request, rc, &err);
        return;
    }
    header.value = arena_printf(http_request_arena(request), "%" PRId64, size);
    http_respond(request, 200, LINK_BYTES, piece.data, piece.length, &header, 1);
}

void gate_remove_outputs(struct http_request *request)
{
    struct outputs *outputs = gate_of(request)->config.outputs;
    struct run_key *runs = arena_alloc(http_request_arena(request), LINK_RUNS_MAX * sizeof(*runs));
    size_t length, count = 0;
    const char *body = http_request_body(request, &length);
    struct err err = {0};
    enum rc rc = link_runs_read(body, length, runs, &count, &err);

    if (rc != RC_OK) {
        http_respond_problem(request, rc, &err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        (void)outputs_remove(outputs, &runs[i], NULL); /* most of them are other workers' */
    http_respond(request, 204, NULL, NULL, 0, NULL, 0);
}
