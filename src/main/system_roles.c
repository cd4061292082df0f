/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#include "adapters/posix/clock.h"
#include "adapters/posix/launcher.h"
#include "link/changes.h"
#include "main/process.h"
#include "main/system.h"

#define WORKER_LEASE  (15 * SECOND)
#define CLUSTER_LEASE (8 * SECOND)
#define GATE_DRAIN    (5 * SECOND) /* for calls of other roles that go on */

/* Within one process there is nobody to be protected from: who can write into the store could also
 * read the key. */
static bool seals(const struct system *system)
{
    return system->role != ROLE_STANDALONE;
}

/* ---- the API --------------------------------------------------------------------------------- */

static bool found_token(void *context, const struct access_token *token)
{
    bool *found = context;

    (void)token;
    *found = true;
    return false;
}

static bool found_user(void *context, const struct user_record *user)
{
    bool *found = context;

    *found |= user->password[0] && !user->disabled;
    return !*found;
}

/* Beyond loopback the kernel cannot say who asks, so somebody must have a token or a password. */
static enum rc check_address(const struct system *system, struct err *err)
{
    bool found = false;
    enum rc rc;

    if (process_is_loopback(system->options->address))
        return RC_OK;
    rc = store_read_tokens(system->store, found_token, &found, err);
    if (rc == RC_OK && !found)
        rc = store_read_users(system->store, found_user, &found, err);
    if (rc != RC_OK || found)
        return rc;
    return err_fail(err, RC_FORBIDDEN,
                    "listening on %s would let nobody in, or everybody: there is no token yet, and "
                    "no user who can sign in; start on 127.0.0.1 and make one with `cronjob token "
                    "create` or `cronjob user add`",
                    system->options->address);
}

/* An API server alone keeps nothing, so it has no directory of its own. */
static const char *upload_directory(const struct system *system)
{
    return system_is(system, HAS_WORKER) ? system->options->data : "/var/tmp";
}

static enum rc make_api(struct system *system, struct err *err)
{
    const struct server_options *options = system->options;
    struct api_config config = {
        .store = system->store,
        .changes = system->changes,
        .events = system->events,
        .outputs = system->kept,
        .objects = system->objects,
        .zones = system->zones,
        .clock = system->clock,
        .mono = posix_mono,
        .address = options->address,
        .port = options->port,
        .certificate = system_certificate(system),
        .socket = options->socket,
        .threads = options->threads,
        .connection_limit = options->connection_limit,
        .allowed_hosts = options->allowed_hosts.items,
        .allowed_host_count = options->allowed_hosts.count,
        .version = CRONJOB_VERSION,
        .leader = system->role == ROLE_STANDALONE ? options->name : NULL,
        .time_zone = options->time_zone[0] ? options->time_zone : NULL,
        .uid = geteuid(),
        .seal = seals(system) ? system->seal.known : NULL,
        .request_limit = options->request_limit,
        .jobs_per_owner = options->jobs_per_owner,
        .runs_per_owner = options->runs_per_owner,
        .minimal_interval = options->minimal_interval,
        .token_only = options->token_only,
        .upload_directory = upload_directory(system),
        .upload_limit = options->upload_limit,
        .keep_files_for = options->keep_files_for,
        .allowed_sources = options->allowed_sources.items,
        .allowed_source_count = options->allowed_sources.count,
    };
    enum rc rc = check_address(system, err);

    if (system->worker) {
        config.due_next_hour = worker_due_next_hour;
        config.due_context = system->worker;
    }
    return rc == RC_OK ? api_new(&config, &system->api, err) : rc;
}

/* ---- the manager ----------------------------------------------------------------------------- */

static enum rc make_manager(struct system *system, struct err *err)
{
    struct manager_config config = {
        .name = system->options->name,
        .url = system->role == ROLE_STANDALONE ? "" : system->options->advertise,
        .store = system->store,
        .coordination = system->coordination,
        .events = system->events,
        .outputs = system->outputs,
        .objects = system->objects,
        .zones = system->zones,
        .clock = system->clock,
        .seal = seals(system) ? &system->seal : NULL,
        .keep_runs_for = system->options->keep_runs_for,
        .keep_runs_of_job = system->options->keep_runs,
        .keep_audit_for = system->options->keep_audit_for,
        .keep_files_for = system->options->keep_files_for,
    };
    enum rc rc = manager_new(&config, &system->manager, err);

    if (rc == RC_OK)
        system->changes = manager_changes(system->manager);
    return rc;
}

/* ---- the worker ------------------------------------------------------------------------------ */

