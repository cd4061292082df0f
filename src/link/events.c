/* SPDX-License-Identifier: Apache-2.0 */
#include "link/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "link/call.h"
#include "link/event_text.h"
#include "link/leader.h"
#include "link/protocol.h"
#include "link/wait.h"

#define LOOK_UP     (10 * SECOND) /* an idle publisher looks around so often, without need */
#define RETRY_AFTER (300 * MILLISECOND)

enum { QUEUE = 8192, LINES_LIMIT = 64 * 1024 };

/*
 * The publisher sends what is in the ring, the listener receives. Each has a caller of its own and
 * touches what is shared under the mutex only.
 */
struct client {
    struct events base;
    struct events *local;
    struct clock *clock;
    struct link_secret secret;
    struct link_leader *leader;
    struct link_caller publisher, listener;
    pthread_t publisher_thread, listener_thread;
    bool publishes, listens; /* whether the threads run */
    bool complained;         /* the listener's: the log knows that nothing is heard */

    pthread_mutex_t mutex; /* protects all below */
    pthread_cond_t news;
    struct event ring[QUEUE];
    size_t oldest;
    size_t count;
    bool missed; /* events were dropped, and nobody was told yet */
    bool closed;
};

static struct client *client_of(struct events *events)
{
    return container_of(events, struct client, base);
}

static bool is_open(void *context)
{
    struct client *client = context;
    bool open;

    pthread_mutex_lock(&client->mutex);
    open = !client->closed;
    pthread_mutex_unlock(&client->mutex);
    return open;
}

/* Waits to be closed, for so long at most. */
static void pause_for(struct client *client, span_us span)
{
    mono_us until = clock_mono(client->clock) + span;

    pthread_mutex_lock(&client->mutex);
    while (!client->closed && clock_mono(client->clock) < until)
        link_wait(&client->news, &client->mutex, until - clock_mono(client->clock));
    pthread_mutex_unlock(&client->mutex);
}

/* ---- what is published here ---------------------------------------------------------------- */

static void publish(struct events *events, const struct event *event)
{
    struct client *client = client_of(events);

    events_publish(client->local, event);
    pthread_mutex_lock(&client->mutex);
    if (client->count < QUEUE)
        client->ring[(client->oldest + client->count++) % QUEUE] = *event;
    else
        client->missed = true;
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->mutex);
}

/* Waits for something to send. Answers how many events there are; 0: closed. */
static size_t take_events(struct client *client, struct event *ret_events)
{
    size_t count = 0;

    pthread_mutex_lock(&client->mutex);
    while (!client->closed && client->count == 0 && !client->missed)
        link_wait(&client->news, &client->mutex, LOOK_UP);
    if (client->missed && !client->closed)
        ret_events[count++] = (struct event){.kind = EVENT_MISSED};
    client->missed = false;
    for (; client->count > 0 && count < LINK_EVENTS_MAX && !client->closed; client->count--) {
        ret_events[count++] = client->ring[client->oldest];
        client->oldest = (client->oldest + 1) % QUEUE;
    }
    pthread_mutex_unlock(&client->mutex);
    return count;
}

static bool send_body(struct client *client, const struct buf *body)
{
    struct leader_record leader;
    struct http_response response;
    struct link_call call = {.method = "POST",
                             .target = LINK_EVENTS_PATH,
                             .body = body,
                             .timeout = LINK_CALL_TIMEOUT,
                             .answer_limit = LINK_ANSWER_MAX,
                             .go_on = is_open,
                             .context = client};
    bool done;

    if (link_leader_find(client->leader, &leader, NULL) != RC_OK)
        return false;
    call.url = leader.url;
    if (link_call(&client->publisher, &call, &response, NULL) != RC_OK) {
        link_leader_doubt(client->leader, leader.epoch);
        return false;
    }
    /* What came before has been taken the first time. */
    done = response.status == 204 || response.status == LINK_STATUS_REPEATED;
    if (!done)
        link_leader_doubt(client->leader, leader.epoch);
    if (response.status == LINK_STATUS_ELSEWHERE)
        link_leader_learn(client->leader, leader.epoch, &response.body);
    http_response_release(&response);
    return done;
}

static void *run_publisher(void *context)
{
    struct client *client = context;
    struct event *events AUTO_FREE = xcalloc(LINK_EVENTS_MAX, sizeof(*events));
    AUTO_BUF struct buf body;
    size_t count;

    buf_init(&body, LINK_BODY_MAX);
    while ((count = take_events(client, events)) > 0) {
        buf_reset(&body);
        CHECK(link_events_write(&body, events, count) == RC_OK);
        if (send_body(client, &body))
            continue;
        pthread_mutex_lock(&client->mutex);
        client->missed = true;
        pthread_mutex_unlock(&client->mutex);
        pause_for(client, RETRY_AFTER);
    }
    return NULL;
}

/* ---- what others publish ------------------------------------------------------------------- */

struct listening {
    struct client *client;
    mono_us heard_at;
    struct buf lines; /* what is left of the last line; of an answer that is no stream, all */
    bool began;
    bool broken; /* what came cannot be understood */
};

static bool goes_on(void *context)
{
    struct listening *listening = context;

    return is_open(listening->client) &&
           clock_mono(listening->client->clock) - listening->heard_at <= LINK_SILENCE;
}

static bool take_line(struct listening *listening, const char *line, size_t length)
{
    struct client *client = listening->client;
    struct event event = {.kind = EVENT_MISSED};
    enum link_line kind;

    if (link_line_read(line, length, &kind, &event, NULL) != RC_OK)
        return false;
    switch (kind) {
    case LINK_LINE_BEGIN:
        listening->began = true;
        client->complained = false;
        events_publish(client->local, &(struct event){.kind = EVENT_MISSED});
        return true;
    case LINK_LINE_EVENT:
        if (listening->began)
            events_publish(client->local, &event);
        return listening->began;
    case LINK_LINE_NOTHING:
        return true;
    }
    return false;
}

