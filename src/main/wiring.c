/* SPDX-License-Identifier: Apache-2.0 */
#include "main/wiring.h"

#include <unistd.h>

#include "base/log.h"

#include "adapters/posix/clock.h"
#include "guardian/guardian.h"
#include "main/process.h"
#include "main/system.h"

/* A worker needs root to start runs as their accounts, and so does who has one within. */
static enum rc check_account(const struct system *system, struct err *err)
{
    if (system_is(system, HAS_WORKER) || geteuid() != 0 || system->options->allow_root)
        return RC_OK;
    return err_fail(err, RC_FORBIDDEN,
                    "an API server or manager needs no privilege and does not run as root: give it "
                    "an account of its own (User= in its unit), or say allow-root = yes");
}

static enum rc start(struct system *system, struct err *err)
{
    enum rc rc = check_account(system, err);

    if (rc == RC_OK && system_is(system, HAS_WORKER))
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
        process_wait_for_end(system_renew_certificate, &system);
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
