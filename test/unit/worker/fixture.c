/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/posix/zones.h"
#include "wire/job.h"

#define STEP  (50 * MILLISECOND)
#define LEASE (8 * SECOND)

enum { STEPS = 8, MOST_STEPS = 400 }; /* each trip to the store is two */

static enum memory_store_fault ask_fault(void *context, const struct store_write *writes,
                                         size_t count)
{
    struct fixture *fixture = context;
    enum memory_store_fault fault = fixture->fault;

    if (fault == MEMORY_STORE_FAULT_LATE &&
        (!count || writes[count - 1].kind != WRITE_RUN_CLAIM)) /* claims come last */
        return MEMORY_STORE_FAULT_NONE;
    fixture->fault = MEMORY_STORE_FAULT_NONE;
    return fault;
}

static bool is_away(void *context)
{
    struct fixture *fixture = context;

    return fixture->away;
}

static enum memory_objects_fault ask_objects(void *context, enum memory_objects_call call,
                                             const char *key)
{
    struct fixture *fixture = context;

    (void)key;
    fixture->downloads += call == MEMORY_OBJECTS_GET;
    return fixture->objects_fault;
}

static void note_file(struct fixture *fixture, const struct launch *launch)
{
    ssize_t length = pread(launch->file.fd, fixture->text, sizeof(fixture->text) - 1, 0);

    assert_true(length >= 0);
    fixture->text[length] = '\0';
    (void)snprintf(fixture->filename, sizeof(fixture->filename), "%s", launch->filename);
}

static struct memory_plan plan(void *context, const struct launch *launch)
{
    struct fixture *fixture = context;

    if (fixture->execution_count < ARRAY_SIZE(fixture->executed))
        fixture->executed[fixture->execution_count] = launch->run;
    fixture->execution_count++;
    (void)snprintf(fixture->argument, sizeof(fixture->argument), "%s",
                   launch->args.count ? launch->args.items[0] : "");
    if (!launch->command)
        note_file(fixture, launch);
    for (size_t i = 0; i < launch->env.count; i++) {
        if (!strcmp(launch->env.items[i].name, "CRONJOB_ATTEMPT"))
            (void)snprintf(fixture->attempt, sizeof(fixture->attempt), "%s",
                           launch->env.items[i].value);
    }
    return fixture->plan;
}

/* ---- coordination, as the worker sees it --------------------------------------------------- */

static struct fixture *fixture_of(struct coordination *coordination)
{
    return container_of(coordination, struct fixture, worker_side);
}

static enum rc join(struct coordination *coordination, const char *worker, struct err *err)
{
    struct fixture *fixture = fixture_of(coordination);

    if (fixture->join_rc != RC_OK)
        return err_fail(err, fixture->join_rc, "as the test says");
    return coordination_join(fixture->coordination, worker, err);
}

static mono_us member_until(struct coordination *coordination, const char *worker)
{
    struct fixture *fixture = fixture_of(coordination);

    (void)worker;
    return fixture->is_member ? clock_mono(fixture->clock) + 4 * SECOND : 0;
}

static enum rc watch_tasks(struct coordination *coordination, const char *worker,
                           task_callback callback, void *context, struct err *err)
{
    struct fixture *fixture = fixture_of(coordination);

    if (fixture->is_deaf) {
        fixture->callback = callback;
        return RC_OK;
    }
    return coordination_watch_tasks(fixture->coordination, worker, callback, context, err);
}

void fixture_hear(struct fixture *fixture)
{
    fixture->is_deaf = false;
    assert_int_equal(coordination_watch_tasks(fixture->coordination, "node", fixture->callback,
                                              fixture->worker, NULL),
                     RC_OK);
}

static enum rc consume(struct coordination *coordination, const char *worker,
                       const struct task *task, struct err *err)
{
    return coordination_consume(fixture_of(coordination)->coordination, worker, task, err);
}

static void unwatch(struct coordination *coordination, void *context)
{
    coordination_unwatch(fixture_of(coordination)->coordination, context);
}

