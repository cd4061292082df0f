/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/memory/clock.h"
#include "adapters/memory/outputs.h"
#include "adapters/posix/zones.h"

enum { HEARD_MAX = 4 * 1024 * 1024 };

static enum memory_store_fault ask_fault(void *context, const struct store_write *writes,
                                         size_t count)
{
    struct fixture *fixture = context;

    (void)writes;
    (void)count;
    return fixture->fault;
}

static bool is_away(void *context)
{
    struct fixture *fixture = context;

    return fixture->away;
}

static void hear_tasks(void *context, const struct task *tasks, size_t count)
{
    struct told *told = context;
    struct buf *heard = &told->fixture->heard;
    char id[RUN_ID_TEXT];

    for (size_t i = 0; i < count; i++) {
        (void)buf_printf(heard, "%s %c", told->worker, tasks[i].removed ? '-' : '+');
        if (tasks[i].kind != TASK_JOB)
            (void)buf_printf(heard, "%s %s\n", tasks[i].kind == TASK_RUN ? "run" : "kill",
                             run_id_format(&tasks[i].run, id));
        else
            (void)buf_printf(heard, "job %llu.%llu\n", (unsigned long long)tasks[i].job,
                             (unsigned long long)tasks[i].revision);
    }
}

static void hear_event(void *context, const struct event *event)
{
    struct fixture *fixture = context;

    fixture->events_heard += event->kind != EVENT_WORKER;
}

struct fixture *fixture_new(void)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct memory_store_config store = {
        .fault = ask_fault, .unreachable = is_away, .context = fixture};
    struct manager_config config = {
        .name = "manager", .url = "http://manager:1", .keep_runs_for = DAY, .keep_runs_of_job = 3};

    log_init(&(struct log_config){.level = LEVEL_ERROR, .fd = STDERR_FILENO});
    buf_init(&fixture->heard, HEARD_MAX);
    store.clock = config.clock = fixture->clock = memory_clock_new(START);
    config.zones = fixture->zones = posix_zones_new(NULL, NULL);
    config.store = fixture->store = memory_store_new(&store);
    config.events = fixture->events = local_events_new();
    config.coordination = fixture->coordination = local_coordination_new();
    config.outputs = fixture->outputs = memory_outputs_new();
    seal_keys_derive("the secret", 10, &fixture->seal);
    config.seal = &fixture->seal;
    assert_int_equal(manager_new(&config, &fixture->manager, NULL), RC_OK);
    events_subscribe(fixture->events, hear_event, fixture);
    fixture_step(fixture);
    return fixture;
}

void fixture_free(struct fixture *fixture)
{
    manager_free(fixture->manager);
    outputs_free(fixture->outputs);
    coordination_free(fixture->coordination);
    events_free(fixture->events);
    store_free(fixture->store);
    zones_free(fixture->zones);
    clock_free(fixture->clock);
    buf_release(&fixture->heard);
    free(fixture);
}

void fixture_sign(struct fixture *fixture, const char *worker, instant_us lease_until,
                  const char *zone)
{
    struct pair label = {"zone", zone};
    struct store_write write = {.kind = WRITE_WORKER,
                                .worker = {.name = worker,
                                           .url = "",
                                           .version = "",
                                           .backend = "timer",
                                           .labels = {&label, zone != NULL},
                                           .lease_until = lease_until}};

    fixture_apply(fixture, &write);
}

static struct told *find_told(struct fixture *fixture, const char *worker)
{
    for (size_t i = 0; i < fixture->told_count; i++) {
        if (!strcmp(fixture->told[i].worker, worker))
            return &fixture->told[i];
    }
    fixture->told[fixture->told_count] = (struct told){fixture, worker};
    return &fixture->told[fixture->told_count++];
}

static bool note_worker(void *context, const struct worker_record *worker)
{
    const char **name = context;

    if (*name && !strcmp(worker->name, *name))
        *name = NULL;
    return true;
}

static bool is_in_store(struct fixture *fixture, const char *worker)
{
    assert_int_equal(store_read_workers(fixture->store, note_worker, &worker, NULL), RC_OK);
    return !worker;
}

