/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#include "ports/guardian_protocol.h"

#include "guardian/program.h"
#include "guardian/supervise_run.h"
#include "guardian/tree.h"

/* How long after its instant a run may still find room (a process, a descriptor), and how often it
 * tries. */
static const span_us start_slack = 2 * SECOND;
static const span_us start_retry = 50 * MILLISECOND;

enum { READS_A_TURN = 4 };

static void on_pid(struct loop_source *source, uint32_t events)
{
    struct supervised *run = container_of(source, struct supervised, pid_source);
    struct rusage usage;
    int status;

    (void)events;
    if (wait4(run->pid, &status, WNOHANG, &usage) == run->pid)
        supervised_main_ended(run, status, &usage);
}

static void on_pipe(struct loop_source *source, uint32_t events)
{
    struct supervised *run = container_of(source, struct supervised, pipe_source);
    struct supervisor *supervisor = run->supervisor;
    enum output_state state = output_read(&run->output, supervisor->outputs_fd, &run->key,
                                          supervisor->chunk, READS_A_TURN);

    (void)events;
    if (state == OUTPUT_CLOSED) {
        loop_remove(supervisor->loop, source);
        source->fd = -1;
    }
    if (run->output.written == run->result.output_bytes)
        return;
    run->result.output_bytes = run->output.written;
    if (run->tell_at == LOOP_NO_DEADLINE) {
        run->tell_at = run->told_at + tell_every;
        supervised_rearm(run);
    }
}

/* The two ends of the output and what the run reads; all above 2. */
struct streams {
    int stdin_fd;
    int pipe_read, pipe_write;
};

static void close_streams(struct streams *streams, int null_fd)
{
    if (streams->stdin_fd >= 0 && streams->stdin_fd != null_fd)
        (void)close(streams->stdin_fd);
    if (streams->pipe_write >= 0)
        (void)close(streams->pipe_write);
    streams->stdin_fd = streams->pipe_write = -1;
}

