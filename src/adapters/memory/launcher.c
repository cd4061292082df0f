/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/memory/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"

#include "core/run_hash.h"

#include "ports/guardian_protocol.h"

enum stage { WAITING, RUNNING, ENDED };

struct kept_run {
    struct table_node node;
    struct heap_node timer; /* by mono: WAITING for its start, RUNNING for its end */
    struct run_key key;
    enum stage stage;
    struct buf message; /* START, as a real launcher sends it: a deep copy of the launch */
    struct memory_plan plan;
    struct run_result result;
    char *reason;
    enum run_status verdict; /* RUN_QUEUED, or why we end it */
    int file;                /* of a script or binary, until it has ended; -1: none */
    bool fenced;
    span_us timeout, kill_grace;
    mono_us ends_at, stop_at; /* by itself; by TERM or KILL; INT64_MAX: never */
    bool terminated;
};

struct memory_guardian {
    struct clock *clock;
    memory_planner planner;
    void *context;
    struct table runs;
    struct heap starts, deadlines;
    struct list launchers;
    size_t running;
    size_t fenced;       /* runs not ENDED that are */
    mono_us lease_until; /* before the first: passed long ago */
};

struct queued_event {
    struct list link;
    struct launch_event event;
    char *reason;
};

struct memory_launcher {
    struct launcher base;
    struct list link;
    struct memory_guardian *guardian;
    launch_callback callback;
    void *context;
    struct list events;
    int fd; /* an eventfd, readable while there are events */
    bool connected;
};

static struct memory_launcher *self_of(struct launcher *launcher)
{
    return container_of(launcher, struct memory_launcher, base);
}

/* ---- events -------------------------------------------------------------------------------- */

static void queue(struct memory_launcher *self, const struct launch_event *event)
{
    struct queued_event *queued = xmalloc(sizeof(*queued));
    uint64_t one = 1;

    queued->event = *event;
    queued->reason = xstrdup(event->reason ? event->reason : "");
    queued->event.reason = queued->reason;
    list_append(&self->events, &queued->link);
    CHECK(write(self->fd, &one, sizeof(one)) == sizeof(one));
}

static void free_event(struct queued_event *queued)
{
    list_remove(&queued->link);
    free(queued->reason);
    free(queued);
}

static struct launch_event event_of(const struct kept_run *run, enum launch_event_kind kind)
{
    return (struct launch_event){.kind = kind,
                                 .run = run->key,
                                 .result = run->result,
                                 .reason = run->reason ? run->reason : ""};
}

static void tell(struct memory_guardian *guardian, const struct kept_run *run,
                 enum launch_event_kind kind)
{
    struct launch_event event = event_of(run, kind);
    struct memory_launcher *launcher;

    list_for_each (launcher, &guardian->launchers, link)
        queue(launcher, &event);
}

/* What a launcher hears when it connects. */
static void greet(struct memory_launcher *self)
{
    struct launch_event connected = {.kind = LAUNCH_CONNECTED};
    struct memory_guardian *guardian = self->guardian;
    struct table_node *node;

    for (node = table_after(&guardian->runs, NULL); node;
         node = table_after(&guardian->runs, node)) {
        struct launch_event event =
            event_of(container_of(node, struct kept_run, node), LAUNCH_KNOWN);

        queue(self, &event);
    }
    queue(self, &connected);
    for (node = table_after(&guardian->runs, NULL); node;
         node = table_after(&guardian->runs, node)) {
        const struct kept_run *run = container_of(node, struct kept_run, node);
        struct launch_event event = event_of(run, LAUNCH_FINISHED);

        if (run->stage == ENDED)
            queue(self, &event);
    }
}

/* ---- runs ---------------------------------------------------------------------------------- */

static struct kept_run *find(const struct memory_guardian *guardian, const struct run_key *key)
{
    struct table_node *node = table_first(&guardian->runs, run_key_hash(key));

    while (node && run_key_compare(&container_of(node, struct kept_run, node)->key, key) != 0)
        node = table_next(node);
    return node ? container_of(node, struct kept_run, node) : NULL;
}

