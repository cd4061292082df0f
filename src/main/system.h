/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main/system.h: the parts of one server process, by its role. Made in the order of the members,
 * which is that of what stands on what, and taken down the other way round.
 */
#ifndef CRONJOB_MAIN_SYSTEM_H
#define CRONJOB_MAIN_SYSTEM_H

#include "core/seal.h"

#include "adapters/directory/walk.h"
#include "api/api.h"
#include "link/gate.h"
#include "link/secret.h"
#include "main/certificate.h"
#include "main/options.h"
#include "manager/manager.h"
#include "worker/worker.h"

struct system {
    enum role role;
    const struct server_options *options;
    struct arena arena;
    struct link_secret secret; /* of a cluster's roles */
    struct certificate_files certificate_files;
    struct http_certificate certificate; /* while servers are made; of NULLs: clear text */
    struct seal_keys seal;               /* which follow from the secret */

    struct clock *clock;
    struct zones *zones;
    struct store *store;
    struct coordination *coordination;
    struct events *local_events;   /* within this process */
    struct events *events;         /* the same, or what also reaches other processes */
    struct journal *journal;       /* of a worker */
    struct outputs *outputs;       /* of this node; where there is no worker: of all workers */
    struct outputs *kept;          /* the same, or where they were delivered to; for the API */
    struct objects *objects;       /* executables and long outputs, for all roles */
    struct files *files;           /* copies of executables, of a worker */
    struct cron_table *cron_table; /* of a worker whose scheduler is crontab, as are its calls */
    struct fires *fires;
    instant_us boot_at;      /* of a worker */
    struct output_walk walk; /* of a worker's outputs */

    struct manager *manager;
    struct worker *worker;
    struct launcher *launcher;
    struct changes *changes; /* where the API hands in changes */
    struct api *api;
    struct link_gate *gate; /* where other roles reach this one */
};

static inline bool system_is(const struct system *system, unsigned roles)
{
    return (system->role & roles) != 0;
}

#define HAS_API     (ROLE_STANDALONE | ROLE_API)
#define HAS_MANAGER (ROLE_STANDALONE | ROLE_MANAGER)
#define HAS_WORKER  (ROLE_STANDALONE | ROLE_WORKER)

/* system_ports.c: from clock to outputs. RC_BUSY: another process uses the data directory. */
MUST_USE enum rc system_make_ports(struct system *system, struct err *err);
void system_free_ports(struct system *system);

/* system_tls.c: what the servers show, from its files, while they are made. RC_FORBIDDEN: there is
 * none, and others could reach us in clear text. */
MUST_USE enum rc system_read_certificate(struct system *system, struct err *err);
const struct http_certificate *system_certificate(const struct system *system); /* NULL: none */
void system_forget_certificate(struct system *system);
/* Reads the files again, for who connects from now on; logs how that went. `context` is the system.
 */
void system_renew_certificate(void *context);

/* system_crontab.c: the node's crontab as the settings want it, and nothing of ours where they
 * wanted it before. RC_FORBIDDEN, RC_INVALID: they cannot be had, and why. */
MUST_USE enum rc system_make_crontab(struct system *system, struct err *err);

/* system_roles.c: makes, starts, stops and frees the roles. RC_CONFLICT: the port is taken.
 * RC_FORBIDDEN: an API beyond loopback with no token to ask for. */
MUST_USE enum rc system_make_roles(struct system *system, struct err *err);
MUST_USE enum rc system_start_roles(struct system *system, struct err *err);
void system_stop_roles(struct system *system);
void system_free_roles(struct system *system);

#endif
