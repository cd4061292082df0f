/* SPDX-License-Identifier: Apache-2.0 */
#include "main/place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#include "core/limits.h"

#include "ports/objects.h"

enum { MYSQL_PORT = 3306, ZOOKEEPER_PORT = 2181, HOST_MAX = 253 };

/* ---- pieces of a URL ------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum rc decode(const char *text, size_t length, struct arena *arena, const char **ret_text,
                      struct err *err)
{
    char *decoded = arena_alloc(arena, length + 1);
    size_t size = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;

            if (high < 0 || low < 0 || high + low == 0)
                return err_fail(err, RC_INVALID, "%% must be followed by two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[size++] = c;
    }
    decoded[size] = '\0';
    *ret_text = decoded;
    return RC_OK;
}

static enum rc read_account(const char *text, size_t length, struct arena *arena,
                            struct place_hosts *hosts, struct err *err)
{
    const char *colon = memchr(text, ':', length);
    size_t user = colon ? (size_t)(colon - text) : length;
    enum rc rc = decode(text, user, arena, &hosts->user, err);

    if (rc == RC_OK && colon)
        rc = decode(colon + 1, length - user - 1, arena, &hosts->password, err);
    return rc == RC_OK ? rc : err_prefix(err, rc, "user and password");
}

static bool read_port(const char *text, size_t length, uint16_t *ret_port)
{
    unsigned port = 0;

    if (!length || length > 5 || strspn(text, "0123456789") < length)
        return false;
    for (size_t i = 0; i < length; i++)
        port = port * 10 + (unsigned)(text[i] - '0');
    *ret_port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* "host", "host:1", "[::1]:1" */
static enum rc read_host(const char *text, size_t length, uint16_t port, struct arena *arena,
                         struct place_host *ret_host, struct err *err)
{
    const char *end = text + length;
    const char *bracket = length && *text == '[' ? memchr(text, ']', length) : NULL;
    const char *colon = bracket ? bracket + 1 : memchr(text, ':', length);
    const char *name = bracket ? text + 1 : text;
    size_t size = (size_t)((bracket ? bracket : colon ? colon : end) - name);

    *ret_host = (struct place_host){.name = arena_strndup(arena, name, size), .port = port};
    if (!size || size > HOST_MAX ||
        strspn(ret_host->name, bracket ? LETTERS ":.%" : LETTERS "._-") != size)
        return err_fail(err, RC_INVALID, "'%.80s' is not the name of a host", ret_host->name);
    if (!colon || colon == end)
        return RC_OK;
    if (*colon != ':' || !read_port(colon + 1, (size_t)(end - colon - 1), &ret_host->port))
        return err_fail(err, RC_INVALID, "what follows the host '%.80s' is not a port in 1-65535",
                        ret_host->name);
    return RC_OK;
}

static enum rc read_hosts(const char *text, size_t length, uint16_t port, struct arena *arena,
                          struct place_hosts *hosts, struct err *err)
{
    const char *end = text + length;

    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        size_t size = (size_t)((comma ? comma : end) - text);
        enum rc rc;

        if (hosts->count == PLACE_HOSTS)
            return err_fail(err, RC_INVALID, "more than %d hosts", PLACE_HOSTS);
        rc = read_host(text, size, port, arena, &hosts->items[hosts->count], err);
        if (rc != RC_OK)
            return rc;
        hosts->count++;
        if (!comma)
            return RC_OK;
        text = comma + 1;
    }
}

/* What follows "SCHEME://". */
static enum rc read_authority(const char *text, uint16_t port, struct arena *arena,
                              struct place_hosts *ret_hosts, struct err *err)
{
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    const char *at = memrchr(text, '@', length);
    struct place_hosts hosts = {.user = "", .password = "", .path = ""};
    const char *names = at ? at + 1 : text;
    enum rc rc = RC_OK;