/* What a worker calls. */
static const struct coordination_ops worker_side_ops = {.name = "worker's",
                                                        .join = join,
                                                        .member_until = member_until,
                                                        .watch_tasks = watch_tasks,
                                                        .consume = consume,
                                                        .unwatch = unwatch};

struct fixture *fixture_new(void)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct memory_store_config store = {
        .fault = ask_fault, .unreachable = is_away, .context = fixture};

    log_init(&(struct log_config){.level = LEVEL_ERROR, .fd = STDERR_FILENO});
    fixture->clock = memory_clock_new(START);
    store.clock = fixture->store_clock = memory_clock_new(START);
    fixture->worker_side.ops = &worker_side_ops;
    fixture->zones = posix_zones_new(NULL, NULL);
    fixture->store = memory_store_new(&store);
    fixture->events = local_events_new();
    fixture->coordination = local_coordination_new();
    fixture->disk = memory_disk_new();
    fixture->objects = memory_objects_new(&(struct memory_objects_config){
        .clock = fixture->store_clock, .fault = ask_objects, .context = fixture});
    fixture->files = memory_files_new();
    fixture->cache_limit = 1000;
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
    clock_free(fixture->store_clock);
    outputs_free(fixture->outputs);
    files_free(fixture->files);
    objects_free(fixture->objects);
    cron_table_free(fixture->cron_table);
    fires_free(fixture->fires);
    free(fixture);
}

/* ---- the worker ---------------------------------------------------------------------------- */

static void execute(void *context, struct work *work)
{
    struct fixture *fixture = context;

    work_execute(work);
    worker_return(fixture->worker, work);
}

static void fetch(void *context, struct fetch *fetch)
{
    struct fixture *fixture = context;

    if (fixture->holds_fetches) {
        assert_true(fixture->held_count < ARRAY_SIZE(fixture->held));
        fixture->held[fixture->held_count++] = fetch;
        return;
    }
    fetch_execute(fetch);
    worker_return_fetch(fixture->worker, fetch);
}

void fixture_release_fetches(struct fixture *fixture)
{
    fixture->holds_fetches = false;
    while (fixture->held_count)
        fetch(fixture, fixture->held[--fixture->held_count]);
}

const char *fixture_put(struct fixture *fixture, const char *text)
{
    static char hash[CRYPTO_DIGEST_TEXT];
    struct object_source source = {.fd = memfd_create("object", MFD_CLOEXEC),
                                   .size = (int64_t)strlen(text)};
    enum memory_objects_fault fault = fixture->objects_fault;
    uint8_t digest[CRYPTO_DIGEST];
    char key[128];

    fixture->objects_fault = MEMORY_OBJECTS_FAULT_NONE;
    crypto_digest(text, strlen(text), digest);
    (void)snprintf(key, sizeof(key), OBJECT_EXECUTABLES "%s", crypto_digest_text(digest, hash));
    assert_int_equal(write(source.fd, text, strlen(text)), strlen(text));
    assert_int_equal(objects_put(fixture->objects, key, &source, NULL), RC_OK);
    close(source.fd);
    fixture->objects_fault = fault;
    return hash;
}

static void fill_random(void *data, size_t length)
{
    static uint8_t next;

    (void)memset(data, ++next, length);
}

static bool is_synchronised(void *context)
{
    return ((struct fixture *)context)->is_synchronised;
}

static bool next_output(void *context, struct run_key *ret_run)
{
    struct fixture *fixture = context;

    if (!fixture->swept_count)
        return false;
    *ret_run = *fixture->swept++;
    fixture->swept_count--;
    return true;
}

