/* SPDX-License-Identifier: Apache-2.0 */
/* A worker on its own threads, on the machine's clock; its runs end as soon as they have begun. */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "adapters/local/coordination.h"
#include "adapters/local/events.h"
#include "adapters/memory/journal.h"
#include "adapters/memory/store.h"
#include "adapters/posix/clock.h"
#include "adapters/posix/zones.h"
#include "testing.h"
#include "wire/job.h"
#include "worker/worker.h"

static const span_us patience = 10 * SECOND;

/* ---- a launcher that lets nothing last ----------------------------------------------------- */

enum { STARTS_MAX = 64 };

struct hasty {
    struct launcher base;
    struct clock *clock;
    struct worker *worker;
    struct run_key runs[STARTS_MAX];
    size_t count;
    bool greeted;
    mono_us lease_until;
    int fd;
};

static struct hasty *hasty_of(struct launcher *launcher)
{
    return container_of(launcher, struct hasty, base);
}

static void wake(const struct hasty *self)
{
    uint64_t one = 1;

    CHECK(write(self->fd, &one, sizeof(one)) == sizeof(one));
}

static enum rc hasty_start(struct launcher *launcher, const struct launch *launch, struct err *err)
{
    struct hasty *self = hasty_of(launcher);

    (void)err;
    CHECK(launch->fenced && self->lease_until > clock_mono(self->clock));
    CHECK(self->count < STARTS_MAX);
    self->runs[self->count++] = launch->run;
    wake(self);
    return RC_OK;
}

static void hasty_about_run(struct launcher *launcher, const struct run_key *run)
{
    (void)launcher;
    (void)run;
}

static void hasty_set_lease(struct launcher *launcher, mono_us until)
{
    hasty_of(launcher)->lease_until = until;
}

static int hasty_fd(struct launcher *launcher)
{
    return hasty_of(launcher)->fd;
}

static void hasty_dispatch(struct launcher *launcher)
{
    struct hasty *self = hasty_of(launcher);
    uint64_t count;

    CHECK(read(self->fd, &count, sizeof(count)) == sizeof(count));
    if (!self->greeted)
        worker_on_launch(self->worker, &(struct launch_event){.kind = LAUNCH_CONNECTED});
    self->greeted = true;
    for (size_t i = 0; i < self->count; i++) {
        struct launch_event event = {.kind = LAUNCH_STARTED, .run = self->runs[i], .reason = ""};

        event.result.started_at = clock_now(self->clock);
        worker_on_launch(self->worker, &event);
        event.kind = LAUNCH_FINISHED;
        event.result.status = RUN_SUCCEEDED;
        event.result.finished_at = clock_now(self->clock);
        worker_on_launch(self->worker, &event);
    }
    self->count = 0;
}

static const struct launcher_ops hasty_ops = {.name = "hasty",
                                              .start = hasty_start,
                                              .kill = hasty_about_run,
                                              .set_lease = hasty_set_lease,
                                              .acknowledge = hasty_about_run,
                                              .fd = hasty_fd,
                                              .dispatch = hasty_dispatch};

/* ---- its world ----------------------------------------------------------------------------- */

struct world {
    struct clock *clock;
    struct zones *zones;
    struct store *store;
    struct events *events;
    struct coordination *coordination;
    struct lease lease;
    struct memory_disk *disk;
    struct journal *journal;
    struct hasty launcher;
    struct worker *worker;
};

static void fill_random(void *data, size_t length)
{
    CHECK(getentropy(data, length) == 0);
}

static void world_open(struct world *world)
{
    struct worker_config config = {.name = "node",
                                   .url = "",
                                   .version = "1",
                                   .lease = 8 * SECOND,
                                   .sign_every = 100 * MILLISECOND,
                                   .random = fill_random};

    log_init(&(struct log_config){.level = LEVEL_ERROR, .fd = STDERR_FILENO});
    config.clock = world->clock = posix_clock_new();
    config.zones = world->zones = posix_zones_new(NULL, NULL);
    config.store = world->store =
        memory_store_new(&(struct memory_store_config){.clock = world->clock});
    config.events = world->events = local_events_new();
    config.coordination = world->coordination = local_coordination_new();
    world->disk = memory_disk_new();
    config.journal = world->journal = memory_journal_open(world->disk);
    config.boot_at = clock_now(world->clock) - HOUR;
    assert_int_equal(coordination_campaign(world->coordination, &(struct candidate){.name = "test"},
                                           INT64_MAX, &world->lease, NULL),
                     RC_OK);
    assert_int_equal(worker_new(&config, &world->worker, NULL), RC_OK);
    world->launcher = (struct hasty){.base.ops = &hasty_ops,
                                     .clock = world->clock,
                                     .worker = world->worker,
                                     .fd = eventfd(0, EFD_CLOEXEC)};
    assert_true(world->launcher.fd >= 0);
    wake(&world->launcher);
    worker_attach(world->worker, &world->launcher.base);
}

static void world_close(struct world *world)
{
    worker_free(world->worker);
    close(world->launcher.fd);
    journal_free(world->journal);
    memory_disk_free(world->disk);
    coordination_free(world->coordination);
    events_free(world->events);
    store_free(world->store);
    zones_free(world->zones);
    clock_free(world->clock);
}

static void give_job(struct world *world)
{
    struct job job = job_default();
    struct store_write write = {.kind = WRITE_JOB_CREATE};
    struct task task = {.kind = TASK_JOB, .revision = 1};
    struct buf document;

    job.executable = "true";
    job.schedule = "* * * * * *";
    job.time_zone = "UTC";
    job.run_as = "alice";
    buf_init(&document, LIMIT_DOCUMENT);
    assert_int_equal(wire_job_document(&job, &document), RC_OK);
    write.job = (struct write_job){.at = clock_now(world->clock),
                                   .job = &job,
                                   .document = document.data,
                                   .document_length = document.length,
                                   .owner = "alice",
                                   .worker = "node"};
    assert_int_equal(store_apply(world->store, &write, 1, NULL), RC_OK);
    buf_release(&document);
    task.job = write.job.id;
    assert_int_equal(
        coordination_assign(world->coordination, world->lease.epoch, "node", &task, 1, NULL),
        RC_OK);
}

static bool count_good(void *context, const struct run_record *run)
{
    *(size_t *)context += run->run.result.status == RUN_SUCCEEDED;
    return true;
}

static size_t good_runs(struct world *world)
{
    struct run_query query = run_query_all();
    size_t count = 0;

    assert_int_equal(store_read_runs(world->store, &query, count_good, &count, NULL), RC_OK);
    return count;
}

static void it_works_on_threads_of_its_own(void **state)
{
    struct world world = {0};
    mono_us until;

    (void)state;
    world_open(&world);
    assert_int_equal(worker_is_ready(world.worker, NULL), RC_UNAVAILABLE);
    give_job(&world);
    until = clock_mono(world.clock) + patience;
    assert_int_equal(worker_start(world.worker, NULL), RC_OK);
    while (good_runs(&world) < 2 && clock_mono(world.clock) < until) {
        (void)poll(NULL, 0, 20);
        (void)worker_due_next_hour(world.worker);
    }
    assert_int_equal(worker_is_ready(world.worker, NULL), RC_OK);
    assert_true(good_runs(&world) >= 2);
    worker_stop(world.worker);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_works_on_threads_of_its_own)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
