/* SPDX-License-Identifier: Apache-2.0 */
/* Every clause of ports/coordination.h, over the adapter named by the argument. */
#include "ports/coordination.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/posix/clock.h"
#include "adapters/zookeeper/coordination.h"
#include "testing.h"

enum { HEARD_MAX = 1024 * 1024 };

#define LIMIT (20 * SECOND) /* for what comes in its own time */

static struct clock *the_clock;

static struct coordination *zookeeper_new(void)
{
    static int count;
    struct coordination *coordination = NULL;
    char *root = xasprintf("/cronjob-test/%d-%d", (int)getpid(), ++count);
    struct zookeeper_config config = {.hosts = getenv("CRONJOB_TEST_ZOOKEEPER"),
                                      .root = root,
                                      .identity = "test",
                                      .clock = the_clock};

    assert_int_equal(zookeeper_coordination_new(&config, &coordination, NULL), RC_OK);
    free(root);
    return coordination;
}

static const struct adapter_row {
    const char *name;
    struct coordination *(*make)(void);
    const char *server; /* the variable that says where it is; NULL: it needs none */
} adapters[] = {
    {"local", local_coordination_new, NULL},
    {"zookeeper", zookeeper_new, "CRONJOB_TEST_ZOOKEEPER"},
};

static const struct adapter_row *adapter;

struct fixture {
    struct coordination *coordination;
    uint64_t epoch;
    pthread_mutex_t lock; /* protects what is heard */
    struct buf heard;     /* one line a task or member, as it came */
};

static uint64_t lead(struct coordination *coordination)
{
    struct lease lease;

    assert_int_equal(coordination_campaign(coordination, &(struct candidate){.name = "manager"},
                                           posix_mono() + LIMIT, &lease, NULL),
                     RC_OK);
    return lease.epoch;
}

static void settle(struct fixture *fixture, const char *worker)
{
    assert_int_equal(coordination_settle(fixture->coordination, fixture->epoch, worker, NULL),
                     RC_OK);
}

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.coordination = adapter->make()};
    CHECK(!pthread_mutex_init(&fixture.lock, NULL));
    fixture.epoch = lead(fixture.coordination);
    buf_init(&fixture.heard, HEARD_MAX);
    settle(&fixture, "node");
    settle(&fixture, "other");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    coordination_free(fixture->coordination);
    buf_release(&fixture->heard);
    CHECK(!pthread_mutex_destroy(&fixture->lock));
    return 0;
}

/* ---- what is heard ------------------------------------------------------------------------- */

static void hear_tasks(void *context, const struct task *tasks, size_t count)
{
    struct fixture *fixture = context;
    char id[RUN_ID_TEXT];

    CHECK(!pthread_mutex_lock(&fixture->lock));
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
    CHECK(!pthread_mutex_unlock(&fixture->lock));
}

static void hear_member(void *context, const struct member *member)
{
    struct fixture *fixture = context;

    CHECK(!pthread_mutex_lock(&fixture->lock));
    (void)buf_printf(&fixture->heard, "%c%s\n", member->gone ? '-' : '+', member->name);
    CHECK(!pthread_mutex_unlock(&fixture->lock));
}

static size_t lines_heard(struct fixture *fixture)
{
    size_t lines = 0;

    CHECK(!pthread_mutex_lock(&fixture->lock));
    for (size_t i = 0; i < fixture->heard.length; i++)
        lines += fixture->heard.data[i] == '\n';
    CHECK(!pthread_mutex_unlock(&fixture->lock));
    return lines;
}

/* So many lines were heard, or will be within the limit. */
static void wait_for_lines(struct fixture *fixture, size_t count)
{
    mono_us limit = posix_mono() + LIMIT;

    while (lines_heard(fixture) < count && posix_mono() < limit)
        (void)sched_yield();
    if (lines_heard(fixture) < count)
        fail_msg("%zu lines were heard, not %zu", lines_heard(fixture), count);
}

