/* SPDX-License-Identifier: Apache-2.0 */
/* Every clause of ports/coordination.h, over the adapter named by the argument. */
#include "ports/coordination.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#include "adapters/local/coordination.h"
#include "testing.h"

enum { HEARD_MAX = 1024 * 1024 };

#define SOON ((mono_us)INT64_MAX) /* no adapter here lets a candidate wait */

static const struct adapter_row {
    const char *name;
    struct coordination *(*make)(void);
} adapters[] = {{"local", local_coordination_new}};

static const struct adapter_row *adapter;

struct fixture {
    struct coordination *coordination;
    uint64_t epoch;
    struct buf heard; /* one line a task or member, as it came */
};

static uint64_t lead(struct coordination *coordination)
{
    struct lease lease;

    assert_int_equal(coordination_campaign(coordination, &(struct candidate){.name = "manager"},
                                           SOON, &lease, NULL),
                     RC_OK);
    return lease.epoch;
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.coordination = adapter->make()};
    fixture.epoch = lead(fixture.coordination);
    buf_init(&fixture.heard, HEARD_MAX);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    coordination_free(fixture->coordination);
    buf_release(&fixture->heard);
    return 0;
}

/* ---- what is heard ------------------------------------------------------------------------- */

static void hear_tasks(void *context, const struct task *tasks, size_t count)
{
    struct fixture *fixture = context;
    char id[RUN_ID_TEXT];

    for (size_t i = 0; i < count; i++) {
        char sign = tasks[i].removed ? '-' : '+';

        if (tasks[i].kind == TASK_JOB)
            (void)buf_printf(&fixture->heard, "%cjob %llu.%llu\n", sign,
                             (unsigned long long)tasks[i].job,
                             (unsigned long long)tasks[i].revision);
        else
            (void)buf_printf(&fixture->heard, "%c%s %s\n", sign,
                             tasks[i].kind == TASK_RUN ? "run" : "kill",
                             run_id_format(&tasks[i].run, id));
    }
}

static void hear_member(void *context, const struct member *member)
{
    struct fixture *fixture = context;

    (void)buf_printf(&fixture->heard, "%c%s\n", member->gone ? '-' : '+', member->name);
}

static void expect(struct fixture *fixture, const char *lines)
{
    assert_string_equal(fixture->heard.length ? fixture->heard.data : "", lines);
    buf_reset(&fixture->heard);
}

static void watch_tasks(struct fixture *fixture, const char *worker)
{
    assert_int_equal(
        coordination_watch_tasks(fixture->coordination, worker, hear_tasks, fixture, NULL), RC_OK);
}

static void watch_members(struct fixture *fixture)
{
    assert_int_equal(coordination_watch_members(fixture->coordination, hear_member, fixture, NULL),
                     RC_OK);
}

/* ---- what is said -------------------------------------------------------------------------- */

static struct task job_task(job_id job, uint64_t revision)
{
    return (struct task){.kind = TASK_JOB, .job = job, .revision = revision};
}

static struct task run_task(enum task_kind kind, job_id job)
{
    struct run_key run = {.scheduled_at = 60 * SECOND, .job = job, .attempt = 1};

    return (struct task){.kind = kind, .job = job, .run = run};
}

static void assign(struct fixture *fixture, const char *worker, struct task task)
{
    assert_int_equal(
        coordination_assign(fixture->coordination, fixture->epoch, worker, &task, 1, NULL), RC_OK);
}

static void withdraw(struct fixture *fixture, const char *worker, struct task task)
{
    task.removed = true;
    assign(fixture, worker, task);
}

static void consume(struct fixture *fixture, const char *worker, struct task task)
{
    assert_int_equal(coordination_consume(fixture->coordination, worker, &task, NULL), RC_OK);
}

/* ---- leading ------------------------------------------------------------------------------- */

static void the_epoch_grows_with_every_leader(void **state)
{
    struct fixture *fixture = *state;
    uint64_t next = lead(fixture->coordination);

    assert_true(next > fixture->epoch);
    assert_true(lead(fixture->coordination) > next);
}

static void a_deposed_leader_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct task task = job_task(1, 1);
    struct err err = {0};

    watch_tasks(fixture, "node");
    (void)lead(fixture->coordination);
    assert_int_equal(
        coordination_assign(fixture->coordination, fixture->epoch, "node", &task, 1, &err),
        RC_STALE);
    assert_true(err.message[0] != '\0');
    watch_tasks(fixture, "node");
    expect(fixture, "");
}

/* ---- tasks --------------------------------------------------------------------------------- */

static void a_watcher_hears_each_change(void **state)
{
    struct fixture *fixture = *state;

    watch_tasks(fixture, "node");
    expect(fixture, "");
    assign(fixture, "node", job_task(1, 1));
    assign(fixture, "node", job_task(1, 2));
    assign(fixture, "node", run_task(TASK_RUN, 1));
    withdraw(fixture, "node", job_task(1, 2));
    expect(fixture, "+job 1.1\n+job 1.2\n+run 1-60-1\n-job 1.2\n");
}