void fixture_join(struct fixture *fixture, const char *worker)
{
    if (!fixture->away && !is_in_store(fixture, worker))
        fixture_sign(fixture, worker, INSTANT_MAX, NULL);
    assert_int_equal(coordination_watch_tasks(fixture->coordination, worker, hear_tasks,
                                              find_told(fixture, worker), NULL),
                     RC_OK);
    assert_int_equal(coordination_join(fixture->coordination, worker, NULL), RC_OK);
    fixture_step(fixture);
}

void fixture_leave(struct fixture *fixture, const char *worker)
{
    assert_int_equal(coordination_leave(fixture->coordination, worker, NULL), RC_OK);
    fixture_step(fixture);
}

void fixture_step(struct fixture *fixture)
{
    while (manager_step(fixture->manager) <= clock_mono(fixture->clock)) {
        /* there is more */
    }
}

void fixture_wait(struct fixture *fixture, span_us span)
{
    for (; span > 0; span -= SECOND) {
        memory_clock_advance(fixture->clock, MIN(span, SECOND));
        fixture_step(fixture);
    }
}

void fixture_expect(struct fixture *fixture, const char *lines)
{
    assert_string_equal(fixture->heard.length ? fixture->heard.data : "", lines);
    buf_reset(&fixture->heard);
}

/* ---- changes ------------------------------------------------------------------------------- */

static void note_done(struct change *change)
{
    bool *done = change->context;

    assert_false(*done);
    *done = true;
}

struct change *change_new(enum change_kind kind, job_id id)
{
    struct change *change = xcalloc(1, sizeof(*change));

    change->kind = kind;
    change->id = id;
    change->owner = "alice";
    change->job = job_default();
    change->job.executable = "echo";
    change->job.schedule = "* * * * *";
    change->job.time_zone = "UTC";
    change->job.run_as = "alice";
    change->done = note_done;
    change->context = xcalloc(1, sizeof(bool));
    return change;
}

void change_free(struct change *change)
{
    arena_release(&change->arena);
    free(change->context);
    free(change);
}

bool change_is_done(const struct change *change)
{
    return *(const bool *)change->context;
}

void fixture_submit(struct fixture *fixture, struct change *change)
{
    assert_int_equal(changes_submit(manager_changes(fixture->manager), change, NULL), RC_OK);
}

enum rc fixture_change(struct fixture *fixture, struct change *change)
{
    enum rc outcome;

    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_true(change_is_done(change));
    outcome = change->outcome;
    if (outcome != RC_OK)
        assert_true(change->err.message[0] != '\0');
    change_free(change);
    return outcome;
}

job_id fixture_create(struct fixture *fixture)
{
    struct change *change = change_new(CHANGE_JOB_CREATE, 0);
    job_id id;

    fixture_submit(fixture, change);
    fixture_step(fixture);
    assert_int_equal(change->outcome, RC_OK);
    id = change->id;
    change_free(change);
    return id;
}

/* ---- the store ----------------------------------------------------------------------------- */

void fixture_apply(struct fixture *fixture, struct store_write *write)
{
    assert_int_equal(store_apply(fixture->store, write, 1, NULL), RC_OK);
    assert_int_equal(write->outcome, RC_OK);
}

static bool take_job(void *context, const struct job_record *job)
{
    *(struct job_record *)context = *job;
    return false;
}

static bool take_run(void *context, const struct run_record *run)
{
    *(struct run_record *)context = *run;
    return false;
}

static bool count_run(void *context, const struct run_record *run)
{
    (void)run;
    ++*(size_t *)context;
    return true;
}

struct job_record fixture_job(struct fixture *fixture, job_id id)
{
    struct job_query query = job_query_all();
    struct job_record job = {0};

    query.ids = &id;
    query.id_count = 1;
    query.parts = JOB_PART_CURSOR | JOB_PART_DOCUMENT;
    assert_int_equal(store_read_jobs(fixture->store, &query, take_job, &job, NULL), RC_OK);
    return job;
}

struct run_record fixture_run(struct fixture *fixture, const struct run_key *key)
{
    struct run_query query = run_query_all();
    struct run_record run = {0};

    query.keys = key;
    query.key_count = 1;
    assert_int_equal(store_read_runs(fixture->store, &query, take_run, &run, NULL), RC_OK);
    return run;
}

size_t fixture_count_runs(struct fixture *fixture, job_id job)
{
    struct run_query query = run_query_all();
    size_t count = 0;

    query.job = job;
    assert_int_equal(store_read_runs(fixture->store, &query, count_run, &count, NULL), RC_OK);
    return count;
}
