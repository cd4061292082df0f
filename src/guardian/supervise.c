/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#include "core/run_hash.h"

#include "guardian/supervise_run.h"

/*
 * Many short programs at once make each other late, and us too: no more than YOUNG_MAX processes
 * are younger than young_age. The loop looks at its descriptors after STARTS_A_TURN starts.
 */
enum {
    YOUNG_MAX = 256,
    STARTS_A_TURN = 32,
    PENDING_MAX = 256 * 1024 * 1024, /* bytes of runs that wait */
};

/* Reaping any child costs the kernel a walk over all of them: not for each that ends. */
static const span_us reap_every = 100 * MILLISECOND;

static enum rc open_outputs(int directory_fd, int *ret_fd, struct err *err)
{
    int fd;

    if (mkdirat(directory_fd, OUTPUT_DIRECTORY, 0700) != 0 && errno != EEXIST)
        return err_errno(err, RC_IO, errno, "making the directory " OUTPUT_DIRECTORY);
    fd = openat(directory_fd, OUTPUT_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, RC_IO, errno, "opening the directory " OUTPUT_DIRECTORY);
    *ret_fd = fd;
    return RC_OK;
}

enum rc supervisor_init(struct supervisor *supervisor, const struct supervisor_config *config,
                        struct err *err)
{
    const char *group_path;
    enum rc rc;

    *supervisor = (struct supervisor){.loop = config->loop,
                                      .clock = config->clock,
                                      .sink = config->sink,
                                      .context = config->context,
                                      .live_max = config->live_max,
                                      .files_max = config->files_max};
    rc = open_outputs(config->directory_fd, &supervisor->outputs_fd, err);
    if (rc != RC_OK)
        return rc;
    supervisor->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (supervisor->null_fd < 0) {
        rc = err_errno(err, RC_IO, errno, "opening /dev/null");
        goto close_outputs;
    }
    groups_init(&supervisor->groups, config->id);
    group_path = supervisor->groups.kills ? supervisor->groups.hierarchies[0].path : "";
    rc = registry_open(&supervisor->registry, config->directory_fd, group_path, err);
    if (rc != RC_OK)
        goto release_groups;
    list_init(&supervisor->young);
    list_init(&supervisor->closing);
    list_init(&supervisor->fenced);
    accounts_init(&supervisor->accounts, config->clock);
    starter_init(&supervisor->starter, config->nofile, config->resets_oom);
    supervisor->chunk = xmalloc(OUTPUT_CHUNK);
    return RC_OK;
release_groups:
    groups_release(&supervisor->groups);
    (void)close(supervisor->null_fd);
close_outputs:
    (void)close(supervisor->outputs_fd);
    return rc;
}

static struct supervised *run_of(struct table_node *node)
{
    return node ? container_of(node, struct supervised, by_key) : NULL;
}

static void forget(struct supervised *run)
{
    table_remove(&run->supervisor->by_key, &run->by_key);
    free(run->reason);
    free(run);
}

void supervisor_release(struct supervisor *supervisor)
{
    struct table_node *node = table_after(&supervisor->by_key, NULL);

    while (node) {
        struct table_node *after = table_after(&supervisor->by_key, node);

        CHECK(run_of(node)->stage == STAGE_ENDED);
        forget(run_of(node));
        node = after;
    }
    table_release(&supervisor->by_key);
    table_release(&supervisor->by_pid);
    heap_release(&supervisor->starts);
    heap_release(&supervisor->deadlines);
    starter_release(&supervisor->starter);
    accounts_release(&supervisor->accounts);
    registry_close(&supervisor->registry);
    groups_release(&supervisor->groups);
    kept_files_release(&supervisor->files);
    free(supervisor->chunk);
    (void)close(supervisor->null_fd);
    (void)close(supervisor->outputs_fd);
}

static struct supervised *find(const struct supervisor *supervisor, const struct run_key *key)
{
    struct table_node *node = table_first(&supervisor->by_key, run_key_hash(key));

