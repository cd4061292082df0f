/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/wiring.h: the roles and the adapters they get, put together. This folder is the only place
 * that names adapters.
 */
#ifndef CRONJOB_MAIN_WIRING_H
#define CRONJOB_MAIN_WIRING_H

#include "base/err.h"

#include "main/options.h"

/*
 * A server process, until SIGTERM or SIGINT. RC_BUSY: another process uses the data directory.
 * RC_CONFLICT: the port is taken. RC_FORBIDDEN: listening beyond loopback with no token to ask for.
 */
MUST_USE enum rc wiring_run(enum role role, const struct server_options *options, struct err *err);

/* The guardian of a data directory, until it has nothing left to guard. */
MUST_USE enum rc wiring_run_guardian(const char *data, int ready_fd, uint64_t run_nofile,
                                     struct err *err);

#endif
