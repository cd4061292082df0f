/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers ask of a request. */
#include <string.h>

#include "http/engine.h"
#include "http/exchange.h"

const struct http_route *http_request_route(const struct http_request *request)
{
    return request->match.route;
}

void *http_request_application(const struct http_request *request)
{
    return request->connection->server->config.application;
}

struct arena *http_request_arena(struct http_request *request)
{
    return &request->arena;
}

const char *http_request_method(const struct http_request *request)
{
    return request->method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->target.path;
}

const char *http_request_target(const struct http_request *request)
{
    return request->raw_target;
}

static const char *find(const struct http_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *http_request_parameter(const struct http_request *request, const char *name)
{
    return find(request->match.parameters, request->match.parameter_count, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return find(request->target.query, request->target.query_count, name);
}

void http_request_each_query(const struct http_request *request,
                             bool (*visit)(void *context, const char *name, const char *value),
                             void *context)
{
    for (size_t i = 0; i < request->target.query_count; i++)
        if (!visit(context, request->target.query[i].name, request->target.query[i].value))
            return;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return engine_header(request->connection->engine, name);
}

const char *http_request_body(const struct http_request *request, size_t *ret_length)
{
    if (ret_length)
        *ret_length = request->body.length;
    return request->body.data ? request->body.data : "";
}

const struct sockaddr *http_request_peer(const struct http_request *request)
{
    return engine_peer(request->connection->engine);
}

int http_request_socket(const struct http_request *request)
{
    return request->connection->fd;
}

void http_request_set_data(struct http_request *request, void *data)
{
    request->data = data;
}

void *http_request_data(const struct http_request *request)
{
    return request->data;
}

bool http_request_is_draining(const struct http_request *request)
{
    return request->connection->server->draining;
}
