/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that come in, and the streams of all events that API servers listen to.
 *
 * Each stream has a buffer of lines that are to be sent. One that is full means that its listener
 * is too slow: what is published then is not kept, and the stream says so when it has gone out.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"

#include "link/event_text.h"
#include "link/gate_call.h"
#include "link/protocol.h"
#include "link/text.h"

enum { STREAM_LIMIT = 1024 * 1024 };

#define BEAT (LINK_HEARTBEAT - 100 * MILLISECOND) /* a heartbeat may come a little early */

struct link_feed {
    struct events *events;
    pthread_mutex_t mutex; /* protects all below, and the streams */
    struct list streams;   /* struct stream */
    size_t count;          /* of those that were accepted */
};

struct stream {
    struct list link;
    struct link_gate *gate;
    struct http_request *request;
    bool joined;
    bool missed; /* something was not kept */
    struct buf out;
    mono_us sent_at;
};

/* ---- what is published --------------------------------------------------------------------- */

static void put_line(struct buf *buf, const struct event *event)
{
    struct json_writer writer;

    json_writer_init(&writer, buf);
    link_event_write(&writer, event);
    (void)buf_putc(buf, '\n');
}

/* All or nothing of the line. */
static void offer(struct stream *stream, const struct buf *line)
{
    if (stream->missed || buf_append(&stream->out, line->data, line->length) != RC_OK)
        stream->missed = true;
    http_stream_wake(stream->request);
}

static void take_event(void *context, const struct event *event)
{
    struct link_feed *feed = context;
    struct stream *stream;
    AUTO_BUF struct buf line;

    buf_init(&line, LINK_LINE_MAX);
    pthread_mutex_lock(&feed->mutex);
    if (!list_is_empty(&feed->streams))
        put_line(&line, event);
    list_for_each (stream, &feed->streams, link)
        offer(stream, &line);
    pthread_mutex_unlock(&feed->mutex);
}

struct link_feed *link_feed_new(struct events *events)
{
    struct link_feed *feed = xcalloc(1, sizeof(*feed));

    feed->events = events;
    list_init(&feed->streams);
    CHECK(!pthread_mutex_init(&feed->mutex, NULL));
    events_subscribe(events, take_event, feed);
    return feed;
}

void link_feed_free(struct link_feed *feed)
{
    if (!feed)
        return;
    events_unsubscribe(feed->events, feed);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

/* ---- a stream ------------------------------------------------------------------------------ */

/* Under the mutex. */
static void refill(struct stream *stream, mono_us now)
{
    if (!stream->joined) {
        list_append(&stream->gate->feed->streams, &stream->link);
        stream->joined = true;
        (void)buf_printf(&stream->out, "{\"version\":%d}\n", LINK_VERSION); /* it fits */
    } else if (stream->out.length == 0 && stream->missed) {
        put_line(&stream->out, &(struct event){.kind = EVENT_MISSED});
        stream->missed = false;
    } else if (stream->out.length == 0 && now - stream->sent_at >= BEAT) {
        (void)buf_puts(&stream->out, "{}\n");
    }
}

static ssize_t next_lines(void *context, char *data, size_t capacity)
{
    struct stream *stream = context;
    struct link_gate *gate = stream->gate;
    mono_us now = gate->config.mono();
    size_t length;

    if (http_request_is_draining(stream->request) || !gate_leads(gate))
        return HTTP_STREAM_END;
    pthread_mutex_lock(&gate->feed->mutex);
    refill(stream, now);
    length = MIN(capacity, stream->out.length);
    memcpy(data, stream->out.data, length);
    buf_consume(&stream->out, length);
    stream->out.failed = false;
    pthread_mutex_unlock(&gate->feed->mutex);
    if (length == 0)
        return HTTP_STREAM_WAIT;
    stream->sent_at = now;
    return (ssize_t)length;
}

static void close_stream(void *context)
{
    struct stream *stream = context;
    struct link_feed *feed = stream->gate->feed;

    pthread_mutex_lock(&feed->mutex);
    list_remove(&stream->link);
    feed->count--;
    pthread_mutex_unlock(&feed->mutex);
    buf_release(&stream->out);
    free(stream);
}

static bool take_place(struct link_feed *feed)
{
    bool free_place;

    pthread_mutex_lock(&feed->mutex);
    free_place = feed->count < LINK_STREAMS_MAX;
    feed->count += free_place;
    pthread_mutex_unlock(&feed->mutex);
    return free_place;
}

void gate_stream_events(struct http_request *request)
{
    struct link_gate *gate = gate_of(request);
    struct stream *stream;
    struct err err = {0};

    if (!gate_check_leads(request))
        return;
    if (!take_place(gate->feed)) {
        err_set(&err, "%d streams of events are open already", LINK_STREAMS_MAX);
        http_respond_problem(request, RC_BUSY, &err);
        return;
    }
    stream = xcalloc(1, sizeof(*stream));
    stream->gate = gate;
    stream->request = request;
    stream->sent_at = gate->config.mono();
    list_init(&stream->link);
    buf_init(&stream->out, STREAM_LIMIT);
    http_stream(request, 200, LINK_LINES,
                &(struct http_stream){.next = next_lines,
                                      .close = close_stream,
                                      .context = stream,
                                      .length = -1,
                                      .heartbeat = LINK_HEARTBEAT},
                NULL, 0);
}

/* ---- events that come in ------------------------------------------------------------------- */

void gate_take_events(struct http_request *request)
{
    struct event *events =
        arena_alloc(http_request_arena(request), LINK_EVENTS_MAX * sizeof(*events));
    size_t length, count = 0;
    const char *body = http_request_body(request, &length);
    struct err err = {0};
    enum rc rc;

    if (!gate_check_leads(request))
        return;
    rc = link_events_read(body, length, events, &count, &err);
    if (rc != RC_OK) {
        http_respond_problem(request, rc, &err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        events_publish(gate_of(request)->config.events, &events[i]);
    http_respond(request, 204, NULL, NULL, 0, NULL, 0);
}