/* The guardian logs as its server does. */
static const char *const *guardian_arguments(struct system *system)
{
    static const char *const levels[] = {[LEVEL_ERROR] = "error",
                                         [LEVEL_WARN] = "warn",
                                         [LEVEL_INFO] = "info",
                                         [LEVEL_DEBUG] = "debug"};
    static const char *const formats[] = {[LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json"};
    const char *const arguments[] = {
        "--log-level",
        levels[system->options->log_level],
        "--log-format",
        formats[system->options->log_format],
        "--run-nofile",
        arena_printf(&system->arena, "%llu", (unsigned long long)process_descriptors()),
        NULL};
    const char **copy = arena_alloc(&system->arena, sizeof(arguments));

    memcpy(copy, arguments, sizeof(arguments));
    return copy;
}

static bool next_output(void *context, struct run_key *ret_run)
{
    struct system *system = context;

    return output_walk_next(&system->walk, ret_run);
}

static enum rc make_worker(struct system *system, struct err *err)
{
    struct worker_config config = {
        .name = system->options->name,
        .url = system->role == ROLE_STANDALONE ? "" : system->options->advertise,
        .version = CRONJOB_VERSION,
        .labels = system->options->labels,
        .run_as = system->options->run_as,
        .may_gain = system->options->new_privileges,
        .seal = seals(system) ? system->seal.known : NULL,
        .unsealed_too = system->options->unsigned_jobs,
        .alone = system->role == ROLE_STANDALONE,
        .store = system->store,
        .coordination = system->coordination,
        .events = system->events,
        .zones = system->zones,
        .clock = system->clock,
        .journal = system->journal,
        .objects = system->objects,
        .files = system->files,
        .cache_limit = system->options->cache_limit,
        .cron_table = system->cron_table,
        .fires = system->fires,
        .boot_at = system->boot_at,
        /* In a cluster others may take over when we are gone. */
        .lease = system->role == ROLE_STANDALONE ? WORKER_LEASE : CLUSTER_LEASE,
        .outputs = system->outputs,
        .spool = system->options->data,
        .next_output = next_output,
        .context = system,
        .clock_is_synchronised = posix_clock_is_synchronised,
        .random = process_fill_random,
    };
    struct posix_launcher_config launcher = {
        .data_directory = system->options->data,
        .arguments = guardian_arguments(system),
        .clock = system->clock,
        .callback = worker_on_launch,
    };
    enum rc rc;

    system->walk.data_directory = system->options->data;
    rc = worker_new(&config, &system->worker, err);
    if (rc != RC_OK)
        return rc;
    launcher.context = system->worker;
    rc = posix_launcher_new(&launcher, &system->launcher, err);
    if (rc == RC_OK)
        worker_attach(system->worker, system->launcher);
    return rc;
}

/* ---- the gate -------------------------------------------------------------------------------- */

static bool leads(void *context)
{
    struct system *system = context;

    return manager_leads(system->manager);
}

static enum rc is_ready(void *context, struct err *err)
{
    struct system *system = context;

    return system->manager ? manager_is_ready(system->manager, err)
                           : worker_is_ready(system->worker, err);
}

static enum rc make_gate(struct system *system, struct err *err)
{
    struct link_gate_config config = {
        .address = system->options->address,
        .port = system->options->port,
        .certificate = system_certificate(system),
        .secret = &system->secret,
        .clock = system->clock,
        .mono = posix_mono,
        .store = system->store,
        .ready = is_ready,
        .context = system,
    };

    if (system->manager) {
        config.changes = system->changes;
        config.events = system->local_events;
        config.leads = leads;
    } else {
        config.outputs = system->outputs;
    }
    return link_gate_new(&config, &system->gate, err);
}

/* ---- all of them ----------------------------------------------------------------------------- */

enum rc system_make_roles(struct system *system, struct err *err)
{
    enum rc rc = system_read_certificate(system, err);

    if (rc == RC_OK && system_is(system, HAS_MANAGER))
        rc = make_manager(system, err);
    if (rc == RC_OK && system_is(system, HAS_WORKER))
        rc = make_worker(system, err);
    if (rc == RC_OK && system_is(system, HAS_API))
        rc = make_api(system, err);
    if (rc == RC_OK && system_is(system, ROLE_MANAGER | ROLE_WORKER))
        rc = make_gate(system, err);
    system_forget_certificate(system);
    return rc;
}

enum rc system_start_roles(struct system *system, struct err *err)
{
    enum rc rc = RC_OK;

    if (system->manager)
        rc = manager_start(system->manager, err);
    if (rc == RC_OK && system->worker)
        rc = worker_start(system->worker, err);
    if (rc != RC_OK)
        return rc;
    if (system->api)
        api_set_ready(system->api, true, NULL);
    log_info("cronjob started", LOG_TEXT("address", system->options->address),
             LOG_U64("port", system->api ? api_port(system->api) : link_gate_port(system->gate)),
             LOG_TEXT("data", system->options->data));
    return RC_OK;
}

/* Requests under way get their answers first, then the roles end; runs stay with the guardian. */
void system_stop_roles(struct system *system)
{
    if (system->api)
        api_drain(system->api, system->options->drain_timeout);
    if (system->role == ROLE_API && system->changes)
        link_changes_stop(system->changes);
    if (system->gate)
        link_gate_drain(system->gate, GATE_DRAIN);
    if (system->worker)
        worker_stop(system->worker);
    if (system->manager)
        manager_stop(system->manager);
}

void system_free_roles(struct system *system)
{
    link_gate_free(system->gate);
    worker_free(system->worker);
    launcher_free(system->launcher);
    output_walk_release(&system->walk);
    manager_free(system->manager);
    api_free(system->api);
}
