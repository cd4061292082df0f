/* SPDX-License-Identifier: Apache-2.0 */
#include "link/gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "core/limits.h"

#include "http/count.h"
#include "link/gate_call.h"
#include "link/leader.h"
#include "link/protocol.h"

enum { THREADS = 2, CONNECTIONS = 512, METRICS_LIMIT = 16 * 1024 * 1024 };

#define TEXT "text/plain; charset=utf-8"

bool gate_leads(const struct link_gate *gate)
{
    return !gate->config.leads || gate->config.leads(gate->config.context);
}

bool gate_check_leads(struct http_request *request)
{
    struct link_gate *gate = gate_of(request);
    struct leader_record leader = {0};
    AUTO_BUF struct buf body;

    buf_init(&body, LINK_ANSWER_MAX);
    if (gate_leads(gate))
        return true;
    if (gate->config.store && store_read_leader(gate->config.store, &leader, NULL) != RC_OK)
        leader.epoch = 0;
    link_leader_write(&body, &leader);
    http_respond(request, LINK_STATUS_ELSEWHERE, LINK_JSON, body.data, body.length, NULL, 0);
    return false;
}

/* ---- for everybody ------------------------------------------------------------------------- */

static void answer_text(struct http_request *request, const char *text)
{
    http_respond(request, 200, TEXT, text, strlen(text), NULL, 0);
}

static void answer_health(struct http_request *request)
{
    answer_text(request, "ok\n");
}

static void answer_readiness(struct http_request *request)
{
    struct link_gate *gate = gate_of(request);
    struct err err = {0};
    enum rc rc = RC_OK;

    if (atomic_load(&gate->draining))
        rc = err_fail(&err, RC_UNAVAILABLE, "shutting down");
    else if (gate->config.ready)
        rc = gate->config.ready(gate->config.context, &err);
    if (rc == RC_OK)
        answer_text(request, "ready\n");
    else
        http_respond_problem(request, RC_UNAVAILABLE, &err);
}

static void answer_metrics(struct http_request *request)
{
    AUTO_BUF struct buf body;

    buf_init(&body, METRICS_LIMIT);
    metrics_write(&body);
    if (body.failed)
        http_respond_problem(request, RC_TOO_BIG, NULL);
    else
        http_respond(request, 200, METRICS_CONTENT_TYPE, body.data, body.length, NULL, 0);
}

/* ---- who may call -------------------------------------------------------------------------- */

/* Before the body is read. */
static bool admit(struct http_request *request)
{
    struct link_gate *gate = gate_of(request);
    const struct gate_route *route = http_request_route(request)->data;
    struct link_message message = {.method = http_request_method(request),
                                   .target = http_request_target(request)};
    struct link_signature *signature;
    struct err err = {0};
    enum rc rc;

    if (!route->handle)
        return true;
    signature = arena_alloc(http_request_arena(request), sizeof(*signature));
    rc = link_signature_read(http_request_header(request, LINK_SIGNATURE_HEADER), signature, &err);
    if (rc == RC_OK)
        rc =
            link_guard_check(gate->guard, signature, &message, clock_now(gate->config.clock), &err);
    http_request_set_data(request, signature);
    if (rc != RC_OK)
        http_respond_problem(request, rc, &err);
    return rc == RC_OK;
}

static void dispatch(struct http_request *request)
{
    const struct gate_route *route = http_request_route(request)->data;
    size_t length;
    const char *body = http_request_body(request, &length);
    struct err err = {0};
    enum rc rc = link_signature_check_body(http_request_data(request), body, length, &err);

    if (rc == RC_OK)
        route->handle(request);
    else
        http_respond_problem(request, rc, &err);
}

/* ---- routes -------------------------------------------------------------------------------- */

static const struct gate_route open_route = {NULL};
static const struct gate_route take_changes = {gate_take_changes};
static const struct gate_route take_events = {gate_take_events};
static const struct gate_route stream_events = {gate_stream_events};
static const struct gate_route read_output = {gate_read_output};
static const struct gate_route remove_outputs = {gate_remove_outputs};