    if (strlen(text) > LIMIT_PATH)
        return err_fail(err, RC_INVALID, "more than %d bytes", LIMIT_PATH);
    if (at)
        rc = read_account(text, (size_t)(at - text), arena, &hosts, err);
    if (rc == RC_OK)
        rc = read_hosts(names, (size_t)(text + length - names), port, arena, &hosts, err);
    if (rc == RC_OK && slash)
        rc = decode(slash + 1, strlen(slash + 1), arena, &hosts.path, err);
    if (rc == RC_OK)
        *ret_hosts = hosts;
    return rc;
}

static bool begins(const char *text, const char *scheme, const char **ret_rest)
{
    size_t length = strlen(scheme);

    *ret_rest = text + length;
    return !strncmp(text, scheme, length);
}

/* Other schemes are named, never what follows them: it may hold a password. */
static enum rc refuse_scheme(const char *text, const char *known, struct err *err)
{
    size_t length = strcspn(text, ":");

    if (text[length] != ':' || length > 20)
        return err_fail(err, RC_INVALID, "not a URL that begins with %s", known);
    return err_fail(err, RC_INVALID, "%.*s: is not known, but %s is", (int)length, text, known);
}

typedef enum rc (*set_parameter)(void *place, const char *name, const char *value,
                                 struct arena *arena, struct err *err);

/* "endpoint=URL&region=R" */
static enum rc read_parameters(const char *text, set_parameter set, void *place,
                               struct arena *arena, struct err *err)
{
    while (*text) {
        size_t length = strcspn(text, "&"), name = strcspn(text, "=&");
        const char *value = NULL;
        enum rc rc;

        if (name >= length)
            return err_fail(err, RC_INVALID, "'%.*s' is not NAME=VALUE", (int)MIN(length, 80),
                            text);
        rc = decode(text + name + 1, length - name - 1, arena, &value, err);
        if (rc == RC_OK)
            rc = set(place, arena_strndup(arena, text, name), value, arena, err);
        if (rc != RC_OK)
            return rc;
        text += length + (text[length] == '&');
    }
    return RC_OK;
}

static enum rc set_ca(const char **ret_ca_file, const char *value, struct err *err)
{
    *ret_ca_file = value;
    return *value ? RC_OK : err_fail(err, RC_INVALID, "ca: the path is empty");
}

/* ---- places ---------------------------------------------------------------------------------- */

static enum rc read_sqlite(const char *path, struct arena *arena, struct store_place *ret_place,
                           struct err *err)
{
    if (!strncmp(path, "///", 3))
        path += 2;
    if (!*path)
        return err_fail(err, RC_INVALID, "the path is empty");
    if (strlen(path) > LIMIT_PATH)
        return err_fail(err, RC_INVALID, "a path of more than %d bytes", LIMIT_PATH);
    *ret_place = (struct store_place){.kind = STORE_SQLITE, .path = arena_strdup(arena, path)};
    return RC_OK;
}

static enum rc set_of_mysql(void *context, const char *name, const char *value, struct arena *arena,
                            struct err *err)
{
    struct store_place *place = context;

    (void)arena;
    if (!strcmp(name, "ca"))
        return set_ca(&place->ca_file, value, err);
    return err_fail(err, RC_INVALID, "'%.40s' is not known; ca is", name);
}

static enum rc read_mysql(const char *text, struct arena *arena, struct store_place *ret_place,
                          struct err *err)
{
    struct store_place place = {.kind = STORE_MYSQL, .path = ""};
    const char *slash = strchr(text, '/');
    const char *query = slash ? strchr(slash, '?') : NULL;
    size_t length = query ? (size_t)(query - text) : strlen(text);
    enum rc rc =
        read_authority(arena_strndup(arena, text, length), MYSQL_PORT, arena, &place.hosts, err);

