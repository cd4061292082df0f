/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of events: `job`, `run`, `worker`, each with the object as it is now.
 *
 * An event says only what has changed; the object is read when it is sent, so a burst of events
 * about one object becomes one message, and only those who may see the object get it. All events of
 * one part are messages that carry the number where the part began; the last one carries the number
 * where it ended, so that a client which lost the rest of a part is given the part again.
 *
 * `resync` says that there is no object to tell it by (a job was purged, the client was too slow or
 * away too long, the server is another one): look at everything again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "api/answer.h"
#include "api/handlers.h"
#include "api/hub.h"
#include "api/identity.h"
#include "api/outlook.h"
#include "http/sse.h"
#include "wire/job.h"
#include "wire/run.h"
#include "wire/worker.h"

enum { PART_EVENTS = 64, PART_LIMIT = 64 * 1024 * 1024 };
#define HEARTBEAT (15 * SECOND)

struct part {
    struct event events[PART_EVENTS];
    size_t count;
    job_id jobs[PART_EVENTS];
    size_t job_count;
    struct run_key runs[PART_EVENTS];
    size_t run_count;
    bool has_workers;
};

struct subscription {
    struct call *call;
    struct hub_listener listener;
    bool joined;
    uint64_t after; /* the number of the last event that was read */
    uint64_t given; /* the number that the messages of this part carry */
    mono_us sent_at;
    struct buf out;
    size_t sent; /* of `out` */
    struct buf object;
};

static void put_message(struct subscription *subscription, const char *event)
{
    char id[48];

    (void)snprintf(id, sizeof(id), "%016" PRIx64 "-%" PRIu64,
                   hub_life(subscription->call->api->hub), subscription->given); /* 37 bytes */
    http_sse_event(&subscription->out, id, event, subscription->object.data,
                   subscription->object.length);
    buf_reset(&subscription->object);
}

/* What is to be sent is known one message late: the last one carries another number. */
static void flush_message(struct subscription *subscription, const char **held)
{
    if (*held)
        put_message(subscription, *held);
    *held = NULL;
}

struct delivery {
    struct subscription *subscription;
    const struct part *part;
    const char *held; /* the event whose object waits in subscription->object */
    size_t jobs_found;
    instant_us now;
};

static bool deliver_job(void *context, const struct job_record *job)
{
    struct delivery *delivery = context;
    struct call *call = delivery->subscription->call;
    struct json_writer writer;
    struct job_outlook outlook;

    delivery->jobs_found++;
    if (!call_may_see(call, job->owner))
        return true;
    flush_message(delivery->subscription, &delivery->held);
    json_writer_init(&writer, &delivery->subscription->object);
    outlook = outlook_of(call->api, job, delivery->now);
    wire_job_write(&writer, job, &outlook);
    delivery->held = "job";
    return true;
}

static bool deliver_run(void *context, const struct run_record *run)
{
    struct delivery *delivery = context;
    struct json_writer writer;

    if (!call_may_see(delivery->subscription->call, run->owner))
        return true;
    flush_message(delivery->subscription, &delivery->held);
    json_writer_init(&writer, &delivery->subscription->object);
    wire_run_write(&writer, &run->run);
    delivery->held = "run";
    return true;
}

static bool deliver_worker(void *context, const struct worker_record *worker)
{
    struct delivery *delivery = context;
    const struct part *part = delivery->part;
    struct json_writer writer;

    for (size_t i = 0; i < part->count; i++) {
        if (part->events[i].kind != EVENT_WORKER ||
            strcmp(part->events[i].worker, worker->name) != 0)
            continue;
        flush_message(delivery->subscription, &delivery->held);
        json_writer_init(&writer, &delivery->subscription->object);
        wire_worker_write(&writer, worker, delivery->now);
        delivery->held = "worker";
        break;
    }
    return true;
}

static bool holds_job(const struct part *part, job_id job)
{
    for (size_t i = 0; i < part->job_count; i++)
        if (part->jobs[i] == job)
            return true;
    return false;
}

static bool holds_run(const struct part *part, const struct run_key *run)
{
    for (size_t i = 0; i < part->run_count; i++)
        if (run_key_compare(&part->runs[i], run) == 0)
            return true;
    return false;
}

/* Each object once. */
static void sort_out(struct part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        const struct event *event = &part->events[i];

        if (event->kind == EVENT_JOB && !holds_job(part, event->job))
            part->jobs[part->job_count++] = event->job;
        if (event->kind == EVENT_RUN && !holds_run(part, &event->run))
            part->runs[part->run_count++] = event->run;
        part->has_workers = part->has_workers || event->kind == EVENT_WORKER;
    }
}

static enum rc deliver_part(struct delivery *delivery)
{
    const struct part *part = delivery->part;
    struct store *store = delivery->subscription->call->api->config.store;
    struct job_query jobs = job_query_all();
    struct run_query runs = run_query_all();
    enum rc rc = store_now(store, &delivery->now, NULL);

