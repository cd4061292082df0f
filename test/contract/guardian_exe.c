/* SPDX-License-Identifier: Apache-2.0 */
/* A guardian and nothing else, for the tests of the launcher. IDLE is in milliseconds; runs may
 * have 777 descriptors. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#include "adapters/posix/clock.h"
#include "guardian/guardian.h"

int main(int argc, char **argv)
{
    struct guardian_config config = {.idle = GUARDIAN_IDLE, .ready_fd = -1};
    struct log_config logs = {.level = LEVEL_WARN, .fd = 2};
    struct err err = {0};
    enum rc rc;

    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--data") == 0)
            config.data_directory = argv[i + 1];
        else if (strcmp(argv[i], "--ready-fd") == 0)
            config.ready_fd = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--idle") == 0)
            config.idle = strtol(argv[i + 1], NULL, 10) * MILLISECOND;
    }
    config.run_nofile = 777;
    log_init(&logs);
    config.clock = posix_clock_new();
    rc = guardian_run(&config, &err);
    clock_free(config.clock);
    if (rc != RC_OK && rc != RC_CONFLICT)
        log_error("guardian failed", LOG_ERR(&err, rc));
    return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
