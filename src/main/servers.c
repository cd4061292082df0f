/* SPDX-License-Identifier: Apache-2.0 */
#include "main/servers.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#include "adapters/posix/clock.h"
#include "main/wiring.h"

static void begin_log(const struct server_options *options)
{
    log_init(&(struct log_config){.level = options->log_level,
                                  .format = options->log_format,
                                  .fd = STDERR_FILENO,
                                  .now = posix_now});
}

static int end(const char *complaint, enum rc rc, const struct err *err)
{
    if (rc == RC_OK)
        return EXIT_SUCCESS;
    log_error(complaint, LOG_ERR(err, rc));
    return EXIT_FAILURE;
}

int server_main(enum role role, const struct server_options *options)
{
    struct err err = {0};
    enum rc rc;

    begin_log(options);
    rc = wiring_run(role, options, &err);
    return end("cronjob could not start", rc, &err);
}

int guardian_main(const struct server_options *options, int ready_fd, uint64_t run_nofile)
{
    struct err err = {0};
    enum rc rc;

    begin_log(options);
    rc = wiring_run_guardian(options->data, ready_fd, run_nofile, &err);
    return end("guardian could not start", rc, &err);
}