static void forget(struct memory_guardian *guardian, struct kept_run *run)
{
    guardian->fenced -= run->fenced && run->stage != ENDED;
    heap_remove(run->stage == WAITING ? &guardian->starts : &guardian->deadlines, &run->timer);
    guardian->running -= run->stage == RUNNING;
    table_remove(&guardian->runs, &run->node);
    buf_release(&run->message);
    if (run->file >= 0)
        (void)close(run->file); /* was only read */
    free(run->reason);
    free(run);
}

static void end(struct memory_guardian *guardian, struct kept_run *run, enum run_status status)
{
    heap_remove(run->stage == WAITING ? &guardian->starts : &guardian->deadlines, &run->timer);
    guardian->running -= run->stage == RUNNING;
    guardian->fenced -= run->fenced;
    run->stage = ENDED;
    run->result.status = status;
    run->result.finished_at = clock_now(guardian->clock);
    tell(guardian, run, LAUNCH_FINISHED);
}

static void rearm(struct memory_guardian *guardian, struct kept_run *run)
{
    mono_us due = MIN(run->ends_at, run->stop_at);

    if (due == INT64_MAX)
        heap_remove(&guardian->deadlines, &run->timer);
    else
        heap_set(&guardian->deadlines, &run->timer, due);
}

static void execute(struct memory_guardian *guardian, struct kept_run *run)
{
    mono_us mono = clock_mono(guardian->clock);
    AUTO_ARENA struct arena arena = {0};
    struct guardian_message message;

    CHECK(guardian_decode(run->message.data + GUARDIAN_HEAD, run->message.length - GUARDIAN_HEAD,
                          &arena, &message, NULL) == RC_OK);
    message.launch.file.fd = run->file;
    run->plan = guardian->planner(guardian->context, &message.launch);
    if (run->plan.failure) {
        run->reason = xstrdup(run->plan.failure);
        end(guardian, run, RUN_FAILED);
        return;
    }
    heap_remove(&guardian->starts, &run->timer);
    run->stage = RUNNING;
    guardian->running++;
    run->result.status = RUN_RUNNING;
    run->result.started_at = clock_now(guardian->clock);
    run->timeout = message.launch.timeout;
    run->kill_grace = message.launch.kill_grace;
    run->ends_at = mono + run->plan.duration;
    run->stop_at = run->timeout ? mono + run->timeout : INT64_MAX;
    tell(guardian, run, LAUNCH_STARTED);
    run->result.output_bytes = run->plan.output_bytes;
    if (run->plan.output_bytes)
        tell(guardian, run, LAUNCH_OUTPUT);
    rearm(guardian, run);
}

static void end_by_signal(struct memory_guardian *guardian, struct kept_run *run, int signal)
{
    run->result.signal = signal;
    end(guardian, run, run->verdict);
}

/* TERM, and KILL after the grace to what ignores it. */
static void stop(struct memory_guardian *guardian, struct kept_run *run, enum run_status verdict)
{
    if (run->terminated)
        return;
    run->terminated = true;
    run->verdict = verdict;
    if (!run->plan.ignores_term) {
        end_by_signal(guardian, run, SIGTERM);
        return;
    }
    run->stop_at = clock_mono(guardian->clock) + run->kill_grace;
    rearm(guardian, run);
}

static void end_by_itself(struct memory_guardian *guardian, struct kept_run *run)
{
    bool good = !run->plan.signal && !run->plan.exit_code;

    run->result.signal = run->plan.signal;
    run->result.exit_code = run->plan.signal ? -1 : run->plan.exit_code;
    end(guardian, run, run->verdict ? run->verdict : good ? RUN_SUCCEEDED : RUN_FAILED);
}

static void expire(struct memory_guardian *guardian, struct kept_run *run, mono_us now)
{
    if (run->ends_at <= now)
        end_by_itself(guardian, run);
    else if (run->terminated)
        end_by_signal(guardian, run, SIGKILL);
    else
        stop(guardian, run, RUN_TIMED_OUT);
}

