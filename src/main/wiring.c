/* SPDX-License-Identifier: Apache-2.0 */
#include "main/wiring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/directory/outputs.h"
#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/posix/boot.h"
#include "adapters/posix/clock.h"
#include "adapters/posix/journal.h"
#include "adapters/posix/launcher.h"
#include "adapters/posix/zones.h"
#include "adapters/sqlite/store.h"
#include "api/api.h"
#include "guardian/guardian.h"
#include "manager/manager.h"
#include "worker/worker.h"

#define WORKER_LEASE (15 * SECOND)

/* Everything that stands between start and stop, in the order in which it is made. */
struct standalone {
    const struct wiring_config *config;
    char *store_path;
    struct clock *clock;
    struct zones *zones;
    struct store *store;
    struct journal *journal;
    struct outputs *outputs;
    struct coordination *coordination;
    struct events *events;
    instant_us boot_at;
    struct manager *manager;
    struct worker *worker;
    struct launcher *launcher;
    struct api *api;
};

static struct clock *api_clock; /* for api_mono(), which has no context */

static mono_us api_mono(void)
{
    return clock_mono(api_clock);
}

static void fill_random(void *data, size_t length)
{
    CHECK(getrandom(data, length, 0) == (ssize_t)length);
}

static enum rc make_directory(const char *path, struct err *err)
{
    if (!mkdir(path, 0700) || errno == EEXIST)
        return RC_OK;
    return err_errno(err, RC_IO, errno, "data directory %s cannot be made", path);
}

/* Thousands of connections and of runs need as many descriptors as the system allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        log_warn("limit of open files was not raised, ignoring");
}

static bool is_loopback(const char *address)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return !strcmp(address, "::1") || !strcmp(address, "localhost");
}

static bool found_token(void *context, const struct access_token *token)
{
    bool *found = context;

    (void)token;
    *found = true;
    return false;
}

/* Beyond loopback the kernel cannot say who asks, so somebody must have a token. */
static enum rc check_address(const struct standalone *standalone, struct err *err)
{
    bool has_token = false;
    enum rc rc;

    if (is_loopback(standalone->config->address))
        return RC_OK;
    rc = store_read_tokens(standalone->store, found_token, &has_token, err);
    if (rc != RC_OK || has_token)
        return rc;
    return err_fail(err, RC_FORBIDDEN,
                    "listening on %s would let nobody in, or everybody: there is no token yet; "
                    "start on 127.0.0.1 and make one with `cronjob token create`",
                    standalone->config->address);
}

static enum rc make_adapters(struct standalone *standalone, struct err *err)
{
    const struct wiring_config *config = standalone->config;
    struct sqlite_store_config store = {.path = standalone->store_path};
    enum rc rc;

    standalone->clock = posix_clock_new();
    api_clock = standalone->clock;
    store.clock = standalone->clock;
    standalone->coordination = local_coordination_new();
    standalone->events = local_events_new();
    standalone->zones = posix_zones_new(NULL, NULL);
    rc = sqlite_store_new(&store, &standalone->store, err);
    if (rc == RC_OK)
        rc = posix_journal_open(config->data, &standalone->journal, err);
    if (rc == RC_OK)
        rc = directory_outputs_open(config->data, &standalone->outputs, err);
    if (rc == RC_OK)
        rc = posix_boot_instant(config->data, standalone->clock, &standalone->boot_at, err);
    return rc;
}

static enum rc make_manager(struct standalone *standalone, struct err *err)
{
    struct manager_config config = {
        .name = standalone->config->name,
        .store = standalone->store,
        .coordination = standalone->coordination,
        .events = standalone->events,
        .outputs = standalone->outputs,
        .zones = standalone->zones,
        .clock = standalone->clock,
        .keep_runs_for = standalone->config->keep_runs_for,
        .keep_runs_of_job = standalone->config->keep_runs_of_job,
    };

    return manager_new(&config, &standalone->manager, err);
}

static enum rc make_worker(struct standalone *standalone, struct err *err)
{
    struct worker_config config = {
        .name = standalone->config->name,
        .version = CRONJOB_VERSION,
        .labels = standalone->config->labels,
        .alone = true,
        .store = standalone->store,
        .coordination = standalone->coordination,
        .events = standalone->events,
        .zones = standalone->zones,
        .clock = standalone->clock,
        .journal = standalone->journal,
        .boot_at = standalone->boot_at,
        .lease = WORKER_LEASE,
        .random = fill_random,
    };
    struct posix_launcher_config launcher = {
        .data_directory = standalone->config->data,
        .arguments = standalone->config->guardian_arguments,
        .clock = standalone->clock,
        .callback = worker_on_launch,
    };
    enum rc rc = worker_new(&config, &standalone->worker, err);

