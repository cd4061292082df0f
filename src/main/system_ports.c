/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/directory/files.h"
#include "adapters/directory/outputs.h"
#include "adapters/kept/outputs.h"
#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/measured/store.h"
#include "adapters/mysql/store.h"
#include "adapters/posix/boot.h"
#include "adapters/posix/clock.h"
#include "adapters/posix/journal.h"
#include "adapters/posix/zones.h"
#include "adapters/sqlite/store.h"
#include "adapters/zookeeper/coordination.h"
#include "link/changes.h"
#include "link/events.h"
#include "link/outputs.h"
#include "main/objects.h"
#include "main/process.h"
#include "main/system.h"

/* ---- the store ------------------------------------------------------------------------------- */

static enum rc make_sqlite(const struct system *system, struct store **ret_store, struct err *err)
{
    return sqlite_store_new(
        &(struct sqlite_store_config){.path = system->options->store.path, .clock = system->clock},
        ret_store, err);
}

static enum rc make_mysql(const struct system *system, struct store **ret_store, struct err *err)
{
    const struct place_hosts *place = &system->options->store.hosts;
    struct mysql_host hosts[PLACE_HOSTS];
    struct mysql_store_config config = {
        .hosts = hosts,
        .host_count = place->count,
        .user = place->user,
        .password = place->password,
        .database = place->path,
        .ca_file = system->options->store.ca_file,
        .migrate = system_is(system, HAS_MANAGER),
        .clock = system->clock,
    };

    for (size_t i = 0; i < place->count; i++)
        hosts[i] = (struct mysql_host){.name = place->items[i].name, .port = place->items[i].port};
    return mysql_store_new(&config, ret_store, err);
}

static enum rc make_store(struct system *system, struct err *err)
{
    struct store *store = NULL;
    enum rc rc = system->options->store.kind == STORE_MYSQL ? make_mysql(system, &store, err)
                                                            : make_sqlite(system, &store, err);

    if (rc == RC_OK)
        system->store = measured_store_new(store, system->clock);
    return rc;
}

/* ---- coordination ---------------------------------------------------------------------------- */

/* "host:1,host:2" */
static const char *host_list(const struct place_hosts *place, struct arena *arena)
{
    const char *list = "";

    for (size_t i = 0; i < place->count; i++)
        list = arena_printf(arena, "%s%s%s:%u", list, i ? "," : "", place->items[i].name,
                            place->items[i].port);
    return list;
}

static enum rc make_coordination(struct system *system, struct err *err)
{
    const struct place_hosts *place = &system->options->coordination.hosts;
    struct arena *arena = &system->arena;
    struct zookeeper_config config = {
        .hosts = host_list(place, arena),
        .root = arena_printf(arena, "/%s", place->path),
        .identity = process_identity(system->options->data, arena),
        .clock = system->clock,
    };

    if (system->options->coordination.kind == COORDINATION_LOCAL) {
        system->coordination = local_coordination_new();
        return RC_OK;
    }
    if (*place->user)
        config.digest = arena_printf(arena, "%s:%s", place->user, place->password);
    return zookeeper_coordination_new(&config, &system->coordination, err);
}

/* ---- what is here, and what is elsewhere ----------------------------------------------------- */

/* What a worker keeps on its node. */
static enum rc make_node(struct system *system, struct err *err)
{
    const char *data = system->options->data;
    enum rc rc = posix_journal_open(data, &system->journal, err);

    if (rc == RC_OK)
        rc = directory_outputs_open(data, &system->outputs, err);
    if (rc == RC_OK)
        rc = directory_files_open(data, &system->files, err);
    if (rc == RC_OK)
        rc = posix_boot_instant(data, system->clock, &system->boot_at, err);
    if (rc == RC_OK)
        rc = system_make_crontab(system, err);
    return rc;
}

/* What reaches the other processes of a cluster. */
static enum rc make_links(struct system *system, struct err *err)
{
    const struct link_events_config events = {.local = system->local_events,
                                              .store = system->store,
                                              .clock = system->clock,
                                              .secret = &system->secret,
                                              .ca_file = system->options->tls_ca,
                                              .listens = system->role == ROLE_API};
    const struct link_outputs_config outputs = {.store = system->store,
                                                .clock = system->clock,
                                                .secret = &system->secret,
                                                .ca_file = system->options->tls_ca};
    const struct link_changes_config changes = {.store = system->store,
                                                .clock = system->clock,
                                                .secret = &system->secret,
                                                .ca_file = system->options->tls_ca};
    enum rc rc = RC_OK;

    if (system->role != ROLE_MANAGER)
        rc = link_events_new(&events, &system->events, err);
    if (rc == RC_OK && system->role != ROLE_WORKER)
        rc = link_outputs_new(&outputs, &system->outputs, err);
    if (rc == RC_OK && system->role == ROLE_API)
        rc = link_changes_new(&changes, &system->changes, err);
    return rc;
}

enum rc system_make_ports(struct system *system, struct err *err)
{
    enum rc rc = RC_OK;

    system->clock = posix_clock_new();
    system->zones = posix_zones_new(NULL, NULL);
    system->events = system->local_events = local_events_new();
    if (system->role != ROLE_STANDALONE)
        rc = link_secret_read(system->options->cluster_secret, &system->secret, err);
    seal_keys_derive(system->secret.bytes, system->secret.length, &system->seal);
    if (rc == RC_OK)
        rc = make_store(system, err);
    if (rc == RC_OK)
        rc = objects_open(system->options, system->clock, 0, &system->objects, err);
    if (rc == RC_OK && system_is(system, HAS_MANAGER | ROLE_WORKER))
        rc = make_coordination(system, err);
    if (rc == RC_OK && system_is(system, HAS_WORKER))
        rc = make_node(system, err);
    if (rc == RC_OK && system->role != ROLE_STANDALONE)
        rc = make_links(system, err);
    if (rc == RC_OK && system_is(system, HAS_API))
        system->kept = kept_outputs_new(&(struct kept_outputs_config){.store = system->store,
                                                                      .objects = system->objects,
                                                                      .of_worker = system->outputs,
                                                                      .clock = system->clock});
    return rc;
}

void system_free_ports(struct system *system)
{
    if (system->role == ROLE_API)
        changes_free(system->changes);
    fires_free(system->fires);
    cron_table_free(system->cron_table);
    files_free(system->files);
    outputs_free(system->kept);
    outputs_free(system->outputs);
    journal_free(system->journal);
    if (system->events != system->local_events)
        events_free(system->events);
    if (system->local_events)
        events_free(system->local_events);
    link_secret_forget(&system->secret);
    crypto_forget(&system->seal, sizeof(system->seal));
    coordination_free(system->coordination);
    objects_free(system->objects);
    store_free(system->store);
    zones_free(system->zones);
    clock_free(system->clock);
    arena_release(&system->arena);
}