    while (node && run_key_compare(&container_of(node, struct supervised, by_key)->key, key) != 0)
        node = table_next(node);
    return run_of(node);
}

void supervisor_take(struct supervisor *supervisor, const struct launch *launch, const char *body,
                     size_t length)
{
    struct supervised *run;
    struct err err;

    if (find(supervisor, &launch->run)) {
        if (!launch->command)
            (void)close(launch->file.fd); /* was only read */
        return;
    }
    run = xcalloc(1, sizeof(*run));
    run->supervisor = supervisor;
    run->key = launch->run;
    run->taken_at = clock_mono(supervisor->clock);
    run->start_at =
        run->taken_at + MAX(launch->start_at - clock_now(supervisor->clock), (span_us)0);
    run->body = xmalloc(length);
    memcpy(run->body, body, length);
    run->body_length = length;
    run->result = (struct run_result){.status = RUN_QUEUED,
                                      .started_at = INSTANT_NONE,
                                      .finished_at = INSTANT_NONE,
                                      .exit_code = -1};
    run->stop_at = run->tell_at = LOOP_NO_DEADLINE;
    list_init(&run->young);
    list_init(&run->closing);
    list_init(&run->fenced);
    if (launch->fenced)
        list_append(&supervisor->fenced, &run->fenced);
    supervisor->pending_bytes += length;
    table_insert(&supervisor->by_key, &run->by_key, run_key_hash(&run->key));
    heap_set(&supervisor->starts, &run->timer, run->start_at);
    if (!launch->command &&
        kept_files_take(&supervisor->files, launch->file.fd, &run->file, &err) != RC_OK)
        supervised_end(run, RUN_FAILED, err.message);
}

void supervisor_kill(struct supervisor *supervisor, const struct run_key *key)
{
    struct supervised *run = find(supervisor, key);

    if (run && run->stage == STAGE_WAITING)
        supervised_end(run, RUN_KILLED, NULL);
    else if (run)
        supervised_stop(run, RUN_KILLED);
}

void supervisor_set_lease(struct supervisor *supervisor, mono_us until)
{
    supervisor->lease_until = MAX(supervisor->lease_until, until);
}

void supervisor_acknowledge(struct supervisor *supervisor, const struct run_key *key)
{
    struct supervised *run = find(supervisor, key);

    if (run && run->stage == STAGE_ENDED)
        forget(run);
}

static struct launch_event make_event(const struct supervised *run, enum launch_event_kind kind)
{
    return (struct launch_event){.kind = kind,
                                 .run = run->key,
                                 .result = run->result,
                                 .reason = run->reason ? run->reason : ""};
}

void supervised_tell(struct supervised *run, enum launch_event_kind kind)
{
    struct launch_event event = make_event(run, kind);

    run->supervisor->sink(run->supervisor->context, &event);
}

void supervisor_tell_all(struct supervisor *supervisor, enum launch_event_kind kind,
                         event_sink sink, void *context)
{
    struct table_node *node = table_after(&supervisor->by_key, NULL);

    for (; node; node = table_after(&supervisor->by_key, node)) {
        const struct supervised *run = container_of(node, struct supervised, by_key);
        struct launch_event event = make_event(run, kind);

        if (kind == LAUNCH_KNOWN || run->stage == STAGE_ENDED)
            sink(context, &event);
    }
}

void supervised_rearm(struct supervised *run)
{
    mono_us due = MIN(run->stop_at, run->tell_at);

    if (due == LOOP_NO_DEADLINE)
        heap_remove(&run->supervisor->deadlines, &run->timer);
    else
        heap_set(&run->supervisor->deadlines, &run->timer, due);
}

void supervisor_note_children(struct supervisor *supervisor)
{
    supervisor->orphans_due = true;
}

