/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/memory/outputs.h"
#include "adapters/memory/store.h"
#include "adapters/posix/clock.h"
#include "adapters/posix/zones.h"
#include "wire/job.h"

static struct clock *mono_clock;

static mono_us read_mono(void)
{
    return clock_mono(mono_clock);
}

void fixture_pause(void)
{
    (void)poll(NULL, 0, 1);
}

uint16_t fixture_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool is_away(void *context)
{
    struct fixture *fixture = context;

    return atomic_load(&fixture->store_is_away);
}

/* ---- the store, and who leads -------------------------------------------------------------- */

static struct store *real_of(struct store *store)
{
    return container_of(store, struct elected, base)->real;
}

static enum rc elected_now(struct store *store, instant_us *ret_now, struct err *err)
{
    return store_now(real_of(store), ret_now, err);
}

static enum rc elected_apply(struct store *store, struct store_write *writes, size_t count,
                             struct err *err)
{
    return store_apply(real_of(store), writes, count, err);
}

static enum rc elected_jobs(struct store *store, const struct job_query *query, job_visit visit,
                            void *context, struct err *err)
{
    return store_read_jobs(real_of(store), query, visit, context, err);
}

static enum rc elected_runs(struct store *store, const struct run_query *query, run_visit visit,
                            void *context, struct err *err)
{
    return store_read_runs(real_of(store), query, visit, context, err);
}

static enum rc elected_workers(struct store *store, worker_visit visit, void *context,
                               struct err *err)
{
    return store_read_workers(real_of(store), visit, context, err);
}

static enum rc elected_tokens(struct store *store, token_visit visit, void *context,
                              struct err *err)
{
    return store_read_tokens(real_of(store), visit, context, err);
}

static enum rc elected_leader(struct store *store, struct leader_record *ret_leader,
                              struct err *err)
{
    struct elected *elected = container_of(store, struct elected, base);
    instant_us ignored;
    enum rc rc = store_now(elected->real, &ignored, err); /* whether it is there */

    if (rc != RC_OK)
        return rc;
    pthread_mutex_lock(&elected->mutex);
    *ret_leader = elected->leader;
    pthread_mutex_unlock(&elected->mutex);
    return RC_OK;
}

static enum rc elected_summary(struct store *store, const char *owner,
                               struct store_summary *ret_summary, struct err *err)
{
    return store_read_summary(real_of(store), owner, ret_summary, err);
}

static const struct store_ops elected_ops = {
    .name = "elected",
    .now = elected_now,
    .apply = elected_apply,
    .read_jobs = elected_jobs,
    .read_runs = elected_runs,
    .read_workers = elected_workers,
    .read_tokens = elected_tokens,
    .read_leader = elected_leader,
    .summary = elected_summary,
};

void fixture_elect(struct fixture *fixture, struct node *node, const char *url)
{
    struct leader_record *leader = &fixture->elected.leader;

    for (size_t i = 0; i < fixture->node_count; i++)
        atomic_store(&fixture->nodes[i].leads, false);
    if (!node)
        return;
    pthread_mutex_lock(&fixture->elected.mutex);
    leader->epoch++;
    (void)snprintf(leader->name, sizeof(leader->name), "%s", node->name);
    (void)snprintf(leader->url, sizeof(leader->url), "%s", url ? url : node->url);
    pthread_mutex_unlock(&fixture->elected.mutex);
    atomic_store(&node->leads, true);
}

/* ---- life ---------------------------------------------------------------------------------- */

struct fixture *fixture_new(void)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct memory_store_config store = {.unreachable = is_away, .context = fixture};

    fixture->clock = posix_clock_new();
    mono_clock = fixture->clock;
    store.clock = fixture->clock;
    fixture->memory = memory_store_new(&store);
    fixture->elected.base.ops = &elected_ops;
    fixture->elected.real = fixture->memory;
    pthread_mutex_init(&fixture->elected.mutex, NULL);
    fixture->store = &fixture->elected.base;
    fixture->zones = posix_zones_new(NULL, NULL);
    fixture->outputs = memory_outputs_new();
    fixture->coordination = local_coordination_new();
    fixture->events = local_events_new();
    fixture->secret.length = 20;
    memset(fixture->secret.bytes, 's', 20);
    return fixture;
}

void fixture_free(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->node_count; i++) {
        if (fixture->nodes[i].gate)
            link_gate_drain(fixture->nodes[i].gate, SECOND);
    }
    for (size_t i = 0; i < fixture->node_count; i++) {
        link_gate_free(fixture->nodes[i].gate);
        events_free(fixture->nodes[i].events);
    }
    manager_free(fixture->manager);
    events_free(fixture->events);
    coordination_free(fixture->coordination);
    outputs_free(fixture->outputs);
    zones_free(fixture->zones);
    pthread_mutex_destroy(&fixture->elected.mutex);
    store_free(fixture->memory);
    clock_free(fixture->clock);
    free(fixture);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static bool leads(void *context)
{
    struct node *node = context;

    return atomic_load(&node->leads);
}

