/* SPDX-License-Identifier: Apache-2.0 */
#include "api/import.h"

#include <string.h>

#include "base/arena.h"
#include "base/instant.h"

#include "core/limits.h"

#include "http/client.h"

#define IMPORT_TIMEOUT  (30 * SECOND)
#define CONNECT_TIMEOUT (10 * SECOND)

enum { REDIRECTIONS = 5 };

/* One URL of the way. */
struct fetching {
    const struct http_source *allowed; /* that covers it */
    struct upload *upload;
    struct arena *arena;
    const char *location; /* where it leads to; NULL: nowhere */
    struct err refused;   /* of the last address */
    enum rc rc;           /* why it was ended from our side */
    struct err *err;
};

static enum rc find_allowed(const struct import_sources *sources, const char *url,
                            const struct http_source **ret_allowed, struct err *err)
{
    struct http_source read;
    enum rc rc = http_source_read(url, &read, err);

    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < sources->count; i++) {
        if (!http_source_covers(&sources->items[i], &read))
            continue;
        *ret_allowed = &sources->items[i];
        return RC_OK;
    }
    return err_fail(err, RC_INVALID,
                    "'%.200s' is not on a server that files may be fetched from (allowed-source)",
                    url);
}

enum rc import_check(const struct import_sources *sources, const char *url, struct err *err)
{
    const struct http_source *allowed;

    return find_allowed(sources, url, &allowed, err);
}

static bool may_connect(void *context, const struct sockaddr *address)
{
    struct fetching *fetching = context;

    return http_source_check_address(fetching->allowed, address, &fetching->refused) == RC_OK;
}

static bool take(void *context, const struct http_response *response, const char *data,
                 size_t length)
{
    struct fetching *fetching = context;

    if (response->status != 200)
        return false; /* what it says beside its status is not wanted */
    fetching->rc = upload_write(fetching->upload, data, length, fetching->err);
    return fetching->rc == RC_OK;
}

static bool is_redirection(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The target of a redirection: a whole URL, or a path of the same server. */
static enum rc follow(struct fetching *fetching, const char *url, const char *location)
{
    const char *path = strchr(strstr(url, "://") + 3, '/');
    int origin = (int)(path ? path - url : (ptrdiff_t)strlen(url));

    if (!location || strlen(location) > LIMIT_EXECUTABLE)
        return err_fail(fetching->err, RC_INVALID, "'%.200s' redirects to nowhere", url);
    if (location[0] == '/' && location[1] != '/')
        fetching->location = arena_printf(fetching->arena, "%.*s%s", origin, url, location);
    else
        fetching->location = arena_strdup(fetching->arena, location);
    return RC_OK;
}

static enum rc judge(struct fetching *fetching, const char *url,
                     const struct http_response *response, enum rc rc, struct err *why)
{
    unsigned status = response->status;

    if (fetching->rc != RC_OK)
        return fetching->rc;
    if (fetching->refused.message[0] && status == 0)
        return err_fail(fetching->err, RC_INVALID, "%s", fetching->refused.message);
    if (is_redirection(status))
        return follow(fetching, url, http_response_header(response, "Location"));
    if (status && status != 200)
        return err_fail(fetching->err, RC_INVALID, "'%.200s': its server answers with status %u",
                        url, status);
    if (rc != RC_OK)
        return err_fail(fetching->err, rc, "'%.200s': %s", url, err_message(why, rc));
    return RC_OK;
}

static enum rc fetch_one(struct fetching *fetching, struct http_client *client, const char *url,
                         span_us timeout)
{
    struct http_call call = {.method = "GET",
                             .url = url,
                             .timeout = timeout,
                             .once = true,
                             .may_connect = may_connect,
                             .may_connect_context = fetching};
    struct http_response response = {0};
    struct err why = {0};
    enum rc rc = http_client_stream(client, &call, take, fetching, &response, &why);

    rc = judge(fetching, url, &response, rc, &why);
    http_response_release(&response);
    return rc;
}

static enum rc fetch_all(const struct import_sources *sources, const char *url,
                         struct http_client *client, struct fetching *fetching)
{
    mono_us deadline = sources->mono() + IMPORT_TIMEOUT;

    for (int i = 0; i <= REDIRECTIONS; i++) {
        span_us left = deadline - sources->mono();
        enum rc rc = find_allowed(sources, url, &fetching->allowed, fetching->err);

        if (rc != RC_OK)
            return i ? err_prefix(fetching->err, rc, "a redirection") : rc;
        if (left < SECOND)
            return err_fail(fetching->err, RC_TIMEOUT, "'%.200s' redirects too slowly", url);
        fetching->location = NULL;
        rc = fetch_one(fetching, client, url, left);
        if (rc != RC_OK || !fetching->location)
            return rc;
        url = fetching->location;
    }
    return err_fail(fetching->err, RC_INVALID, "more than %d redirections", REDIRECTIONS);
}

enum rc import_fetch(const struct import_sources *sources, const char *url, struct upload *upload,
                     struct err *err)
{
    struct http_client_config config = {.user_agent = "cronjob/" CRONJOB_VERSION,
                                        .connect_timeout = CONNECT_TIMEOUT};
    AUTO_HTTP_CLIENT struct http_client *client = NULL;
    struct arena AUTO_ARENA arena = {0};
    struct err local = {0};
    struct fetching fetching = {.upload = upload, .arena = &arena, .err = err ? err : &local};
    enum rc rc = http_client_new(&config, &client, err);

    if (rc == RC_OK)
        rc = fetch_all(sources, url, client, &fetching);
    return rc == RC_OK ? upload_end(upload, false, err) : rc;
}
