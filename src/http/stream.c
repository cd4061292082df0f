/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are made while they are sent: how they wait, and how they are woken. */
#include "base/check.h"

#include "http/engine.h"
#include "http/exchange.h"

/* Under the connection's mutex: the engine looks away until somebody resumes it. */
static void wait_for_wake(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    struct http_server *server = connection->server;
    span_us heartbeat = request->answer.stream.heartbeat;

    connection->deadline = INT64_MAX;
    if (heartbeat > 0) {
        connection->deadline = http_now(connection) + heartbeat;
        if (heartbeat < server->shortest_heartbeat) {
            server->shortest_heartbeat = heartbeat;
            http_attendant_wake(server);
        }
    }
    http_attendant_watch(connection);
    request->suspended = true;
    engine_suspend(connection->engine);
}

/* What a stream that has nothing to say does; 0: ask it again, for it was woken meanwhile. */
static ssize_t pause_stream(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    ssize_t outcome = HTTP_STREAM_WAIT;

    pthread_mutex_lock(&connection->mutex);
    if (request->gone || connection->server->stopping)
        outcome = HTTP_STREAM_ABORT;
    else if (request->woken)
        outcome = 0;
    else
        wait_for_wake(request);
    request->woken = false;
    pthread_mutex_unlock(&connection->mutex);
    return outcome;
}

ssize_t http_stream_read(struct http_request *request, char *data, size_t capacity)
{
    const struct http_stream *stream = &request->answer.stream;
    ssize_t outcome;

    do {
        outcome = stream->next(stream->context, data, capacity);
        CHECK(outcome && outcome >= HTTP_STREAM_ABORT && outcome <= (ssize_t)capacity);
        if (outcome == HTTP_STREAM_WAIT)
            outcome = pause_stream(request);
    } while (outcome == 0);
    return outcome;
}

void http_stream_wake(struct http_request *request)
{
    /* Not asked of the request, which may be made ready for the next one just now. */
    struct http_connection *connection = container_of(request, struct http_connection, request);

    pthread_mutex_lock(&connection->mutex);
    /* A request that is suspended but not answered waits for http_stream() itself. */
    if (request->suspended && request->answered) {
        request->suspended = false;
        connection->deadline = INT64_MAX;
        engine_resume(connection->engine);
    } else {
        request->woken = true;
    }
    pthread_mutex_unlock(&connection->mutex);
}

void http_stream_finish(struct http_request *request)
{
    const struct http_stream *stream = &request->answer.stream;

    if (!request->answer.is_stream)
        return;
    http_attendant_unwatch(request->connection);
    if (stream->close)
        stream->close(stream->context);
}