static enum rc ready(void *context, struct err *err)
{
    return leads(context) ? RC_OK : err_fail(err, RC_UNAVAILABLE, "it does not lead");
}

static struct node *add_node(struct fixture *fixture, const char *name)
{
    struct node *node = &fixture->nodes[fixture->node_count++];

    *node = (struct node){.fixture = fixture, .name = name, .events = local_events_new()};
    return node;
}

static void open_gate(struct node *node, struct link_gate_config config)
{
    struct err err = {0};

    config.address = "127.0.0.1";
    config.secret = &node->fixture->secret;
    config.clock = node->fixture->clock;
    config.mono = read_mono;
    config.context = node;
    if (link_gate_new(&config, &node->gate, &err) != RC_OK)
        fail_msg("%s", err.message);
    (void)snprintf(node->url, sizeof(node->url), "http://127.0.0.1:%u", link_gate_port(node->gate));
}

static void need_manager(struct fixture *fixture)
{
    struct manager_config manager = {.name = "manager",
                                     .url = "",
                                     .store = fixture->memory,
                                     .coordination = fixture->coordination,
                                     .events = fixture->events,
                                     .outputs = fixture->outputs,
                                     .zones = fixture->zones,
                                     .clock = fixture->clock,
                                     .keep_runs_for = 365 * DAY,
                                     .keep_runs_of_job = 1000};
    struct err err = {0};

    if (fixture->manager)
        return;
    assert_int_equal(manager_new(&manager, &fixture->manager, &err), RC_OK);
    assert_int_equal(manager_start(fixture->manager, &err), RC_OK);
}

struct node *fixture_add_gate(struct fixture *fixture, const char *name, struct changes *changes)
{
    struct node *node = add_node(fixture, name);

    open_gate(node, (struct link_gate_config){.changes = changes,
                                              .events = node->events,
                                              .leads = leads,
                                              .store = fixture->store,
                                              .ready = ready});
    return node;
}

struct node *fixture_add_manager(struct fixture *fixture, const char *name)
{
    need_manager(fixture);
    return fixture_add_gate(fixture, name, manager_changes(fixture->manager));
}

struct node *fixture_add_worker(struct fixture *fixture, const char *name)
{
    struct node *node = add_node(fixture, name);

    open_gate(node, (struct link_gate_config){.outputs = fixture->outputs});
    return node;
}

void fixture_stop_node(struct node *node)
{
    link_gate_free(node->gate);
    node->gate = NULL;
}

/* ---- what is in the store ------------------------------------------------------------------ */

static void apply(struct fixture *fixture, struct store_write *write)
{
    assert_int_equal(store_apply(fixture->store, write, 1, NULL), RC_OK);
    assert_int_equal(write->outcome, RC_OK);
}

void fixture_register_worker(struct fixture *fixture, const char *name, const char *url)
{
    struct store_write write = {.kind = WRITE_WORKER,
                                .worker = {.name = name,
                                           .url = url,
                                           .version = "1.2.3",
                                           .backend = "timer",
                                           .lease_until = clock_now(fixture->clock) + HOUR}};

    apply(fixture, &write);
}

static struct job make_job(void)
{
    struct job job = job_default();

    job.executable = "true";
    job.schedule = "0 5 * * *";
    job.time_zone = "UTC";
    return job;
}

struct run_key fixture_add_run(struct fixture *fixture, const char *worker)
{
    struct job job = make_job();
    struct store_write create = {.kind = WRITE_JOB_CREATE}, queue = {.kind = WRITE_RUN_QUEUE};
    AUTO_BUF struct buf document;

    buf_init(&document, LIMIT_DOCUMENT);
    assert_int_equal(wire_job_document(&job, &document), RC_OK);
    create.job = (struct write_job){.at = clock_now(fixture->clock),
                                    .job = &job,
                                    .document = document.data,
                                    .document_length = document.length,
                                    .owner = "ann",
                                    .worker = worker};
    apply(fixture, &create);
    queue.run = (struct write_run){
        .key = {.job = create.job.id, .scheduled_at = 1764000000 * SECOND, .attempt = 1},
        .trigger = TRIGGER_MANUAL,
        .result = {.status = RUN_QUEUED,
                   .started_at = INSTANT_NONE,
                   .finished_at = INSTANT_NONE,
                   .exit_code = -1},
        .worker = worker,
        .reason = "",
        .request = "",
        .count = 1,
        .until = 1764000000 * SECOND};
    apply(fixture, &queue);
    return queue.run.key;
}

static bool count_job(void *context, const struct job_record *job)
{
    (void)job;
    ++*(size_t *)context;
    return true;
}

size_t fixture_count_jobs(struct fixture *fixture)
{
    struct job_query query = job_query_all();
    size_t count = 0;

    assert_int_equal(store_read_jobs(fixture->store, &query, count_job, &count, NULL), RC_OK);
    return count;
}
