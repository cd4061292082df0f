/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/api.h: the API server's role: knows who asks, answers reads from the store, hands changes to
 * the manager.
 *
 * Life: api_new() opens the port and answers at once; /readyz says 503 until api_set_ready(). To
 * stop: api_drain() while the manager still works, so that changes under way get their answers,
 * then stop the manager (its queue answers what is left), then api_free().
 */
#ifndef CRONJOB_API_API_H
#define CRONJOB_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/instant.h"

#include "ports/changes.h"
#include "ports/clock.h"
#include "ports/events.h"
#include "ports/objects.h"
#include "ports/outputs.h"
#include "ports/store.h"
#include "ports/zones.h"

#include "http/certificate.h"

struct api;

/* Ports are not owned and outlive the API; strings are copied. */
struct api_config {
    struct store *store;
    struct changes *changes;
    struct events *events;
    struct outputs *outputs;
    struct objects *objects;
    struct zones *zones;
    struct clock *clock;
    mono_us (*mono)(void); /* what the HTTP server measures with */

    const char *address;                        /* "127.0.0.1" */
    uint16_t port;                              /* 0: a free one */
    const struct http_certificate *certificate; /* as http_server_config's, and so is the next */
    const char *socket;
    unsigned threads;
    unsigned connection_limit;
    const char *const *allowed_hosts; /* further names of this server, without ports */
    size_t allowed_host_count;

    const char *upload_directory; /* where files are while they arrive, under no name */
    int64_t upload_limit;         /* bytes of a file */
    span_us keep_files_for; /* as the manager's: what nobody needs is erased so long after it was
                               stored */
    const char *const *allowed_sources; /* URLs below which files may be fetched from */
    size_t allowed_source_count;

    const char *version;
    const char *leader;    /* the name of the manager that leads; NULL: as the store says */
    const char *time_zone; /* of jobs that name none; NULL: zones_local_name() */
    uid_t uid;             /* the account that jobs are started from: 0 may use any */
    const uint8_t *seal; /* by which it knows what a manager sealed (core/seal.h), so that it makes
                            nothing else into something new, and who is a user or has a token;
                            NULL: nothing is sealed */
    /* Of who is no administrator; 0: as much as they like. */
    unsigned request_limit;   /* requests a second, of a user or account */
    int64_t jobs_per_owner;   /* that are not finished */
    int64_t runs_per_owner;   /* that wait to be executed */
    span_us minimal_interval; /* between two ticks of any job */
    bool token_only;          /* never trust the account behind a loopback connection */

    /* How many jobs are due within the hour. May be NULL: it is not known here. */
    int64_t (*due_next_hour)(void *context);
    void *due_context;
};

/* RC_CONFLICT: the port is taken. RC_INVALID: the address, the time zone or a source is none. */
MUST_USE enum rc api_new(const struct api_config *config, struct api **ret_api, struct err *err);
uint16_t api_port(const struct api *api);

/* As http_server_renew(). */
MUST_USE enum rc api_renew(struct api *api, const struct http_certificate *certificate,
                           struct err *err);

/* What /readyz says. `reason`, copied, is told while not ready. From any thread. */
void api_set_ready(struct api *api, bool ready, const char *reason);

/* Says "not ready", takes no more connections, ends streams and waits for the requests that go on,
 * at most so long; then for what still waits for the object store, so that nothing is handed to the
 * manager any more. */
void api_drain(struct api *api, span_us at_most);
void api_free(struct api *api);

#endif
