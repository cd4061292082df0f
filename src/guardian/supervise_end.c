/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"

#include "guardian/supervise_run.h"
#include "guardian/tree.h"

/* After KILL, until what hangs in the kernel is left behind. */
static const span_us seconds_to_die = 5 * SECOND;

enum { DRAIN_READS = 16 }; /* chunks: as much as the largest pipe holds */

static bool has_cgroup(const struct supervised *run)
{
    return run->supervisor->groups.kills && run->group;
}

static void signal_all(struct supervised *run, int signal)
{
    const struct supervisor *supervisor = run->supervisor;

    run->was_killed |= signal == SIGKILL;
    if (has_cgroup(run))
        group_signal(&supervisor->groups, run->group, signal);
    else
        (void)tree_signal(run->pid, &run->key, signal);
}

/* What is stopped does not see TERM until it goes on. */
static void terminate_all(struct supervised *run)
{
    signal_all(run, SIGTERM);
    signal_all(run, SIGCONT);
}

void supervised_stop(struct supervised *run, enum run_status verdict)
{
    if (run->stage != STAGE_RUNNING)
        return;
    run->stage = STAGE_STOPPING;
    run->verdict = verdict;
    run->stop_at = clock_mono(run->supervisor->clock) + run->kill_grace;
    supervised_rearm(run);
    terminate_all(run);
}

static bool is_main(void *context, pid_t pid)
{
    return supervised_find(context, pid) != NULL;
}

static bool has_left_processes(struct supervised *run)
{
    struct supervisor *supervisor = run->supervisor;

    if (has_cgroup(run))
        return !group_is_empty(&supervisor->groups, run->group);
    return tree_has_orphans(is_main, supervisor) && tree_signal(run->pid, &run->key, 0);
}

static void drain(struct supervised *run)
{
    struct supervisor *supervisor = run->supervisor;

    (void)output_read(&run->output, supervisor->outputs_fd, &run->key, supervisor->chunk,
                      DRAIN_READS);
    run->result.output_bytes = run->output.written;
}

static enum run_status final_status(const struct supervised *run)
{
    if (run->verdict)
        return run->verdict;
    return run->result.exit_code == 0 ? RUN_SUCCEEDED : RUN_FAILED;
}

static char *describe_end(struct supervised *run)
{
    char span[SPAN_TEXT];

    if (run->verdict == RUN_LOST)
        return xstrdup(LAUNCH_FENCED);
    if (run->verdict == RUN_TIMED_OUT)
        return xasprintf("ran longer than its timeout of %s", span_format(run->timeout, span));
    if (!run->verdict && run->result.exit_code && run->group &&
        group_was_out_of_memory(&run->supervisor->groups, run->group))
        return xstrdup("out of memory: the job's limit was reached");
    return NULL;
}

static void close_output(struct supervised *run)
{
    drain(run);
    if (run->pipe_source.fd >= 0)
        loop_remove(run->supervisor->loop, &run->pipe_source);
    run->pipe_source.fd = -1;
    output_finish(&run->output);
    run->result.output_truncated = output_is_truncated(&run->output);
}

/* No process of it is left, or none that we could do anything about. */
static void finish(struct supervised *run, const char *trouble)
{
    struct supervisor *supervisor = run->supervisor;
    AUTO_FREE char *reason = trouble ? xstrdup(trouble) : describe_end(run);
    span_us cpu = has_cgroup(run) ? group_cpu(&supervisor->groups, run->group) : -1;

    close_output(run);
    if (cpu >= 0)
        run->result.cpu = cpu;
    groups_give_back(&supervisor->groups, TAKE(run->group));
    if (!supervisor->groups.kills)
        registry_remove(&supervisor->registry, run->slot);
    supervisor->live--;
    supervised_end(run, final_status(run), reason);
}

static void leave_young(struct supervised *run)
{
    if (list_is_empty(&run->young))
        return;
    list_remove(&run->young);
    run->supervisor->young_count--;
}