struct supervised *supervised_find(const struct supervisor *supervisor, pid_t pid)
{
    struct table_node *node = table_first(&supervisor->by_pid, hash_mix((uint64_t)pid));

    while (node && container_of(node, struct supervised, by_pid)->pid != pid)
        node = table_next(node);
    return node ? container_of(node, struct supervised, by_pid) : NULL;
}

/* We are the reaper of what runs left behind (PR_SET_CHILD_SUBREAPER). A main process may come
 * along, when its pidfd was not looked at yet. */
static void reap(struct supervisor *supervisor)
{
    struct supervised *run;
    struct rusage usage;
    struct list *after;
    int status;
    pid_t pid;

    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        run = supervised_find(supervisor, pid);
        if (run)
            supervised_main_ended(run, status, &usage);
    }
    list_for_each_safe (run, after, &supervisor->closing, closing)
        supervised_check_left(run);
}

/* Answers when to come again for it. */
static mono_us reap_when_due(struct supervisor *supervisor, mono_us now)
{
    if (!supervisor->orphans_due)
        return LOOP_NO_DEADLINE;
    if (list_is_empty(&supervisor->closing) && now < supervisor->orphans_reaped_at + reap_every)
        return supervisor->orphans_reaped_at + reap_every;
    supervisor->orphans_due = false;
    supervisor->orphans_reaped_at = now;
    reap(supervisor);
    return LOOP_NO_DEADLINE;
}

static void expire(struct supervisor *supervisor, mono_us now)
{
    struct heap_node *node;

    while ((node = heap_first(&supervisor->deadlines)) && node->due <= now)
        supervised_expire(container_of(node, struct supervised, timer), now);
}

static void let_grow_up(struct supervisor *supervisor, mono_us now)
{
    while (!list_is_empty(&supervisor->young) &&
           list_first(&supervisor->young, struct supervised, young)->begun + young_age <= now) {
        list_remove(supervisor->young.next);
        supervisor->young_count--;
    }
}

/* Starts what is due and has room. Answers when there is room for more that is due: a deadline, or
 * LOOP_NO_DEADLINE when the next event will tell or nothing is due. */
static mono_us start_due(struct supervisor *supervisor, mono_us mono)
{
    mono_us again = LOOP_NO_DEADLINE;
    struct heap_node *node;
    int started = 0;

    let_grow_up(supervisor, mono);
    while ((node = heap_first(&supervisor->starts))) {
        if (node->due > mono) {
            again = node->due;
            break;
        }
        if (supervisor->live >= supervisor->live_max)
            break;
        if (supervisor->young_count >= YOUNG_MAX) {
            again = list_first(&supervisor->young, struct supervised, young)->begun + young_age;
            break;
        }
        if (started++ == STARTS_A_TURN) {
            again = mono;
            break;
        }
        supervised_begin(container_of(node, struct supervised, timer));
    }
    return again;
}

/* Answers when to come again for it. */
static mono_us fence(struct supervisor *supervisor, mono_us now)
{
    if (now >= supervisor->lease_until) {
        while (!list_is_empty(&supervisor->fenced))
            supervised_fence(list_take(&supervisor->fenced, struct supervised, fenced), now);
    }
    return list_is_empty(&supervisor->fenced) ? LOOP_NO_DEADLINE : supervisor->lease_until;
}

bool supervisor_is_full(const struct supervisor *supervisor)
{
    return supervisor->pending_bytes > PENDING_MAX ||
           supervisor->files.by_inode.count >= supervisor->files_max;
}

mono_us supervisor_work(struct supervisor *supervisor)
{
    mono_us now = clock_mono(supervisor->clock);
    mono_us again = fence(supervisor, now);
    struct heap_node *node;

    again = MIN(again, start_due(supervisor, now));
    expire(supervisor, now);
    again = MIN(again, reap_when_due(supervisor, now));
    node = heap_first(&supervisor->deadlines);
    return node ? MIN(again, node->due) : again;
}