static void fence_run(struct memory_guardian *guardian, struct kept_run *run)
{
    bool was_executed = run->stage == RUNNING;

    if (!run->verdict) {
        run->verdict = RUN_LOST;
        run->reason = xstrdup(LAUNCH_FENCED);
    }
    if (was_executed)
        end_by_signal(guardian, run, SIGKILL);
    else
        end(guardian, run, RUN_LOST);
}

static void fence(struct memory_guardian *guardian, mono_us now)
{
    struct table_node *node = table_after(&guardian->runs, NULL);

    if (!guardian->fenced || now < guardian->lease_until)
        return;
    for (; node; node = table_after(&guardian->runs, node)) {
        struct kept_run *run = container_of(node, struct kept_run, node);

        if (run->fenced && run->stage != ENDED)
            fence_run(guardian, run);
    }
}

void memory_guardian_advance(struct memory_guardian *guardian)
{
    mono_us mono = clock_mono(guardian->clock);
    struct heap_node *node;

    fence(guardian, mono);
    while ((node = heap_first(&guardian->deadlines)) && node->due <= mono)
        expire(guardian, container_of(node, struct kept_run, timer), mono);
    while ((node = heap_first(&guardian->starts)) && node->due <= mono)
        execute(guardian, container_of(node, struct kept_run, timer));
}

span_us memory_guardian_next(const struct memory_guardian *guardian)
{
    const struct heap_node *start = heap_first(&guardian->starts);
    const struct heap_node *deadline = heap_first(&guardian->deadlines);
    span_us next = INT64_MAX;

    if (start)
        next = MAX(start->due - clock_mono(guardian->clock), 0);
    if (deadline)
        next = MIN(next, MAX(deadline->due - clock_mono(guardian->clock), 0));
    if (guardian->fenced)
        next = MIN(next, MAX(guardian->lease_until - clock_mono(guardian->clock), 0));
    return next == INT64_MAX ? -1 : next;
}

size_t memory_guardian_running(const struct memory_guardian *guardian)
{
    return guardian->running;
}

bool memory_guardian_executes(const struct memory_guardian *guardian, const struct run_key *run)
{
    const struct kept_run *kept = find(guardian, run);

    return kept && kept->stage == RUNNING;
}

static void forget_all(struct memory_guardian *guardian)
{
    struct table_node *node;

    while ((node = table_after(&guardian->runs, NULL)))
        forget(guardian, container_of(node, struct kept_run, node));
}

void memory_guardian_kill(struct memory_guardian *guardian)
{
    struct launch_event disconnected = {.kind = LAUNCH_DISCONNECTED};
    struct launch_event connected = {.kind = LAUNCH_CONNECTED};
    struct memory_launcher *launcher;

    forget_all(guardian);
    guardian->lease_until = 0;
    list_for_each (launcher, &guardian->launchers, link) {
        launcher->connected = false;
        queue(launcher, &disconnected);
        queue(launcher, &connected);
    }
}

struct memory_guardian *memory_guardian_new(struct clock *clock, memory_planner planner,
                                            void *context)
{
    struct memory_guardian *guardian = xcalloc(1, sizeof(*guardian));

    guardian->clock = clock;
    guardian->planner = planner;
    guardian->context = context;
    list_init(&guardian->launchers);
    return guardian;
}

void memory_guardian_free(struct memory_guardian *guardian)
{
    if (!guardian)
        return;
    CHECK(list_is_empty(&guardian->launchers));
    forget_all(guardian);
    table_release(&guardian->runs);
    heap_release(&guardian->starts);
    heap_release(&guardian->deadlines);
    free(guardian);
}

/* ---- the port ------------------------------------------------------------------------------ */

static enum rc memory_start(struct launcher *launcher, const struct launch *launch, struct err *err)
{
    struct memory_launcher *self = self_of(launcher);
    struct memory_guardian *guardian = self->guardian;
    struct kept_run *run;
    span_us wait;