void supervised_main_ended(struct supervised *run, int status, const struct rusage *usage)
{
    struct supervisor *supervisor = run->supervisor;

    loop_remove(supervisor->loop, &run->pid_source);
    (void)close(run->pid_source.fd); /* a pidfd has nothing to lose */
    table_remove(&supervisor->by_pid, &run->by_pid);
    leave_young(run);
    run->result.finished_at = clock_now(supervisor->clock);
    run->result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    run->result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    run->result.cpu = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * SECOND +
                      usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
    run->result.max_rss = usage->ru_maxrss * 1024;
    drain(run);
    if (!has_left_processes(run)) {
        finish(run, NULL);
        return;
    }
    if (run->stage == STAGE_RUNNING)
        run->stop_at = clock_mono(supervisor->clock) + run->kill_grace;
    run->stage = STAGE_CLOSING;
    list_append(&supervisor->closing, &run->closing);
    if (run->was_killed)
        run->stop_at = clock_mono(supervisor->clock);
    else
        terminate_all(run);
    supervised_rearm(run);
}

void supervised_check_left(struct supervised *run)
{
    if (!has_left_processes(run))
        finish(run, NULL);
}

static void kill_now(struct supervised *run, mono_us now)
{
    bool again = run->was_killed;

    if (run->stage == STAGE_CLOSING && again && now >= run->killed_at + seconds_to_die) {
        log_warn("processes could not be killed, ignoring", LOG_U64("job", run->key.job));
        finish(run, "processes of the run could not be killed");
        return;
    }
    signal_all(run, SIGKILL);
    if (!again)
        run->killed_at = now;
    run->stop_at = run->stage == STAGE_CLOSING ? now + seconds_to_die / 5 : LOOP_NO_DEADLINE;
}

void supervised_expire(struct supervised *run, mono_us now)
{
    if (run->tell_at <= now) {
        run->tell_at = LOOP_NO_DEADLINE;
        run->told_at = now;
        supervised_tell(run, LAUNCH_OUTPUT);
    }
    if (run->stop_at <= now) {
        if (run->stage == STAGE_RUNNING)
            supervised_stop(run, RUN_TIMED_OUT);
        else
            kill_now(run, now);
    }
    if (run->stage != STAGE_ENDED)
        supervised_rearm(run);
}

void supervised_fence(struct supervised *run, mono_us now)
{
    if (run->stage == STAGE_WAITING) {
        supervised_end(run, RUN_LOST, LAUNCH_FENCED);
        return;
    }
    if (run->stage == STAGE_RUNNING) {
        run->verdict = RUN_LOST;
        run->stage = STAGE_STOPPING;
    }
    kill_now(run, now);
    if (run->stage != STAGE_ENDED)
        supervised_rearm(run);
}

/* A reason may hold a path or a name that was cut anywhere: what is kept is whole characters. */
static char *copy_reason(const char *reason)
{
    size_t left = strlen(reason), kept = 0, length;

    while ((length = utf8_length(reason + kept, left - kept)) && kept + length <= LIMIT_REASON)
        kept += length;
    return xstrndup(reason, kept);
}

void supervised_end(struct supervised *run, enum run_status status, const char *reason)
{
    struct supervisor *supervisor = run->supervisor;

    heap_remove(run->stage == STAGE_WAITING ? &supervisor->starts : &supervisor->deadlines,
                &run->timer);
    list_remove(&run->closing);
    list_remove(&run->fenced);
    if (run->body)
        supervisor->pending_bytes -= run->body_length;
    free(TAKE(run->body));
    kept_files_give_back(&supervisor->files, TAKE(run->file));
    run->stage = STAGE_ENDED;
    run->result.status = status;
    if (run->result.finished_at == INSTANT_NONE)
        run->result.finished_at = clock_now(supervisor->clock);
    run->reason = reason && *reason ? copy_reason(reason) : NULL;
    supervised_tell(run, LAUNCH_FINISHED);
}
