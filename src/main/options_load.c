/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#include "core/limits.h"

#include "main/config.h"
#include "main/options.h"

static const char *variable(const char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

/* The host's name, with what a name may not hold made "-". */
static const char *host_name(struct arena *arena)
{
    char name[LIMIT_NAME + 1] = {0};
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
        return "localhost";
    for (char *at = name; *at != '\0'; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
              (*at >= '0' && *at <= '9') || *at == '.' || *at == '-'))
            *at = '-';
    return arena_strdup(arena, name);
}

/* Where others reach an address we listen on; by the host's name when that is every one. */
static const char *own_url(const struct server_options *options, struct arena *arena)
{
    bool any = !strcmp(options->address, "0.0.0.0") || !strcmp(options->address, "::");
    const char *host = any ? host_name(arena) : options->address;

    return arena_printf(arena, strchr(host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
                        options->tls_certificate ? "https" : "http", host, options->port);
}

enum rc server_options_load(enum role role, const struct arguments *arguments,
                            const char *const *environment, struct arena *arena,
                            struct server_options *ret_options, struct err *err)
{
    AUTO_BUF struct buf content;
    struct server_options options;
    const char *named = arguments_value(arguments, "config");
    if (!named)
        named = variable(environment, "CRONJOB_CONFIG");
    const char *path = named ? named : CONFIG_DEFAULT;
    buf_init(&content, CONFIG_LIMIT);
    enum rc rc = file_read(path, &content, err);
    if (rc != RC_OK && (rc != RC_NOT_FOUND || named))
        return rc;
    struct option_sources sources = {.role = role,
                                     .file = rc == RC_OK ? path : NULL,
                                     .file_text = content.data,
                                     .file_length = content.length,
                                     .environment = environment,
                                     .arguments = arguments};
    rc = server_options_read(&sources, arena, &options, err);
    if (rc != RC_OK)
        return rc;
    if (*options.name == '\0')
        options.name = host_name(arena);
    if (*options.advertise == '\0')
        options.advertise = own_url(&options, arena);
    *ret_options = options;
    return RC_OK;
}
