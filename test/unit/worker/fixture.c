/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/posix/zones.h"
#include "wire/job.h"

#define STEP (50 * MILLISECOND)

static enum memory_store_fault ask_fault(void *context, const struct store_write *writes,
                                         size_t count)
{
    struct fixture *fixture = context;
    enum memory_store_fault fault = fixture->fault;

    (void)writes;
    (void)count;
    fixture->fault = MEMORY_STORE_FAULT_NONE;
    return fault;
}

static bool is_away(void *context)
{
    struct fixture *fixture = context;

    return fixture->away;
}

static struct memory_plan plan(void *context, const struct launch *launch)
{
    struct fixture *fixture = context;

    assert_true(fixture->execution_count < ARRAY_SIZE(fixture->executed));
    fixture->executed[fixture->execution_count++] = launch->run;
    return fixture->plan;
}

struct fixture *fixture_new(void)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct memory_store_config store = {
        .fault = ask_fault, .unreachable = is_away, .context = fixture};

    log_init(&(struct log_config){.level = LEVEL_ERROR, .fd = STDERR_FILENO});
    store.clock = fixture->clock = memory_clock_new(START);
    fixture->zones = posix_zones_new(NULL, NULL);
    fixture->store = memory_store_new(&store);
    fixture->events = local_events_new();
    fixture->coordination = local_coordination_new();
    fixture->disk = memory_disk_new();
    fixture->guardian = memory_guardian_new(fixture->clock, plan, fixture);
    fixture->plan.duration = SECOND;
    fixture->url = "http://node:1";
    assert_int_equal(coordination_campaign(fixture->coordination,
                                           &(struct candidate){.name = "test"}, INT64_MAX,
                                           &fixture->lease, NULL),
                     RC_OK);
    return fixture;
}

void fixture_free(struct fixture *fixture)
{
    fixture_crash(fixture);
    memory_guardian_free(fixture->guardian);
    memory_disk_free(fixture->disk);
    coordination_free(fixture->coordination);
    events_free(fixture->events);
    store_free(fixture->store);
    zones_free(fixture->zones);
    clock_free(fixture->clock);
    free(fixture);
}

/* ---- the worker ---------------------------------------------------------------------------- */

static void execute(void *context, struct work *work)
{
    struct fixture *fixture = context;

    work_execute(work);
    worker_return(fixture->worker, work);
}

static void fill_random(void *data, size_t length)
{
    static uint8_t next;

    (void)memset(data, ++next, length);
}

void fixture_start(struct fixture *fixture)
{
    struct worker_config config = {
        .name = "node",
        .url = fixture->url,
        .version = "1.2.3",
        .store = fixture->store,
        .coordination = fixture->coordination,
        .events = fixture->events,
        .zones = fixture->zones,
        .clock = fixture->clock,
        .boot_at = START - HOUR,
        .lease = 30 * SECOND,
        .random = fill_random,
        .execute = execute,
        .execute_context = fixture,
    };

    config.journal = fixture->journal = memory_journal_open(fixture->disk);
    assert_int_equal(worker_new(&config, &fixture->worker, NULL), RC_OK);
    fixture->launcher = memory_launcher_new(fixture->guardian, worker_on_launch, fixture->worker);
    worker_attach(fixture->worker, fixture->launcher);
}

void fixture_crash(struct fixture *fixture)
{
    if (!fixture->worker)
        return;
    worker_free(TAKE(fixture->worker));
    launcher_free(TAKE(fixture->launcher));
    journal_free(TAKE(fixture->journal));
}

static void step(struct fixture *fixture)
{
    for (int i = 0; i < 8; i++) { /* each trip to the store is two steps */
        memory_guardian_advance(fixture->guardian);
        if (!fixture->worker)
            continue;
        launcher_dispatch(fixture->launcher);
        (void)worker_step(fixture->worker); /* it is stepped again anyway */
    }
}

