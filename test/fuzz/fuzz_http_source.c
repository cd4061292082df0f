/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A URL is refused, or read so that nothing of it is open: its host is a name or an address in its
 * usual form, it covers itself, and it is read the same when it is put together again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#include "fuzz/fuzz.h"
#include "http/source.h"

static bool same(const struct http_source *a, const struct http_source *b)
{
    return a->is_secure == b->is_secure && a->is_literal == b->is_literal && a->port == b->port &&
           strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}

static void check_again(const struct http_source *source)
{
    bool has_colon = strchr(source->host, ':') != NULL;
    char *AUTO_FREE text =
        xasprintf("%s://%s%s%s:%u%s", source->is_secure ? "https" : "http", has_colon ? "[" : "",
                  source->host, has_colon ? "]" : "", (unsigned)source->port, source->path);
    struct http_source again;

    CHECK(http_source_read(text, &again, NULL) == RC_OK);
    CHECK(same(source, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *AUTO_FREE text = xstrndup((const char *)data, size);
    struct http_source source;
    struct err err = {0};
    enum rc rc = http_source_read(text, &source, &err);

    CHECK(rc == RC_OK || (rc == RC_INVALID && err.message[0]));
    if (rc != RC_OK)
        return 0;
    CHECK(source.host[0] && source.port && !strpbrk(source.host, "/@?#\\[] "));
    CHECK(source.path >= text && source.path <= text + strlen(text));
    CHECK(!*source.path || *source.path == '/' || *source.path == '?');
    CHECK(http_source_covers(&source, &source));
    check_again(&source);
    return 0;
}