    jobs.ids = part->jobs;
    jobs.id_count = part->job_count;
    jobs.parts = JOB_PART_DOCUMENT | JOB_PART_LAST_RUN;
    runs.keys = part->runs;
    runs.key_count = part->run_count;
    if (rc == RC_OK && part->run_count)
        rc = store_read_runs(store, &runs, deliver_run, delivery, NULL);
    if (rc == RC_OK && part->job_count)
        rc = store_read_jobs(store, &jobs, deliver_job, delivery, NULL);
    if (rc == RC_OK && part->has_workers)
        rc = store_read_workers(store, deliver_worker, delivery, NULL);
    return rc;
}

static void put_resync(struct subscription *subscription)
{
    buf_reset(&subscription->object);
    buf_puts(&subscription->object, "{}");
    subscription->given = subscription->after;
    put_message(subscription, "resync");
}

/* Reads what is new into `out`; nothing may be for this subscriber. */
static enum rc read_part(struct subscription *subscription)
{
    struct part part = {0};
    struct delivery delivery = {.subscription = subscription, .part = &part};
    bool missed;
    enum rc rc;

    part.count = hub_read(subscription->call->api->hub, &subscription->after, part.events,
                          PART_EVENTS, &missed);
    if (missed)
        put_resync(subscription);
    if (part.count == 0)
        return RC_OK;
    sort_out(&part);
    rc = deliver_part(&delivery);
    subscription->given = subscription->after;
    flush_message(subscription, &delivery.held);
    if (rc == RC_OK && delivery.jobs_found < part.job_count)
        put_resync(subscription); /* a job was purged: there is no object to send */
    return rc;
}

static ssize_t send_out(struct subscription *subscription, char *data, size_t capacity)
{
    size_t length = MIN(capacity, subscription->out.length - subscription->sent);

    memcpy(data, subscription->out.data + subscription->sent, length);
    subscription->sent += length;
    if (subscription->sent == subscription->out.length) {
        buf_reset(&subscription->out);
        subscription->sent = 0;
    }
    return (ssize_t)length;
}

static ssize_t next_part(void *context, char *data, size_t capacity)
{
    struct subscription *subscription = context;
    struct call *call = subscription->call;
    mono_us now = clock_mono(call->api->config.clock);
    uint64_t before;

    if (!subscription->joined) {
        hub_join(call->api->hub, &subscription->listener);
        subscription->joined = true;
    }
    do {
        if (subscription->out.length > 0) {
            subscription->sent_at = now;
            return send_out(subscription, data, capacity);
        }
        if (http_request_is_draining(call->request) || !identity_still_holds(call))
            return HTTP_STREAM_END;
        before = subscription->after;
        if (read_part(subscription) != RC_OK || subscription->out.failed)
            return HTTP_STREAM_ABORT; /* the client comes back with the number it has */
        if (subscription->after == before && now - subscription->sent_at >= HEARTBEAT - SECOND)
            http_sse_comment(&subscription->out, "still here");
    } while (subscription->after != before || subscription->out.length > 0);
    return HTTP_STREAM_WAIT;
}

static void close_subscription(void *context)
{
    struct subscription *subscription = context;

    hub_leave(subscription->call->api->hub, &subscription->listener);
    buf_release(&subscription->out);
    buf_release(&subscription->object);
    free(subscription);
}

/* Where the client was: the newest event, or that of Last-Event-ID. A number of another life is too
 * large or too small to be read, and gives a resync. */
static uint64_t read_position(const struct call *call)
{
    const char *id = http_request_header(call->request, "Last-Event-ID");
    struct hub *hub = call->api->hub;
    char life[20];
    char *end;
    uint64_t number;

    if (!id)
        return hub_newest(hub);
    (void)snprintf(life, sizeof(life), "%016" PRIx64 "-", hub_life(hub)); /* 17 bytes */
    if (strncmp(id, life, 17) != 0)
        return UINT64_MAX;
    number = strtoull(id + 17, &end, 10);
    return *end ? UINT64_MAX : number;
}

void handle_events(struct call *call)
{
    struct answer answer = answer_new(200, HTTP_SSE_TYPE);
    struct subscription *subscription = xcalloc(1, sizeof(*subscription));
    struct http_stream stream = {.next = next_part,
                                 .close = close_subscription,
                                 .context = subscription,
                                 .length = -1,
                                 .heartbeat = IDENTITY_LOOK};

    subscription->call = call;
    subscription->listener = (struct hub_listener){.request = call->request};
    subscription->after = read_position(call);
    subscription->given = subscription->after;
    subscription->sent_at = clock_mono(call->api->config.clock);
    buf_init(&subscription->out, PART_LIMIT);
    buf_init(&subscription->object, PART_LIMIT);
    http_sse_retry(&subscription->out, 2 * SECOND);
    answer_header(&answer, "X-Accel-Buffering", "no");
    answer_stream(call, &answer, &stream);
}