void fixture_pass(struct fixture *fixture, span_us span)
{
    step(fixture);
    for (; span > 0; span -= STEP) {
        memory_clock_advance(fixture->clock, MIN(span, STEP));
        step(fixture);
    }
}

/* ---- jobs and tasks ------------------------------------------------------------------------ */

struct job fixture_job(const char *schedule)
{
    struct job job = job_default();

    job.executable = "echo";
    job.schedule = schedule;
    job.time_zone = "UTC";
    job.run_as = "alice";
    return job;
}

job_id fixture_create(struct fixture *fixture, const struct job *job)
{
    struct store_write write = {.kind = WRITE_JOB_CREATE};
    struct buf document;

    buf_init(&document, LIMIT_DOCUMENT);
    assert_int_equal(wire_job_document(job, &document), RC_OK);
    write.job = (struct write_job){.at = clock_now(fixture->clock),
                                   .job = job,
                                   .document = document.data,
                                   .document_length = document.length,
                                   .owner = "alice",
                                   .worker = "node"};
    fixture_apply(fixture, &write);
    buf_release(&document);
    return write.job.id;
}

static void assign(struct fixture *fixture, const struct task *task)
{
    assert_int_equal(
        coordination_assign(fixture->coordination, fixture->lease.epoch, "node", task, 1, NULL),
        RC_OK);
}

void fixture_assign(struct fixture *fixture, job_id job)
{
    assign(fixture, &(struct task){.kind = TASK_JOB, .job = job, .revision = 1});
}

void fixture_withdraw(struct fixture *fixture, job_id job)
{
    assign(fixture, &(struct task){.kind = TASK_JOB, .job = job, .removed = true});
}

struct run_key fixture_queue_run(struct fixture *fixture, job_id job)
{
    static instant_us distinct;
    struct run_key run = key_of(job, clock_now(fixture->clock) + ++distinct, 1);
    struct store_write write = {.kind = WRITE_RUN_QUEUE,
                                .run = {.key = run,
                                        .trigger = TRIGGER_MANUAL,
                                        .result = {.status = RUN_QUEUED,
                                                   .started_at = INSTANT_NONE,
                                                   .finished_at = INSTANT_NONE,
                                                   .exit_code = -1},
                                        .worker = "node",
                                        .reason = "",
                                        .request = "",
                                        .count = 1,
                                        .until = run.scheduled_at}};

    fixture_apply(fixture, &write);
    return run;
}

void fixture_say(struct fixture *fixture, enum task_kind kind, const struct run_key *run)
{
    assign(fixture, &(struct task){.kind = kind, .job = run->job, .run = *run});
}

/* ---- the store ----------------------------------------------------------------------------- */

struct run_key key_of(job_id job, instant_us scheduled_at, uint32_t attempt)
{
    return (struct run_key){.scheduled_at = scheduled_at, .job = job, .attempt = attempt};
}

void fixture_apply(struct fixture *fixture, struct store_write *write)
{
    assert_int_equal(store_apply(fixture->store, write, 1, NULL), RC_OK);
    assert_int_equal(write->outcome, RC_OK);
}

static bool take_run(void *context, const struct run_record *run)
{
    *(struct run_record *)context = *run;
    return false;
}

struct run_record fixture_run(struct fixture *fixture, const struct run_key *run)
{
    struct run_query query = run_query_all();
    struct run_record record = {0};
    char id[RUN_ID_TEXT];

    query.keys = run;
    query.key_count = 1;
    assert_int_equal(store_read_runs(fixture->store, &query, take_run, &record, NULL), RC_OK);
    if (!record.run.key.job)
        fail_msg("there is no run %s", run_id_format(run, id));
    return record;
}

void fixture_expect(struct fixture *fixture, const struct run_key *run, enum run_status status,
                    const char *reason)
{
    struct run_record record = fixture_run(fixture, run);

    assert_string_equal(run_status_text(record.run.result.status), run_status_text(status));
    assert_string_equal(record.run.reason, reason);
}
