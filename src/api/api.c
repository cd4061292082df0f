/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "core/limits.h"

#include "api/account.h"
#include "api/answer.h"
#include "api/backends.h"
#include "api/call.h"
#include "api/dispatch.h"
#include "api/executable.h"
#include "api/hub.h"
#include "api/openapi.h"
#include "api/people.h"
#include "api/rate.h"
#include "api/secret.h"
#include "api/sign_ins.h"
#include "api/transfers.h"
#include "http/count.h"

enum {
    OPENAPI_LIMIT = 1024 * 1024,
    TRANSFER_THREADS = 4,
    TRANSFERS_WAITING = 1000,
    PASSWORD_THREADS = 2, /* each takes 64 MiB while it works */
    PASSWORDS_WAITING = 20,
    READER_THREADS = 4, /* of outputs: more than wait for one worker or the objects */
};

/* A file is a third larger in BASE64, and some write each slash of that as two characters. */
static size_t body_limit(const struct api *api, const struct api_route *route)
{
    size_t text = (size_t)BASE64_TEXT(api->config.upload_limit);

    if (route->has_file)
        return text + text / 16 + LIMIT_BODY;
    return route->body == BODY_NONE ? LIMIT_IGNORED_BODY : LIMIT_BODY;
}

static struct http_route *make_routes(const struct api *api)
{
    struct http_route *routes = xcalloc(api_route_count, sizeof(*routes));

    for (size_t i = 0; i < api_route_count; i++)
        routes[i] = (struct http_route){
            .method = api_routes[i].method,
            .path = api_routes[i].path,
            .handler = dispatch_call,
            .body_limit = body_limit(api, &api_routes[i]),
            .data = &api_routes[i],
            .intake = api_routes[i].has_file ? &api->intake : NULL,
        };
    return routes;
}

static void end_request(struct http_request *request, unsigned status, span_us duration)
{
    struct call *call = http_request_data(request);

    if (call && call->intake)
        intake_release(call->intake);
    http_count_request(request, status, duration);
}

static enum rc start_server(struct api *api, struct err *err)
{
    struct http_server_config config = {
        .address = api->config.address,
        .port = api->config.port,
        .certificate = api->config.certificate,
        .socket = api->config.socket,
        .threads = api->config.threads,
        .connection_limit = api->config.connection_limit,
        .header_timeout = 10 * SECOND,
        .body_timeout = 30 * SECOND,
        .idle_timeout = MINUTE,
        .header_limit = LIMIT_HEADERS,
        .routes = api->routes,
        .route_count = api_route_count,
        .application = api,
        .admit = dispatch_admit,
        .finished = end_request,
        .mono = api->config.mono,
    };

    return http_server_new(&config, &api->server, err);
}

/* Strings of the configuration become the arena's. */
static void keep_config(struct api *api, const struct api_config *config)
{
    struct arena *arena = &api->arena;
    const char **hosts = arena_calloc(arena, (config->allowed_host_count + 1) * sizeof(*hosts));
    const char *zone = config->time_zone ? config->time_zone : zones_local_name(config->zones);

    for (size_t i = 0; i < config->allowed_host_count; i++)
        hosts[i] = arena_strdup(arena, config->allowed_hosts[i]);
    api->config = *config;
    api->has_tls = config->certificate != NULL;
    api->config.address = arena_strdup(arena, config->address);
    api->config.socket = config->socket ? arena_strdup(arena, config->socket) : NULL;
    api->config.version = arena_strdup(arena, config->version);
    api->config.leader = arena_strdup(arena, config->leader);
    api->config.time_zone = arena_strdup(arena, zone);
    api->config.allowed_hosts = hosts;
    api->config.upload_directory = arena_strdup(arena, config->upload_directory);
    api->intake = (struct http_intake){
        .take = intake_take,
        .kept = LIMIT_BODY,
        .too_big = arena_printf(arena, "a file may have at most %lld bytes (upload-limit)",
                                (long long)config->upload_limit)};
    api->guard = (struct guard){.address = api->config.address,
                                .allowed_hosts = hosts,
                                .allowed_count = config->allowed_host_count};
}