/* Exactly these, in their order. */
static void expect(struct fixture *fixture, const char *lines)
{
    size_t count = 0;

    for (const char *at = lines; *at; at++)
        count += *at == '\n';
    wait_for_lines(fixture, count);
    CHECK(!pthread_mutex_lock(&fixture->lock));
    assert_string_equal(fixture->heard.length ? fixture->heard.data : "", lines);
    buf_reset(&fixture->heard);
    CHECK(!pthread_mutex_unlock(&fixture->lock));
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

static void visit_nothing(void *context, const struct task *task)
{
    int *count = context;

    (void)task;
    ++*count;
}

/* The worker has no tasks, or will have none within the limit. */
static void wait_until_gone(struct fixture *fixture, const char *worker)
{
    mono_us limit = posix_mono() + LIMIT;
    int count;

    do {
        count = 0;
        assert_int_equal(
            coordination_read_tasks(fixture->coordination, worker, visit_nothing, &count, NULL),
            RC_OK);
    } while (count && posix_mono() < limit);
    assert_int_equal(count, 0);
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

    struct task change[] = {job_task(1, 1), job_task(1, 2)};

    change[0].removed = true;
    watch_tasks(fixture, "node");
    expect(fixture, "");
    assign(fixture, "node", job_task(1, 1));
    expect(fixture, "+job 1.1\n");
    assert_int_equal(
        coordination_assign(fixture->coordination, fixture->epoch, "node", change, 2, NULL), RC_OK);
    expect(fixture, "-job 1.1\n+job 1.2\n");
    assign(fixture, "node", run_task(TASK_RUN, 1));
    expect(fixture, "+run 1-60-1\n");
    withdraw(fixture, "node", job_task(1, 2));
    expect(fixture, "-job 1.2\n");
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

static void a_batch_may_say_it_twice(void **state)
{
    struct fixture *fixture = *state;
    struct task tasks[] = {job_task(1, 1), job_task(1, 1), job_task(2, 1), job_task(2, 1),
                           job_task(3, 1), job_task(3, 1), job_task(4, 1), job_task(4, 0)};

    tasks[3].removed = tasks[4].removed = tasks[5].removed = tasks[7].removed = true;
    assign(fixture, "node", job_task(3, 1));
    assert_int_equal(coordination_assign(fixture->coordination, fixture->epoch, "node", tasks,
                                         ARRAY_SIZE(tasks), NULL),
                     RC_OK);
    watch_tasks(fixture, "node");
    expect(fixture, "+job 1.1\n");
}

static void a_run_stays_until_it_is_consumed(void **state)
{
    struct fixture *fixture = *state;

    assign(fixture, "node", run_task(TASK_RUN, 1));
    watch_tasks(fixture, "node");
    expect(fixture, "+run 1-60-1\n");
    watch_tasks(fixture, "node");
    expect(fixture, "+run 1-60-1\n");
    consume(fixture, "node", run_task(TASK_RUN, 1));
    wait_until_gone(fixture, "node");
    watch_tasks(fixture, "node");
    assign(fixture, "node", job_task(1, 1));
    expect(fixture, "+job 1.1\n");
}

static void a_run_and_its_kill_are_two_tasks(void **state)
{
    struct fixture *fixture = *state;

    assign(fixture, "node", run_task(TASK_RUN, 1));
    consume(fixture, "node", run_task(TASK_RUN, 1));
    wait_until_gone(fixture, "node");
    assign(fixture, "node", run_task(TASK_RUN, 1));
    assign(fixture, "node", run_task(TASK_KILL, 1));
    withdraw(fixture, "node", run_task(TASK_RUN, 1));
    watch_tasks(fixture, "node");
    expect(fixture, "+kill 1-60-1\n");
}

static void a_whole_batch_comes(void **state)
{
    struct fixture *fixture = *state;
    static struct task tasks[LIMIT_BATCH];

    for (size_t i = 0; i < LIMIT_BATCH; i++)
        tasks[i] = job_task(i + 1, 1);
    assert_int_equal(coordination_assign(fixture->coordination, fixture->epoch, "node", tasks,
                                         LIMIT_BATCH, NULL),
                     RC_OK);
    watch_tasks(fixture, "node");
    wait_for_lines(fixture, LIMIT_BATCH);
    assert_int_equal(lines_heard(fixture), LIMIT_BATCH);
}

static bool note_task(const struct task *task, struct buf *buf)
{
    char id[RUN_ID_TEXT];

    if (task->kind == TASK_JOB)
        return buf_printf(buf, "job %llu.%llu\n", (unsigned long long)task->job,
                          (unsigned long long)task->revision) == RC_OK;
    return buf_printf(buf, "run %s\n", run_id_format(&task->run, id)) == RC_OK;
}

static void visit_task(void *context, const struct task *task)
{
    assert_true(note_task(task, context));
}

static void visit_worker(void *context, const char *name)
{
    int *seen = context;

    *seen += !strcmp(name, "node") || !strcmp(name, "other");
}

static void a_new_leader_reads_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct buf AUTO_BUF read;
    int seen = 0;

    buf_init(&read, HEARD_MAX);
    assign(fixture, "node", job_task(1, 7));
    assign(fixture, "node", run_task(TASK_RUN, 2));
    assert_int_equal(
        coordination_read_tasks(fixture->coordination, "node", visit_task, &read, NULL), RC_OK);
    assert_string_equal(read.data, "job 1.7\nrun 2-60-1\n");
    buf_reset(&read);
    assert_int_equal(
        coordination_read_tasks(fixture->coordination, "nobody", visit_task, &read, NULL), RC_OK);
    assert_int_equal(read.length, 0);
    assert_int_equal(coordination_read_workers(fixture->coordination, visit_worker, &seen, NULL),
                     RC_OK);
    assert_true(seen >= 1);
}

static void whichever_revision_is_there_is_removed(void **state)
{
    struct fixture *fixture = *state;

    assign(fixture, "node", job_task(1, 7));
    withdraw(fixture, "node", job_task(1, 6));
    watch_tasks(fixture, "node");
    expect(fixture, "+job 1.7\n");
    withdraw(fixture, "node", job_task(1, 0));
    watch_tasks(fixture, "node");
    wait_until_gone(fixture, "node");
}

static void who_leads_knows_until_when(void **state)
{
    struct fixture *fixture = *state;
    mono_us limit = posix_mono() + LIMIT;

    while (coordination_leads_until(fixture->coordination, fixture->epoch) < posix_mono() &&
           posix_mono() < limit)
        (void)sched_yield();
    assert_true(coordination_leads_until(fixture->coordination, fixture->epoch) > posix_mono());
    assert_true(coordination_leads_until(fixture->coordination, fixture->epoch + 1) == 0);
    coordination_resign(fixture->coordination);
    assert_true(coordination_leads_until(fixture->coordination, fixture->epoch) == 0);
}

static void the_epoch_is_above_what_the_store_knows(void **state)
{
    struct fixture *fixture = *state;
    struct candidate candidate = {.name = "manager", .floor = 1000};
    struct lease lease;

    assert_int_equal(coordination_campaign(fixture->coordination, &candidate, posix_mono() + LIMIT,
                                           &lease, NULL),
                     RC_OK);
    assert_true(lease.epoch > 1000);
}

/* ---- members ------------------------------------------------------------------------------- */

static void a_watcher_hears_who_comes_and_goes(void **state)
{
    struct fixture *fixture = *state;

    watch_members(fixture);
    expect(fixture, "");
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    assert_int_equal(coordination_join(fixture->coordination, "node", NULL), RC_OK);
    expect(fixture, "+node\n");
    assert_int_equal(coordination_leave(fixture->coordination, "node", NULL), RC_OK);
    expect(fixture, "-node\n");
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
        CLAUSE(a_batch_may_say_it_twice),
        CLAUSE(a_run_stays_until_it_is_consumed),
        CLAUSE(a_run_and_its_kill_are_two_tasks),
        CLAUSE(a_whole_batch_comes),
        CLAUSE(a_new_leader_reads_what_is_there),
        CLAUSE(whichever_revision_is_there_is_removed),
        CLAUSE(who_leads_knows_until_when),
        CLAUSE(the_epoch_is_above_what_the_store_knows),
        CLAUSE(a_watcher_hears_who_comes_and_goes),
        CLAUSE(a_watcher_that_comes_later_gets_who_is_there),
        CLAUSE(tasks_outlive_their_worker),
        CLAUSE(who_has_unwatched_hears_nothing),
    };

    return cmocka_run_group_tests_name(name, clauses, NULL, NULL);
}

int main(int argc, char **argv)
{
    int failed = 2;

    the_clock = posix_clock_new();
    for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(adapters); i++) {
        adapter = &adapters[i];
        if (strcmp(adapter->name, argv[1]) != 0)
            continue;
        if (adapter->server && !getenv(adapter->server)) {
            (void)printf("skipped: %s is not set\n", adapter->server);
            failed = 77; /* for meson: skipped */
        } else {
            failed = run(adapter->name);
        }
    }
    clock_free(the_clock);
    if (failed == 2)
        (void)fprintf(stderr, "usage: contract_coordination local|zookeeper\n");
    return failed;
}