enum { ROUTES_MAX = 8 };

static void add_route(struct link_gate *gate, const char *method, const char *path,
                      const struct gate_route *route)
{
    bool has_body = strcmp(method, "POST") == 0;

    gate->routes[gate->route_count++] =
        (struct http_route){.method = method,
                            .path = path,
                            .handler = dispatch,
                            .body_type = has_body ? LINK_JSON : NULL,
                            .body_limit = has_body ? LINK_BODY_MAX : 0,
                            .data = route};
}

static void add_open_route(struct link_gate *gate, const char *path, http_handler handler)
{
    gate->routes[gate->route_count++] =
        (struct http_route){.method = "GET", .path = path, .handler = handler, .data = &open_route};
}

static void make_routes(struct link_gate *gate)
{
    gate->routes = xcalloc(ROUTES_MAX, sizeof(*gate->routes));
    add_open_route(gate, "/healthz", answer_health);
    add_open_route(gate, "/readyz", answer_readiness);
    add_open_route(gate, "/metrics", answer_metrics);
    if (gate->config.changes)
        add_route(gate, "POST", LINK_CHANGES_PATH, &take_changes);
    if (gate->config.events) {
        add_route(gate, "POST", LINK_EVENTS_PATH, &take_events);
        add_route(gate, "GET", LINK_EVENTS_PATH, &stream_events);
    }
    if (gate->config.outputs) {
        add_route(gate, "POST", LINK_REMOVE_PATH, &remove_outputs);
        add_route(gate, "GET", LINK_OUTPUT_PATH, &read_output);
    }
}

/* ---- life ---------------------------------------------------------------------------------- */

static enum rc start_server(struct link_gate *gate, struct err *err)
{
    const struct link_gate_config *config = &gate->config;
    struct http_server_config server = {
        .address = config->address,
        .port = config->port,
        .certificate = config->certificate,
        .threads = config->threads ? config->threads : THREADS,
        .connection_limit = config->connection_limit ? config->connection_limit : CONNECTIONS,
        .header_timeout = 10 * SECOND,
        .body_timeout = 30 * SECOND,
        .idle_timeout = MINUTE,
        .header_limit = LIMIT_HEADERS,
        .routes = gate->routes,
        .route_count = gate->route_count,
        .application = gate,
        .admit = admit,
        .finished = http_count_request,
        .mono = config->mono,
    };

    return http_server_new(&server, &gate->server, err);
}

enum rc link_gate_new(const struct link_gate_config *config, struct link_gate **ret_gate,
                      struct err *err)
{
    struct link_gate *gate = xcalloc(1, sizeof(*gate));
    enum rc rc = crypto_init(err);

    gate->config = *config;
    gate->config.address = xstrdup(config->address);
    gate->config.secret = NULL; /* the guard has a copy */
    gate->guard = link_guard_new(config->secret, 0);
    gate->desk = link_desk_new();
    if (config->events)
        gate->feed = link_feed_new(config->events);
    make_routes(gate);
    if (rc == RC_OK)
        rc = start_server(gate, err);
    if (rc != RC_OK) {
        link_gate_free(gate);
        return rc;
    }
    *ret_gate = gate;
    return RC_OK;
}

uint16_t link_gate_port(const struct link_gate *gate)
{
    return http_server_port(gate->server);
}

enum rc link_gate_renew(struct link_gate *gate, const struct http_certificate *certificate,
                        struct err *err)
{
    return http_server_renew(gate->server, certificate, err);
}

void link_gate_drain(struct link_gate *gate, span_us at_most)
{
    atomic_store(&gate->draining, true);
    http_server_drain(gate->server, at_most);
}

void link_gate_free(struct link_gate *gate)
{
    if (!gate)
        return;
    link_desk_close(gate->desk);
    http_server_free(gate->server);
    link_feed_free(gate->feed);
    link_guard_free(gate->guard);
    free(gate->routes);
    mem_free_at(&gate->config.address);
    free(gate);
}