    if (rc != RC_OK)
        return rc;
    launcher.context = standalone->worker;
    rc = posix_launcher_new(&launcher, &standalone->launcher, err);
    if (rc == RC_OK)
        worker_attach(standalone->worker, standalone->launcher);
    return rc;
}

static enum rc make_api(struct standalone *standalone, struct err *err)
{
    const struct wiring_config *wiring = standalone->config;
    struct api_config config = {
        .store = standalone->store,
        .changes = manager_changes(standalone->manager),
        .events = standalone->events,
        .outputs = standalone->outputs,
        .zones = standalone->zones,
        .clock = standalone->clock,
        .mono = api_mono,
        .address = wiring->address,
        .port = wiring->port,
        .threads = wiring->threads,
        .connection_limit = wiring->connection_limit,
        .allowed_hosts = wiring->allowed_hosts,
        .allowed_host_count = wiring->allowed_host_count,
        .version = CRONJOB_VERSION,
        .leader = wiring->name,
        .time_zone = wiring->time_zone,
        .due_next_hour = worker_due_next_hour,
        .due_context = standalone->worker,
        .uid = geteuid(),
        .token_only = wiring->token_only,
    };

    return api_new(&config, &standalone->api, err);
}

static enum rc start(struct standalone *standalone, struct err *err)
{
    enum rc rc = make_adapters(standalone, err);

    if (rc == RC_OK)
        rc = check_address(standalone, err);
    if (rc == RC_OK)
        rc = make_manager(standalone, err);
    if (rc == RC_OK)
        rc = make_worker(standalone, err);
    if (rc == RC_OK)
        rc = make_api(standalone, err);
    if (rc == RC_OK)
        rc = manager_start(standalone->manager, err);
    if (rc == RC_OK)
        rc = worker_start(standalone->worker, err);
    if (rc != RC_OK)
        return rc;
    api_set_ready(standalone->api, true, NULL);
    log_info("cronjob started", LOG_TEXT("address", standalone->config->address),
             LOG_U64("port", api_port(standalone->api)),
             LOG_TEXT("data", standalone->config->data));
    return RC_OK;
}

/* Requests under way get their answers first, then the roles end; runs stay with the guardian. */
static void stop(struct standalone *standalone)
{
    if (standalone->api)
        api_drain(standalone->api, standalone->config->drain_timeout);
    if (standalone->worker)
        worker_stop(standalone->worker);
    if (standalone->manager)
        manager_stop(standalone->manager);
    worker_free(standalone->worker);
    launcher_free(standalone->launcher);
    manager_free(standalone->manager);
    api_free(standalone->api);
    outputs_free(standalone->outputs);
    journal_free(standalone->journal);
    store_free(standalone->store);
    zones_free(standalone->zones);
    if (standalone->events)
        events_free(standalone->events);
    coordination_free(standalone->coordination);
    clock_free(standalone->clock);
    free(standalone->store_path);
}

/* Blocks the signals that end us, for all threads to come. */
static void block_signals(sigset_t *ret_set)
{
    CHECK(!sigemptyset(ret_set));
    CHECK(!sigaddset(ret_set, SIGTERM));
    CHECK(!sigaddset(ret_set, SIGINT));
    CHECK(!pthread_sigmask(SIG_BLOCK, ret_set, NULL));
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

enum rc wiring_run_standalone(const struct wiring_config *config, struct err *err)
{
    struct standalone standalone = {.config = config};
    sigset_t signals;
    enum rc rc = make_directory(config->data, err);
    int signal_number;

    if (rc != RC_OK)
        return rc;
    standalone.store_path =
        config->store_path ? xstrdup(config->store_path) : xasprintf("%s/cronjob.db", config->data);
    raise_descriptor_limit();
    block_signals(&signals);
    rc = start(&standalone, err);
    if (rc == RC_OK) {
        CHECK(!sigwait(&signals, &signal_number));
        log_info("cronjob is stopping", LOG_TEXT("signal", sigdescr_np(signal_number)));
    }
    stop(&standalone);
    return rc;
}

enum rc wiring_run_guardian(const char *data, int ready_fd, struct err *err)
{
    struct guardian_config config = {.data_directory = data,
                                     .clock = posix_clock_new(),
                                     .idle = GUARDIAN_IDLE,
                                     .ready_fd = ready_fd};
    enum rc rc = guardian_run(&config, err);

    clock_free(config.clock);
    return rc;
}