static bool take_lines(struct listening *listening)
{
    struct buf *lines = &listening->lines;
    size_t begin = 0;
    const char *end;

    while ((end = memchr(lines->data + begin, '\n', lines->length - begin))) {
        size_t length = (size_t)(end - (lines->data + begin));

        if (!take_line(listening, lines->data + begin, length))
            return false;
        begin += length + 1;
    }
    buf_consume(lines, begin);
    return lines->length <= LINK_LINE_MAX;
}

static bool take_bytes(void *context, const struct http_response *response, const char *data,
                       size_t length)
{
    struct listening *listening = context;

    listening->heard_at = clock_mono(listening->client->clock);
    if (buf_append(&listening->lines, data, length) != RC_OK)
        listening->broken = true;
    else if (response->status == 200)
        listening->broken = !take_lines(listening);
    return !listening->broken;
}

static void complain(const struct listening *listening, const struct leader_record *leader,
                     const struct http_response *response, const struct err *err)
{
    struct http_response refused = {.status = response->status, .body = listening->lines};
    struct err reason = *err;

    if (listening->client->complained)
        return;
    listening->client->complained = true;
    if (listening->broken)
        err_set(&reason, "what came cannot be understood");
    else if (response->status != 0 && response->status != 200)
        (void)link_refusal(&refused, &reason);
    log_warn("events of the leader are not heard, trying again", LOG_TEXT("manager", leader->name),
             LOG_TEXT("reason", reason.message));
}

/* Until the stream ends. */
static void listen_to(struct client *client, const struct leader_record *leader)
{
    struct listening listening = {.client = client, .heard_at = clock_mono(client->clock)};
    struct http_response response;
    struct link_call call = {.method = "GET",
                             .url = leader->url,
                             .target = LINK_EVENTS_PATH,
                             .go_on = goes_on,
                             .context = &listening};
    struct err err = {"it has ended the stream"};
    enum rc rc;

    buf_init(&listening.lines, LINES_LIMIT);
    rc = link_call_stream(&client->listener, &call, take_bytes, &response, &err);
    if (rc == RC_CLOSED && !listening.broken)
        err_set(&err, "nothing was heard for some time");
    link_leader_doubt(client->leader, leader->epoch);
    if (response.status == LINK_STATUS_ELSEWHERE)
        link_leader_learn(client->leader, leader->epoch, &listening.lines);
    else if (is_open(client))
        complain(&listening, leader, &response, &err);
    http_response_release(&response);
    buf_release(&listening.lines);
}

static void *run_listener(void *context)
{
    struct client *client = context;
    struct leader_record leader;

    while (is_open(client)) {
        if (link_leader_find(client->leader, &leader, NULL) == RC_OK)
            listen_to(client, &leader);
        pause_for(client, RETRY_AFTER);
    }
    return NULL;
}

/* ---- the port ------------------------------------------------------------------------------ */

static void subscribe(struct events *events, event_callback callback, void *context)
{
    events_subscribe(client_of(events)->local, callback, context);
}

static void unsubscribe(struct events *events, void *context)
{
    events_unsubscribe(client_of(events)->local, context);
}

static void free_client(struct events *events)
{
    struct client *client = client_of(events);

    pthread_mutex_lock(&client->mutex);
    client->closed = true;
    pthread_cond_broadcast(&client->news);
    pthread_mutex_unlock(&client->mutex);
    if (client->publishes)
        CHECK(!pthread_join(client->publisher_thread, NULL));
    if (client->listens)
        CHECK(!pthread_join(client->listener_thread, NULL));
    link_caller_release(&client->publisher);
    link_caller_release(&client->listener);
    link_leader_free(client->leader);
    link_secret_forget(&client->secret);
    pthread_cond_destroy(&client->news);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

static const struct events_ops ops = {
    .name = "link",
    .publish = publish,
    .subscribe = subscribe,
    .unsubscribe = unsubscribe,
    .free = free_client,
};

static enum rc start_thread(pthread_t *thread, void *(*run)(void *context), struct client *client,
                            bool *ret_started, struct err *err)
{
    int error = pthread_create(thread, NULL, run, client);

    if (error)
        return err_errno(err, RC_IO, error, "a thread cannot be started");
    *ret_started = true;
    return RC_OK;
}

enum rc link_events_new(const struct link_events_config *config, struct events **ret_events,
                        struct err *err)
{
    struct client *client = xcalloc(1, sizeof(*client));
    enum rc rc;

    client->base.ops = &ops;
    client->local = config->local;
    client->clock = config->clock;
    client->secret = *config->secret;
    client->leader = link_leader_new(config->store);
    CHECK(!pthread_mutex_init(&client->mutex, NULL));
    CHECK(!pthread_cond_init(&client->news, NULL));
    rc = link_caller_init(&client->publisher, config->clock, &client->secret, config->ca_file, err);
    if (rc == RC_OK)
        rc = link_caller_init(&client->listener, config->clock, &client->secret, config->ca_file,
                              err);
    if (rc == RC_OK)
        rc =
            start_thread(&client->publisher_thread, run_publisher, client, &client->publishes, err);
    if (rc == RC_OK && config->listens)
        rc = start_thread(&client->listener_thread, run_listener, client, &client->listens, err);
    if (rc != RC_OK) {
        free_client(&client->base);
        return rc;
    }
    *ret_events = &client->base;
    return RC_OK;
}