    if (!self->connected)
        return err_fail(err, RC_UNAVAILABLE, "the guardian is not connected");
    if (guardian->runs.count >= GUARDIAN_RUNS_MAX)
        return err_fail(err, RC_BUSY, "the guardian takes no more runs now");
    if (find(guardian, &launch->run))
        return RC_OK;
    run = xcalloc(1, sizeof(*run));
    buf_init(&run->message, GUARDIAN_FRAME_MAX);
    if (guardian_put_start(&run->message, launch) != RC_OK) {
        free(run);
        return err_fail(err, RC_TOO_BIG, "a run's arguments and environment are too large");
    }
    run->key = launch->run;
    run->file = launch->command ? -1 : fcntl(launch->file.fd, F_DUPFD_CLOEXEC, 0);
    CHECK(launch->command || run->file >= 0); /* only descriptors can be missing */
    run->fenced = launch->fenced;
    guardian->fenced += launch->fenced;
    run->result = (struct run_result){.status = RUN_QUEUED,
                                      .started_at = INSTANT_NONE,
                                      .finished_at = INSTANT_NONE,
                                      .exit_code = -1};
    table_insert(&guardian->runs, &run->node, run_key_hash(&run->key));
    wait = MAX(launch->start_at - clock_now(guardian->clock), (span_us)0);
    heap_set(&guardian->starts, &run->timer, clock_mono(guardian->clock) + wait);
    return RC_OK;
}

static void memory_kill(struct launcher *launcher, const struct run_key *key)
{
    struct memory_launcher *self = self_of(launcher);
    struct kept_run *run = self->connected ? find(self->guardian, key) : NULL;

    if (run && run->stage == WAITING)
        end(self->guardian, run, RUN_KILLED);
    else if (run && run->stage == RUNNING)
        stop(self->guardian, run, RUN_KILLED);
}

static void memory_set_lease(struct launcher *launcher, mono_us until)
{
    struct memory_launcher *self = self_of(launcher);

    if (self->connected)
        self->guardian->lease_until = MAX(self->guardian->lease_until, until);
}

static void memory_acknowledge(struct launcher *launcher, const struct run_key *key)
{
    struct memory_launcher *self = self_of(launcher);
    struct kept_run *run = self->connected ? find(self->guardian, key) : NULL;

    if (run && run->stage == ENDED)
        forget(self->guardian, run);
}

static int memory_fd(struct launcher *launcher)
{
    return self_of(launcher)->fd;
}

static void memory_dispatch(struct launcher *launcher)
{
    struct memory_launcher *self = self_of(launcher);
    uint64_t count;

    (void)!read(self->fd, &count, sizeof(count)); /* EAGAIN: there is nothing */
    while (!list_is_empty(&self->events)) {
        struct queued_event *queued = list_take(&self->events, struct queued_event, link);

        if (queued->event.kind == LAUNCH_CONNECTED)
            self->connected = true;
        self->callback(self->context, &queued->event);
        free_event(queued);
    }
}

static void memory_free(struct launcher *launcher)
{
    struct memory_launcher *self = self_of(launcher);

    while (!list_is_empty(&self->events))
        free_event(list_take(&self->events, struct queued_event, link));
    list_remove(&self->link);
    (void)close(self->fd); /* an eventfd has nothing to lose */
    free(self);
}

struct launcher *memory_launcher_new(struct memory_guardian *guardian, launch_callback callback,
                                     void *context)
{
    static const struct launcher_ops ops = {.name = "memory",
                                            .start = memory_start,
                                            .kill = memory_kill,
                                            .set_lease = memory_set_lease,
                                            .acknowledge = memory_acknowledge,
                                            .fd = memory_fd,
                                            .dispatch = memory_dispatch,
                                            .free = memory_free};
    struct memory_launcher *self = xcalloc(1, sizeof(*self));

    self->base.ops = &ops;
    self->guardian = guardian;
    self->callback = callback;
    self->context = context;
    self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(self->fd >= 0); /* only descriptors can be missing, and this is a test */
    list_init(&self->events);
    list_append(&guardian->launchers, &self->link);
    greet(self);
    return &self->base;
}
