/* SPDX-License-Identifier: Apache-2.0 */
#include "main/wiring.h"

#include "base/log.h"

#include "adapters/posix/clock.h"
#include "guardian/guardian.h"
#include "main/process.h"
#include "main/system.h"

static enum rc start(struct system *system, struct err *err)
{
    enum rc rc = RC_OK;

    if (system_is(system, HAS_WORKER))
        rc = process_make_directory(system->options->data, err);
    if (rc == RC_OK)
        rc = system_make_ports(system, err);
    if (rc == RC_OK)
        rc = system_make_roles(system, err);
    if (rc == RC_OK)
        rc = system_start_roles(system, err);
    return rc;
}

enum rc wiring_run(enum role role, const struct server_options *options, struct err *err)
{
    struct system system = {.role = role, .options = options};
    enum rc rc;

    process_begin();
    rc = start(&system, err);
    if (rc == RC_OK)
        process_wait_for_end();
    system_stop_roles(&system);
    system_free_roles(&system);
    system_free_ports(&system);
    return rc;
}

enum rc wiring_run_guardian(const char *data, int ready_fd, uint64_t run_nofile, struct err *err)
{
    struct guardian_config config = {.data_directory = data,
                                     .clock = posix_clock_new(),
                                     .idle = GUARDIAN_IDLE,
                                     .run_nofile = run_nofile,
                                     .ready_fd = ready_fd};
    enum rc rc = guardian_run(&config, err);

    clock_free(config.clock);
    return rc;
}