    if (rc == RC_OK && query)
        rc = read_parameters(query + 1, set_of_mysql, &place, arena, err);
    if (rc != RC_OK)
        return rc;
    if (!*place.hosts.user)
        return err_fail(err, RC_INVALID, "a user is missing: mysql://USER:PASSWORD@HOST/DATABASE");
    if (!*place.hosts.path || strchr(place.hosts.path, '/'))
        return err_fail(err, RC_INVALID,
                        "a database is missing: mysql://USER:PASSWORD@HOST/DATABASE");
    *ret_place = place;
    return RC_OK;
}

enum rc place_store_read(const char *text, struct arena *arena, struct store_place *ret_place,
                         struct err *err)
{
    const char *rest;

    if (!*text) {
        *ret_place = (struct store_place){.kind = STORE_SQLITE, .path = ""};
        return RC_OK;
    }
    if (begins(text, "mysql://", &rest))
        return read_mysql(rest, arena, ret_place, err);
    if (begins(text, "sqlite:", &rest))
        return read_sqlite(rest, arena, ret_place, err);
    return refuse_scheme(text, "sqlite:PATH or mysql://USER:PASSWORD@HOST/DATABASE", err);
}

enum rc place_coordination_read(const char *text, struct arena *arena,
                                struct coordination_place *ret_place, struct err *err)
{
    struct coordination_place place = {.kind = COORDINATION_ZOOKEEPER};
    const char *rest;
    enum rc rc;

    if (begins(text, "local:", &rest)) {
        if (*rest)
            return err_fail(err, RC_INVALID, "nothing may follow local:");
        *ret_place = (struct coordination_place){.kind = COORDINATION_LOCAL};
        return RC_OK;
    }
    if (!begins(text, "zookeeper://", &rest))
        return refuse_scheme(text, "local: or zookeeper://HOST:PORT/PATH", err);
    rc = read_authority(rest, ZOOKEEPER_PORT, arena, &place.hosts, err);
    if (rc == RC_OK && !*place.hosts.path)
        return err_fail(err, RC_INVALID, "a path is missing: zookeeper://HOST:PORT/PATH");
    if (rc == RC_OK)
        *ret_place = place;
    return rc;
}

/* ---- objects --------------------------------------------------------------------------------- */

#define S3_FORM "s3://BUCKET/PREFIX?endpoint=URL&region=R"

static bool is_of(const char *text, const char *letters, size_t least, size_t most)
{
    size_t length = strlen(text);

    return length >= least && length <= most && strspn(text, letters) == length;
}

/* "http://host:1"; a slash at its end is taken off. */
static enum rc set_endpoint(struct objects_place *place, const char *text, struct arena *arena,
                            struct err *err)
{
    const char *host;
    size_t length;
    struct place_host found;
    enum rc rc;

    if (!begins(text, "http://", &host) && !begins(text, "https://", &host))
        return err_fail(err, RC_INVALID, "endpoint '%.80s' does not begin with http:// or https://",
                        text);
    length = strcspn(host, "/");
    if (host[length] && host[length + 1])
        return err_fail(err, RC_INVALID, "endpoint '%.80s' has a path", text);
    rc = read_host(host, length, 0, arena, &found, err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "endpoint");
    place->endpoint = arena_strndup(arena, text, (size_t)(host + length - text));
    return RC_OK;
}

static enum rc set_style(struct objects_place *place, const char *text, struct err *err)
{
    place->in_host = !strcmp(text, "host");
    if (place->in_host || !strcmp(text, "path"))
        return RC_OK;
    return err_fail(err, RC_INVALID, "style '%.40s' is neither path nor host", text);
}

static enum rc set_of_s3(void *context, const char *name, const char *value, struct arena *arena,
                         struct err *err)
{
    struct objects_place *place = context;

    if (!strcmp(name, "endpoint"))
        return set_endpoint(place, value, arena, err);
    if (!strcmp(name, "style"))
        return set_style(place, value, err);
    if (!strcmp(name, "region")) {
        place->region = value;
        return is_of(value, LETTERS "-", 1, 64)
                   ? RC_OK
                   : err_fail(err, RC_INVALID, "region '%.80s' is not 1 to 64 of A-Z a-z 0-9 -",
                              value);
    }
    if (!strcmp(name, "ca"))
        return set_ca(&place->ca_file, value, err);
    return err_fail(err, RC_INVALID, "'%.40s' is not known; endpoint, region, style and ca are",
                    name);
}

