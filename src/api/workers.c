/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: who is there, and whether they are to take more work. */
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/pending.h"
#include "wire/worker.h"

struct listing {
    struct json_writer writer;
    const char *name; /* NULL: all */
    instant_us now;
    bool found;
};

static bool visit_worker(void *context, const struct worker_record *worker)
{
    struct listing *listing = context;

    if (listing->name && strcmp(listing->name, worker->name) != 0)
        return true;
    listing->found = true;
    wire_worker_write(&listing->writer, worker, listing->now);
    return !listing->name;
}

static enum rc write_worker(struct call *call, const char *name, struct buf *body, struct err *err)
{
    struct listing listing = {.name = name};
    enum rc rc = store_now(call->api->config.store, &listing.now, err);

    json_writer_init(&listing.writer, body);
    if (rc == RC_OK)
        rc = store_read_workers(call->api->config.store, visit_worker, &listing, err);
    if (rc == RC_OK && !listing.found)
        rc = err_fail(err, RC_NOT_FOUND, "there is no such worker");
    return rc;
}

static void answer_worker(struct call *call, const char *name)
{
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc;

    buf_init(&body, ANSWER_LIMIT);
    rc = write_worker(call, name, &body, &err);
    if (rc == RC_OK)
        answer_json(call, &body);
    else
        answer_failure(call, rc, &err);
}

void handle_worker_list(struct call *call)
{
    struct listing listing = {0};
    struct err err = {0};
    AUTO_BUF struct buf body;
    enum rc rc = store_now(call->api->config.store, &listing.now, &err);

    buf_init(&body, ANSWER_LIMIT);
    json_writer_init(&listing.writer, &body);
    json_write_array_begin(&listing.writer);
    if (rc == RC_OK)
        rc = store_read_workers(call->api->config.store, visit_worker, &listing, &err);
    json_write_array_end(&listing.writer);
    if (rc == RC_OK)
        answer_json(call, &body);
    else
        answer_failure(call, rc, &err);
}

void handle_worker_get(struct call *call)
{
    answer_worker(call, http_request_parameter(call->request, "name"));
}

static void worker_changed(struct pending *pending)
{
    answer_worker(pending->call, pending->change.worker);
}

void handle_worker_patch(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_WORKER_DRAIN, worker_changed);
    struct problems problems = {.arena = &pending->change.arena};
    size_t length;
    const char *body = http_request_body(call->request, &length);
    struct err err = {0};
    enum rc rc = wire_worker_patch_read(body, length, &problems, &pending->change.draining, &err);

    if (rc == RC_OK) {
        pending->change.worker =
            arena_strdup(&pending->change.arena, http_request_parameter(call->request, "name"));
        pending_submit(pending);
        return;
    }
    answer_rejected(call, rc, &problems, &err);
    pending_drop(pending);
}

static void worker_removed(struct pending *pending)
{
    struct answer answer = answer_new(204, NULL);

    answer_send(pending->call, &answer, NULL);
}

void handle_worker_remove(struct call *call)
{
    struct pending *pending = pending_new(call, CHANGE_WORKER_REMOVE, worker_removed);

    pending->change.worker =
        arena_strdup(&pending->change.arena, http_request_parameter(call->request, "name"));
    pending_submit(pending);
}
