/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/wiring.h: the roles and the adapters they get, put together. The only place that names
 * adapters.
 */
#ifndef CRONJOB_MAIN_WIRING_H
#define CRONJOB_MAIN_WIRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

#include "core/job.h"

struct wiring_config {
    const char *address; /* "127.0.0.1" */
    uint16_t port;
    const char *data;       /* directory; made when it is not there */
    const char *store_path; /* the database file; NULL: in the data directory */
    const char *name;       /* of the worker and the manager */
    struct pairs labels;
    const char *time_zone; /* of jobs that name none; NULL: the machine's */
    const char *const *allowed_hosts;
    size_t allowed_host_count;
    bool token_only; /* a loopback connection's account counts for nothing */
    unsigned threads;
    unsigned connection_limit;
    span_us keep_runs_for;
    size_t keep_runs_of_job;
    span_us drain_timeout;
    const char *const *guardian_arguments; /* further ones for the guardian, NULL at the end */
};

/*
 * API server, manager and worker in one process on the embedded adapters, until SIGTERM or SIGINT.
 * RC_BUSY: another process uses the data directory. RC_CONFLICT: the port is taken. RC_FORBIDDEN:
 * listening beyond loopback with no token to ask for.
 */
MUST_USE enum rc wiring_run_standalone(const struct wiring_config *config, struct err *err);

/* The guardian of a data directory, until it has nothing left to guard. */
MUST_USE enum rc wiring_run_guardian(const char *data, int ready_fd, struct err *err);

#endif
