/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#include "core/limits.h"

#include "api/account.h"
#include "api/answer.h"
#include "api/call.h"
#include "api/dispatch.h"
#include "api/hub.h"
#include "api/openapi.h"
#include "api/secret.h"
#include "api/token_cache.h"
#include "http/count.h"

enum { OPENAPI_LIMIT = 1024 * 1024 };

static struct http_route *make_routes(void)
{
    struct http_route *routes = xcalloc(api_route_count, sizeof(*routes));

    for (size_t i = 0; i < api_route_count; i++)
        routes[i] = (struct http_route){
            .method = api_routes[i].method,
            .path = api_routes[i].path,
            .handler = dispatch_call,
            .body_limit = api_routes[i].body == BODY_NONE ? LIMIT_IGNORED_BODY : LIMIT_BODY,
            .data = &api_routes[i],
        };
    return routes;
}

static enum rc start_server(struct api *api, struct err *err)
{
    struct http_server_config config = {
        .address = api->config.address,
        .port = api->config.port,
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
        .finished = http_count_request,
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
    api->config.address = arena_strdup(arena, config->address);
    api->config.version = arena_strdup(arena, config->version);
    api->config.leader = arena_strdup(arena, config->leader);
    api->config.time_zone = arena_strdup(arena, zone);
    api->config.allowed_hosts = hosts;
    api->guard = (struct guard){.address = api->config.address,
                                .allowed_hosts = hosts,
                                .allowed_count = config->allowed_host_count};
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
    buf_init(&api->openapi, OPENAPI_LIMIT);
    keep_config(api, config);
    api_set_ready(api, false, "starting");
    rc = check_config(api, err);
    if (rc == RC_OK) {
        openapi_write(&api->openapi, api->config.version);
        api->routes = make_routes();
        api->tokens = token_cache_new(config->store, config->clock);
        api->hub = hub_new(config->events);
        rc = start_server(api, err);
    }
    if (rc != RC_OK) {
        api_free(api);
        return rc;
    }
    *ret_api = api;
    return RC_OK;
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
}

void api_free(struct api *api)
{
    if (!api)
        return;
    http_server_free(api->server);
    hub_free(api->hub);
    token_cache_free(api->tokens);
    buf_release(&api->openapi);
    free(api->routes);
    arena_release(&api->arena);
    pthread_mutex_destroy(&api->ready_mutex);
    free(api);
}