static void a_watcher_that_comes_later_gets_what_is_there(void **state)
{
    struct fixture *fixture = *state;

    assign(fixture, "node", job_task(1, 1));
    assign(fixture, "node", job_task(1, 2));
    assign(fixture, "node", job_task(2, 1));
    withdraw(fixture, "node", job_task(2, 1));
    watch_tasks(fixture, "node");
    expect(fixture, "+job 1.2\n");
}

static void the_tasks_of_others_are_not_heard(void **state)
{
    struct fixture *fixture = *state;

    watch_tasks(fixture, "node");
    assign(fixture, "other", job_task(1, 1));
    expect(fixture, "");
    watch_tasks(fixture, "other");
    expect(fixture, "+job 1.1\n");
}

static void saying_it_twice_is_fine(void **state)
{
    struct fixture *fixture = *state;

    withdraw(fixture, "node", job_task(9, 1));
    withdraw(fixture, "node", run_task(TASK_RUN, 9));
    assign(fixture, "node", run_task(TASK_RUN, 1));
    assign(fixture, "node", run_task(TASK_RUN, 1));
    consume(fixture, "node", run_task(TASK_RUN, 9));
    watch_tasks(fixture, "node");
    expect(fixture, "+run 1-60-1\n");
}

static void a_run_stays_until_it_is_consumed(void **state)
{
    struct fixture *fixture = *state;

    assign(fixture, "node", run_task(TASK_RUN, 1));
    watch_tasks(fixture, "node");
    watch_tasks(fixture, "node");
    expect(fixture, "+run 1-60-1\n+run 1-60-1\n");
    consume(fixture, "node", run_task(TASK_RUN, 1));
    watch_tasks(fixture, "node");
    expect(fixture, "");
}

static void a_run_and_its_kill_are_two_tasks(void **state)
{
    struct fixture *fixture = *state;

    assign(fixture, "node", run_task(TASK_RUN, 1));
    assign(fixture, "node", run_task(TASK_KILL, 1));
    consume(fixture, "node", run_task(TASK_RUN, 1));
    watch_tasks(fixture, "node");
    expect(fixture, "+kill 1-60-1\n");
}

static void a_whole_batch_comes(void **state)
{
    struct fixture *fixture = *state;
    static struct task tasks[LIMIT_BATCH];
    size_t lines = 0;

    for (size_t i = 0; i < LIMIT_BATCH; i++)
        tasks[i] = job_task(i + 1, 1);
    assert_int_equal(coordination_assign(fixture->coordination, fixture->epoch, "node", tasks,
                                         LIMIT_BATCH, NULL),
                     RC_OK);
    watch_tasks(fixture, "node");
    for (size_t i = 0; i < fixture->heard.length; i++)
        lines += fixture->heard.data[i] == '\n';
    assert_int_equal(lines, LIMIT_BATCH);
}

/* ---- members ------------------------------------------------------------------------------- */

static void a_watcher_hears_who_comes_and_goes(void **state)
{
    struct fixture *fixture = *state;

    watch_members(fixture);
    expect(fixture, "");
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    assert_int_equal(coordination_leave(fixture->coordination, "node", NULL), RC_OK);
    expect(fixture, "+node\n-node\n");
}

static void a_watcher_that_comes_later_gets_who_is_there(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(coordination_join(fixture->coordination, "left", NULL), RC_OK);
    assert_int_equal(coordination_leave(fixture->coordination, "left", NULL), RC_OK);
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    assign(fixture, "never", job_task(1, 1));
    watch_members(fixture);
    expect(fixture, "+node\n");
}

static void tasks_outlive_their_worker(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    assign(fixture, "node", job_task(1, 1));
    assert_int_equal(coordination_leave(fixture->coordination, "node", NULL), RC_OK);
    watch_tasks(fixture, "node");
    expect(fixture, "+job 1.1\n");
}

static void who_has_unwatched_hears_nothing(void **state)
{
    struct fixture *fixture = *state;

    watch_tasks(fixture, "node");
    watch_members(fixture);
    coordination_unwatch(fixture->coordination, fixture);
    assign(fixture, "node", job_task(1, 1));
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    expect(fixture, "");
    watch_tasks(fixture, "node");
    expect(fixture, "+job 1.1\n");
}

static int run(const char *name)
{
#define CLAUSE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest clauses[] = {
        CLAUSE(the_epoch_grows_with_every_leader),
        CLAUSE(a_deposed_leader_changes_nothing),
        CLAUSE(a_watcher_hears_each_change),
        CLAUSE(a_watcher_that_comes_later_gets_what_is_there),
        CLAUSE(the_tasks_of_others_are_not_heard),
        CLAUSE(saying_it_twice_is_fine),
        CLAUSE(a_run_stays_until_it_is_consumed),
        CLAUSE(a_run_and_its_kill_are_two_tasks),
        CLAUSE(a_whole_batch_comes),
        CLAUSE(a_watcher_hears_who_comes_and_goes),
        CLAUSE(a_watcher_that_comes_later_gets_who_is_there),
        CLAUSE(tasks_outlive_their_worker),
        CLAUSE(who_has_unwatched_hears_nothing),
    };

    return cmocka_run_group_tests_name(name, clauses, NULL, NULL);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(adapters); i++) {
        adapter = &adapters[i];
        if (!strcmp(adapter->name, argv[1]))
            return run(adapter->name);
    }
    (void)fprintf(stderr, "usage: contract_coordination local\n");
    return 2;
}