/* "BUCKET/PREFIX" */
static enum rc read_bucket(const char *text, size_t length, struct objects_place *place,
                           struct arena *arena, struct err *err)
{
    const char *slash = memchr(text, '/', length), *end = text + length;

    place->bucket = arena_strndup(arena, text, slash ? (size_t)(slash - text) : length);
    if (!is_of(place->bucket, LETTERS ".-_", 3, 63))
        return err_fail(err, RC_INVALID,
                        "bucket '%.80s' is not 3 to 63 of A-Z a-z 0-9 . - _: " S3_FORM,
                        place->bucket);
    while (end > text && end[-1] == '/')
        end--;
    if (!slash || end <= slash)
        return RC_OK;
    place->prefix = arena_strndup(arena, slash + 1, (size_t)(end - slash - 1));
    return object_key_check(place->prefix, NULL) == RC_OK
               ? RC_OK
               : err_fail(err, RC_INVALID, "prefix '%.80s' is not of A-Z a-z 0-9 . _ - and /",
                          place->prefix);
}

/* AWS wants the bucket in the host's name, where no certificate covers one with dots in it. */
static void use_aws(struct objects_place *place, struct arena *arena)
{
    if (place->endpoint)
        return;
    place->endpoint = arena_printf(arena, "https://s3.%s.amazonaws.com", place->region);
    place->in_host = !strchr(place->bucket, '.');
}

static enum rc read_s3(const char *text, struct arena *arena, struct objects_place *ret_place,
                       struct err *err)
{
    size_t length = strcspn(text, "?");
    struct objects_place place = {
        .kind = OBJECTS_S3, .path = "", .prefix = "", .region = "us-east-1"};
    enum rc rc;

    if (strlen(text) > LIMIT_PATH)
        return err_fail(err, RC_INVALID, "more than %d bytes", LIMIT_PATH);
    if (memchr(text, '@', length))
        return err_fail(err, RC_INVALID, "key and secret stand elsewhere: see objects-credentials");
    rc = read_bucket(text, length, &place, arena, err);
    if (rc == RC_OK && text[length])
        rc = read_parameters(text + length + 1, set_of_s3, &place, arena, err);
    if (rc == RC_OK)
        use_aws(&place, arena);
    if (rc == RC_OK)
        *ret_place = place;
    return rc;
}

enum rc place_objects_read(const char *text, struct arena *arena, struct objects_place *ret_place,
                           struct err *err)
{
    const char *rest = "";

    if (begins(text, "s3://", &rest))
        return read_s3(rest, arena, ret_place, err);
    rest = "";
    if (*text && !begins(text, "file:", &rest))
        return refuse_scheme(text, "file:DIR or " S3_FORM, err);
    if (!strncmp(rest, "///", 3))
        rest += 2;
    if (*text && !*rest)
        return err_fail(err, RC_INVALID, "the path is empty");
    if (strlen(rest) > LIMIT_PATH)
        return err_fail(err, RC_INVALID, "a path of more than %d bytes", LIMIT_PATH);
    *ret_place =
        (struct objects_place){.kind = OBJECTS_DIRECTORY, .path = arena_strdup(arena, rest)};
    return RC_OK;
}

const char *place_hosts_text(const char *scheme, const struct place_hosts *hosts,
                             struct arena *arena)
{
    const char *text = arena_printf(arena, "%s://", scheme);

    for (size_t i = 0; i < hosts->count; i++)
        text = arena_printf(arena, "%s%s%s:%u", text, i ? "," : "", hosts->items[i].name,
                            hosts->items[i].port);
    return arena_printf(arena, "%s/%s", text, hosts->path);
}
