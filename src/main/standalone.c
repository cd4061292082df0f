/* SPDX-License-Identifier: Apache-2.0 */
#include "main/standalone.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#include "adapters/posix/clock.h"
#include "main/wiring.h"

void servers_log(const struct server_options *options)
{
    log_init(&(struct log_config){.level = options->log_level,
                                  .format = options->log_format,
                                  .fd = STDERR_FILENO,
                                  .now = posix_now});
}

/* The guardian logs as its server does. */
static const char *const level_words[] = {
    [LEVEL_ERROR] = "error", [LEVEL_WARN] = "warn", [LEVEL_INFO] = "info", [LEVEL_DEBUG] = "debug"};
static const char *const format_words[] = {[LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json"};

int standalone_main(const struct server_options *options)
{
    const char *const guardian_arguments[] = {"--log-level", level_words[options->log_level],
                                              "--log-format", format_words[options->log_format],
                                              NULL};
    const struct wiring_config config = {
        .address = options->address,
        .port = options->port,
        .data = options->data,
        .store_path = options->store,
        .name = options->name,
        .labels = options->labels,
        .time_zone = options->time_zone[0] ? options->time_zone : NULL,
        .allowed_hosts = options->allowed_hosts.items,
        .allowed_host_count = options->allowed_hosts.count,
        .token_only = options->token_only,
        .threads = options->threads,
        .connection_limit = options->connection_limit,
        .keep_runs_for = options->keep_runs_for,
        .keep_runs_of_job = options->keep_runs,
        .drain_timeout = options->drain_timeout,
        .guardian_arguments = guardian_arguments,
    };
    struct err err = {0};
    enum rc rc;

    servers_log(options);
    rc = wiring_run_standalone(&config, &err);
    if (rc == RC_OK)
        return EXIT_SUCCESS;
    log_error("cronjob could not start", LOG_ERR(&err, rc));
    return EXIT_FAILURE;
}

int guardian_main(const struct server_options *options, int ready_fd)
{
    struct err err = {0};
    enum rc rc;

    servers_log(options);
    rc = wiring_run_guardian(options->data, ready_fd, &err);
    if (rc == RC_OK)
        return EXIT_SUCCESS;
    log_error("guardian could not start", LOG_ERR(&err, rc));
    return EXIT_FAILURE;
}
