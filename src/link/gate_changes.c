/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes that come in: handed to the manager all at once, answered when the last of them is done.
 *
 * A batch lives until then, on the heap: the manager has its changes. `left` counts them, and the
 * handler itself as one more, so that the answer is not given while some are still handed over. A
 * gate that goes before closes its desk: then there is no request any more to be answered.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#include "link/change_text.h"
#include "link/gate_call.h"
#include "link/protocol.h"
#include "link/text.h"

struct link_desk {
    pthread_mutex_t mutex; /* held while an answer is given; protects all below */
    size_t users;          /* batches, and the gate */
    bool closed;
};

struct batch {
    struct link_desk *desk;
    struct http_request *request;
    struct link_changes changes;
    atomic_size_t left;
};

struct link_desk *link_desk_new(void)
{
    struct link_desk *desk = xcalloc(1, sizeof(*desk));

    desk->users = 1;
    CHECK(!pthread_mutex_init(&desk->mutex, NULL));
    return desk;
}

/* Under the mutex, which is given back. */
static void leave_desk(struct link_desk *desk)
{
    bool last = --desk->users == 0;

    pthread_mutex_unlock(&desk->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&desk->mutex);
    free(desk);
}

void link_desk_close(struct link_desk *desk)
{
    if (!desk)
        return;
    pthread_mutex_lock(&desk->mutex);
    desk->closed = true;
    leave_desk(desk);
}

static void write_results(const struct batch *batch, struct buf *body)
{
    struct json_writer writer;

    link_document_begin(&writer, body);
    json_write_name(&writer, "results");
    json_write_array_begin(&writer);
    for (size_t i = 0; i < batch->changes.count; i++)
        link_result_write(&writer, &batch->changes.items[i]);
    json_write_array_end(&writer);
    json_write_object_end(&writer);
}

static void answer(struct batch *batch)
{
    AUTO_BUF struct buf body;

    buf_init(&body, LINK_ANSWER_MAX);
    write_results(batch, &body);
    pthread_mutex_lock(&batch->desk->mutex);
    if (!batch->desk->closed && body.failed)
        http_respond_problem(batch->request, RC_TOO_BIG, NULL);
    else if (!batch->desk->closed)
        http_respond(batch->request, 200, LINK_JSON, body.data, body.length, NULL, 0);
    leave_desk(batch->desk);
    link_changes_release(&batch->changes);
    free(batch);
}

/* So many more are done. */
static void count_down(struct batch *batch, size_t done)
{
    if (atomic_fetch_sub(&batch->left, done) == done)
        answer(batch);
}

static void change_done(struct change *change)
{
    count_down(change->context, 1);
}

static void hand_over(struct batch *batch, struct changes *changes)
{
    size_t done = 1; /* the handler itself, and those that are not taken */

    for (size_t i = 0; i < batch->changes.count; i++) {
        struct change *change = &batch->changes.items[i];
        struct err err = {0};
        enum rc rc;

        change->done = change_done;
        change->context = batch;
        rc = changes_submit(changes, change, &err);
        if (rc == RC_OK)
            continue;
        change->outcome = rc;
        change->err = err;
        done++;
    }
    count_down(batch, done);
}

void gate_take_changes(struct http_request *request)
{
    struct batch *batch;
    struct link_changes changes;
    struct err err = {0};
    size_t length;
    const char *body = http_request_body(request, &length);
    enum rc rc;

    if (!gate_check_leads(request))
        return;
    rc = link_changes_read(body, length, &changes, &err);
    if (rc != RC_OK) {
        http_respond_problem(request, rc, &err);
        return;
    }
    batch = xcalloc(1, sizeof(*batch));
    batch->desk = gate_of(request)->desk;
    pthread_mutex_lock(&batch->desk->mutex);
    batch->desk->users++;
    pthread_mutex_unlock(&batch->desk->mutex);
    batch->request = request;
    batch->changes = changes;
    atomic_init(&batch->left, changes.count + 1);
    hand_over(batch, gate_of(request)->config.changes);
}