void fixture_start(struct fixture *fixture)
{
    struct worker_config config = {
        .name = "node",
        .url = fixture->url,
        .version = "1.2.3",
        .seal = fixture->seal,
        .unsealed_too = fixture->unsealed_too,
        .store = fixture->store,
        .coordination = &fixture->worker_side,
        .events = fixture->events,
        .zones = fixture->zones,
        .clock = fixture->clock,
        .boot_at = START - HOUR,
        .lease = LEASE,
        .sign_every = 2 * SECOND,
        .clock_is_synchronised = is_synchronised,
        .next_output = fixture->outputs ? next_output : NULL,
        .outputs = fixture->outputs,
        .context = fixture,
        .random = fill_random,
        .execute = execute,
        .execute_context = fixture,
        .fetch = fetch,
        .objects = fixture->objects,
        .files = fixture->files,
        .cache_limit = fixture->cache_limit,
        .cron_table = fixture->cron_table,
        .fires = fixture->fires,
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
    while (fixture->held_count) /* never read, freed with the worker */
        worker_return_fetch(fixture->worker, fixture->held[--fixture->held_count]);
    worker_free(TAKE(fixture->worker));
    launcher_free(TAKE(fixture->launcher));
    journal_free(TAKE(fixture->journal));
}

static bool sleeps(struct fixture *fixture, const struct worker_wake *wake)
{
    return wake->deadline > clock_mono(fixture->clock) &&
           (wake->instant == INSTANT_NONE || wake->instant > clock_now(fixture->clock));
}

static void step(struct fixture *fixture)
{
    struct worker_wake wake = {.deadline = INT64_MAX, .instant = INSTANT_NONE};

    for (int i = 0; i < STEPS || !sleeps(fixture, &wake); i++) {
        assert_true(i < MOST_STEPS); /* or it would never sleep */
        memory_guardian_advance(fixture->guardian);
        if (!fixture->worker)
            continue;
        launcher_dispatch(fixture->launcher);
        wake = worker_step(fixture->worker);
    }
}

void fixture_pass(struct fixture *fixture, span_us span)
{
    step(fixture);
    for (; span > 0; span -= STEP) {
        memory_clock_advance(fixture->clock, MIN(span, STEP));
        memory_clock_advance(fixture->store_clock, MIN(span, STEP));
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
                                   .seal = fixture->sealing,
                                   .owner = "alice",
                                   .worker = "node"};
    fixture_apply(fixture, &write);
    buf_release(&document);
    return write.job.id;
}

void fixture_replace(struct fixture *fixture, job_id id, const struct job *job)
{
    struct store_write write = {.kind = WRITE_JOB_REPLACE};
    struct buf document;

    buf_init(&document, LIMIT_DOCUMENT);
    assert_int_equal(wire_job_document(job, &document), RC_OK);
    write.job = (struct write_job){.id = id,
                                   .at = clock_now(fixture->clock),
                                   .job = job,
                                   .document = document.data,
                                   .document_length = document.length,
                                   .seal = fixture->sealing,
                                   .owner = "alice"};
    fixture_apply(fixture, &write);
    buf_release(&document);
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

struct run_key fixture_queue_run(struct fixture *fixture, job_id job, const char *request)
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
                                        .request = request,
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

/* ---- what tests often say ------------------------------------------------------------------ */

struct run_key fixture_give_tick(struct fixture *fixture, const struct job *job)
{
    job_id id = fixture_create(fixture, job);

    fixture_assign(fixture, id);
    return key_of(id, TICK, 1);
}

/* One tick, in a minute. */
struct run_key fixture_give_first_tick(struct fixture *fixture)
{
    struct job job = fixture_job("1 0 * * *");

    return fixture_give_tick(fixture, &job);
}

static bool count_run(void *context, const struct run_record *run)
{
    (void)run;
    ++*(size_t *)context;
    return true;
}

size_t fixture_count_runs(struct fixture *fixture, job_id job)
{
    struct run_query query = run_query_all();
    size_t count = 0;

    query.job = job;
    assert_int_equal(store_read_runs(fixture->store, &query, count_run, &count, NULL), RC_OK);
    return count;
}

void fixture_expect_unready(struct fixture *fixture, enum rc rc, const char *why)
{
    struct err err = {0};

    assert_int_equal(worker_is_ready(fixture->worker, &err), rc);
    assert_string_equal(err.message, why);
}