static enum rc read_sources(struct api *api, const struct api_config *config, struct err *err)
{
    size_t count = config->allowed_source_count;
    struct http_source *sources = arena_calloc(&api->arena, (count + 1) * sizeof(*sources));

    for (size_t i = 0; i < count; i++) {
        const char *text = arena_strdup(&api->arena, config->allowed_sources[i]);
        enum rc rc = http_source_read(text, &sources[i], err);

        if (rc != RC_OK)
            return err_prefix(err, rc, "allowed-source");
    }
    api->sources = (struct import_sources){sources, count, config->mono};
    return RC_OK;
}

static enum rc check_config(struct api *api, struct err *err)
{
    const struct zone *zone;
    char name[ACCOUNT_NAME];
    enum rc rc = secret_init(err);

    if (rc == RC_OK)
        rc = zones_get(api->config.zones, api->config.time_zone, &zone, err);
    if (rc == RC_OK)
        rc = account_name(api->config.uid, name, err);
    if (rc == RC_OK)
        api->own_account = arena_strdup(&api->arena, name);
    return rc;
}

enum rc api_new(const struct api_config *config, struct api **ret_api, struct err *err)
{
    struct api *api = xcalloc(1, sizeof(*api));
    enum rc rc;

    pthread_mutex_init(&api->ready_mutex, NULL);
    audit_init(&api->audit);
    buf_init(&api->openapi, OPENAPI_LIMIT);
    keep_config(api, config);
    api_set_ready(api, false, "starting");
    rc = check_config(api, err);
    if (rc == RC_OK)
        rc = read_sources(api, config, err);
    if (rc == RC_OK) {
        openapi_write(&api->openapi, api->config.version);
        api->routes = make_routes(api);
        api->people = people_new(config->store, config->clock, config->seal);
        api->sign_ins = sign_ins_new();
        api->backends = backends_new(config->store, config->zones, config->mono);
        api->rate = rate_new(config->request_limit);
        api->hub = hub_new(config->events);
        api->transfers = transfers_new(TRANSFER_THREADS, TRANSFERS_WAITING);
        api->readers = transfers_new(READER_THREADS, SIZE_MAX); /* one a request at most */
        api->passwords = transfers_new(PASSWORD_THREADS, PASSWORDS_WAITING);
        rc = start_server(api, err);
    }
    if (rc != RC_OK) {
        api_free(api);
        return rc;
    }
    *ret_api = api;
    return RC_OK;
}

enum rc api_renew(struct api *api, const struct http_certificate *certificate, struct err *err)
{
    return http_server_renew(api->server, certificate, err);
}

uint16_t api_port(const struct api *api)
{
    return http_server_port(api->server);
}

void api_set_ready(struct api *api, bool ready, const char *reason)
{
    pthread_mutex_lock(&api->ready_mutex);
    api->ready = ready;
    (void)snprintf(api->ready_reason, sizeof(api->ready_reason), "%s",
                   reason ? reason : "not ready"); /* may be cut */
    pthread_mutex_unlock(&api->ready_mutex);
}

void api_drain(struct api *api, span_us at_most)
{
    atomic_store(&api->draining, true);
    http_server_drain(api->server, at_most);
    transfers_stop(api->transfers);
    transfers_stop(api->readers);
    transfers_stop(api->passwords);
}

void api_free(struct api *api)
{
    if (!api)
        return;
    transfers_free(api->transfers);
    transfers_free(api->readers);
    transfers_free(api->passwords);
    http_server_free(api->server);
    backends_free(api->backends);
    hub_free(api->hub);
    people_free(api->people);
    sign_ins_free(api->sign_ins);
    rate_free(api->rate);
    buf_release(&api->openapi);
    free(api->routes);
    arena_release(&api->arena);
    audit_release(&api->audit);
    pthread_mutex_destroy(&api->ready_mutex);
    free(api);
}
