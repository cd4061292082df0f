/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/s3/objects.h"

#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"

#include "adapters/s3/parts.h"

static const char *s3_url(struct objects *objects)
{
    return s3_of(objects)->url;
}

static void s3_free(struct objects *objects)
{
    struct s3 *self = s3_of(objects);

    for (size_t i = 0; i < self->idle_count; i++)
        http_client_free(self->idle[i]);
    (void)pthread_cond_destroy(&self->never); /* nobody waits */
    (void)pthread_mutex_destroy(&self->lock); /* nobody holds it */
    arena_release(&self->arena);
    free(self);
}

/* "http://host:1" with the bucket before the host, or not. */
static enum rc set_address(struct s3 *self, struct err *err)
{
    const struct s3_objects_config *config = &self->config;
    struct arena *arena = &self->arena;
    const char *host = strstr(config->endpoint, "://");
    int scheme;

    if (!host || !host[3] || strpbrk(host + 3, "/?#@"))
        return err_fail(err, RC_INVALID, "'%.80s' is not an address like https://s3.example.com",
                        config->endpoint);
    host += 3;
    scheme = (int)(host - config->endpoint);
    self->host = config->in_host ? arena_printf(arena, "%s.%s", config->bucket, host) : host;
    self->origin = arena_printf(arena, "%.*s%s", scheme, config->endpoint, self->host);
    self->root = config->in_host ? "" : arena_printf(arena, "/%s", config->bucket);
    self->url = arena_printf(arena, "s3://%s%s%s", config->bucket, *config->prefix ? "/" : "",
                             config->prefix);
    self->where = arena_printf(arena, "%s at %s", self->url, config->endpoint);
    return RC_OK;
}

static void copy_config(struct s3 *self, const struct s3_objects_config *config)
{
    struct arena *arena = &self->arena;

    self->config = *config;
    self->config.endpoint = arena_strdup(arena, config->endpoint);
    self->config.bucket = arena_strdup(arena, config->bucket);
    self->config.prefix = arena_strdup(arena, config->prefix);
    self->config.region = arena_strdup(arena, config->region);
    self->config.key = arena_strdup(arena, config->key);
    self->config.secret = arena_strdup(arena, config->secret);
    self->config.ca_file = arena_strdup(arena, config->ca_file);
}

static void init_waiting(struct s3 *self)
{
    pthread_condattr_t attributes;

    CHECK(!pthread_mutex_init(&self->lock, NULL));
    CHECK(!pthread_condattr_init(&attributes));
    CHECK(!pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    CHECK(!pthread_cond_init(&self->never, &attributes));
    CHECK(!pthread_condattr_destroy(&attributes));
}

enum rc s3_objects_new(const struct s3_objects_config *config, struct objects **ret_objects,
                       struct err *err)
{
    static const struct objects_ops ops = {.name = "s3",
                                           .put = s3_put,
                                           .get = s3_get,
                                           .stat = s3_stat,
                                           .list = s3_list,
                                           .remove = s3_remove,
                                           .url = s3_url,
                                           .free = s3_free};
    struct s3 *self = xcalloc(1, sizeof(*self));
    enum rc rc;

    self->base.ops = &ops;
    copy_config(self, config);
    init_waiting(self);
    rc = set_address(self, err);
    if (rc == RC_OK)
        rc = http_client_new(&(struct http_client_config){.connect_timeout = SECOND},
                             &self->idle[0], err);
    if (rc != RC_OK) {
        s3_free(&self->base);
        return rc;
    }
    http_client_free(self->idle[0]); /* was made to see whether it can be */
    *ret_objects = &self->base;
    return RC_OK;
}