static int open_stdin(const char *text, int null_fd)
{
    size_t length = text ? strlen(text) : 0;
    int fd;

    if (!text)
        return null_fd;
    fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd >= 0 && (write(fd, text, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

static enum rc open_streams(struct streams *streams, const char *stdin_text, int null_fd,
                            struct err *err)
{
    int ends[2];

    *streams = (struct streams){
        .stdin_fd = open_stdin(stdin_text, null_fd), .pipe_read = -1, .pipe_write = -1};
    if (streams->stdin_fd < 0)
        return err_errno(err, RC_BUSY, errno, "stdin");
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close_streams(streams, null_fd);
        return err_errno(err, RC_BUSY, errno, "pipe");
    }
    streams->pipe_read = ends[0];
    streams->pipe_write = ends[1];
    /* Only our end: O_NONBLOCK on the run's would surprise it. */
    (void)fcntl(streams->pipe_read, F_SETFL, O_NONBLOCK);
    return RC_OK;
}

static enum rc execute(struct supervised *run, const struct launch *launch, struct arena *arena,
                       struct process *ret_process, struct err *err)
{
    struct supervisor *supervisor = run->supervisor;
    struct interpreter interpreter = {.argument = ""};
    const struct account *account;
    struct program program;
    struct streams streams;
    struct start start;
    enum rc rc;

    rc = accounts_find(&supervisor->accounts, launch->account, &account, err);
    if (rc != RC_OK)
        return rc;
    if (run->file)
        rc = kept_file_check(run->file, launch, &interpreter, err);
    if (rc != RC_OK)
        return rc;
    rc = open_streams(&streams, launch->stdin_text, supervisor->null_fd, err);
    if (rc != RC_OK)
        return rc;
    program = program_build(launch, &interpreter, account, arena);
    start = (struct start){.program = &program,
                           .account = account,
                           .directory = launch->working_directory,
                           .nice = launch->limits.nice,
                           .may_gain = launch->may_gain,
                           .stdin_fd = streams.stdin_fd,
                           .output_fd = streams.pipe_write,
                           .file_fd = run->file ? run->file->fd : -1,
                           .join_fds = run->group ? run->group->join_fds : NULL,
                           .join_count = run->group ? run->group->join_count : 0,
                           .born_in = run->group ? run->group->folder_fd : -1};
    run->result.started_at = clock_now(supervisor->clock);
    rc = start_process(&supervisor->starter, &start, ret_process, err);
    close_streams(&streams, supervisor->null_fd);
    if (rc == RC_OK)
        output_init(&run->output, streams.pipe_read, launch->limits.output);
    else
        (void)close(streams.pipe_read);
    return rc;
}

static enum rc watch(struct supervised *run, struct err *err)
{
    struct loop *loop = run->supervisor->loop;
    enum rc rc;

    run->pipe_source = (struct loop_source){.fd = run->output.pipe_fd, .ready = on_pipe};
    rc = loop_add(loop, &run->pid_source, EPOLLIN, err);
    if (rc != RC_OK)
        return rc;
    rc = loop_add(loop, &run->pipe_source, EPOLLIN, err);
    if (rc != RC_OK)
        loop_remove(loop, &run->pid_source);
    return rc;
}

/* It runs, but we could not watch it: the kernel's memory for that is used up. */
static void undo(struct supervised *run)
{
    struct supervisor *supervisor = run->supervisor;

    if (supervisor->groups.kills)
        group_signal(&supervisor->groups, run->group, SIGKILL);
    else
        (void)tree_signal(run->pid, &run->key, SIGKILL);
    while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    (void)close(run->pid_source.fd);
    output_finish(&run->output);
}

static uint64_t pid_hash(pid_t pid)
{
    return hash_mix((uint64_t)pid);
}

static void note_begun(struct supervised *run, const struct launch *launch)
{
    struct supervisor *supervisor = run->supervisor;

    run->stage = STAGE_RUNNING;
    run->result.status = RUN_RUNNING;
    run->begun = clock_mono(supervisor->clock);
    run->told_at = run->begun - tell_every;
    run->timeout = launch->timeout;
    run->kill_grace = launch->kill_grace;
    run->stop_at = launch->timeout ? run->begun + launch->timeout : LOOP_NO_DEADLINE;
    run->tell_at = LOOP_NO_DEADLINE;
    table_insert(&supervisor->by_pid, &run->by_pid, pid_hash(run->pid));
    list_append(&supervisor->young, &run->young);
    supervisor->young_count++;
    supervisor->live++;
    if (!supervisor->groups.kills)
        run->slot = registry_add(&supervisor->registry, run->pid, &run->key);
    supervised_rearm(run);
}

static enum rc try_to_begin(struct supervised *run, struct arena *arena, struct err *err)
{
    struct supervisor *supervisor = run->supervisor;
    struct guardian_message message;
    struct process process;
    enum rc rc;

    rc = guardian_decode(run->body, run->body_length, arena, &message, err);
    if (rc == RC_OK)
        rc = groups_take(&supervisor->groups, &message.launch.limits, &run->group, err);
    if (rc != RC_OK)
        return rc;
    rc = execute(run, &message.launch, arena, &process, err);
    if (rc == RC_OK) {
        run->pid = process.pid;
        run->pid_source = (struct loop_source){.fd = process.fd, .ready = on_pid};
        rc = watch(run, err);
        if (rc != RC_OK)
            undo(run);
    }
    if (rc != RC_OK) {
        groups_give_back(&supervisor->groups, run->group);
        run->group = NULL;
        run->result.started_at = INSTANT_NONE;
        return rc;
    }
    note_begun(run, &message.launch);
    return RC_OK;
}

void supervised_begin(struct supervised *run)
{
    struct supervisor *supervisor = run->supervisor;
    mono_us now = clock_mono(supervisor->clock);
    AUTO_ARENA struct arena arena = {0};
    struct err err = {0};
    enum rc rc;

    heap_remove(&supervisor->starts, &run->timer);
    rc = try_to_begin(run, &arena, &err);
    if (rc == RC_BUSY && now < MAX(run->start_at, run->taken_at) + start_slack) {
        heap_set(&supervisor->starts, &run->timer, now + start_retry);
        return;
    }
    if (rc != RC_OK) {
        supervised_end(run, RUN_FAILED, err_message(&err, rc));
        return;
    }
    supervisor->pending_bytes -= run->body_length;
    free(TAKE(run->body));
    kept_files_give_back(&supervisor->files, TAKE(run->file));
    supervised_tell(run, LAUNCH_STARTED);
}
