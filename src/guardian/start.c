/* SPDX-License-Identifier: Apache-2.0 */
#include "guardian/start.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#include "guardian/birth.h"
#include "guardian/drop.h"

enum { STACK_SIZE = 64 * 1024, CANNOT_EXECUTE = 126 };

/* clang-format off */
#define STEP_TABLE(X)                                  \
    X(STEP_BIRTH,     "clone")                         \
    X(STEP_SESSION,   "session")                       \
    X(STEP_JOIN,      "cgroup")                        \
    X(STEP_OOM,       "oom_score_adj")                 \
    X(STEP_STREAMS,   "stdin, stdout and stderr")      \
    X(STEP_FILE,      "the file's descriptor")         \
    X(STEP_CLOSE,     "closing descriptors")           \
    X(STEP_SIGNALS,   "signals")                       \
    X(STEP_LIMITS,    "limits")                        \
    X(STEP_NICE,      "nice")                          \
    X(STEP_ACCOUNT,   "becoming the account")          \
    X(STEP_GAINS,     "giving up new privileges")      \
    X(STEP_PARENT,    "the guardian is gone")          \
    X(STEP_DIRECTORY, "working directory")             \
    X(STEP_SCRIPT,    "reading the script at /dev/fd/3 (is /proc mounted?)") \
    X(STEP_EXEC,      "exec")
/* clang-format on */

enum step {
#define STEP_ENUM(code, text) code,
    STEP_TABLE(STEP_ENUM)
#undef STEP_ENUM
};

static const char *const step_texts[] = {
#define STEP_TEXT(code, text) [code] = text,
    STEP_TABLE(STEP_TEXT)
#undef STEP_TEXT
};

/* Seen by both sides: the child writes what failed, the parent reads it once it goes on. */
struct attempt {
    const struct starter *starter;
    const struct start *start;
    pid_t parent;
    size_t joined; /* of start->join_fds, by being born there */
    volatile enum step step;
    const char *volatile part; /* of the step, by name; NULL: the step is one */
    volatile int error;        /* 0: executed */
};

void starter_init(struct starter *starter, const struct rlimit *nofile, bool resets_oom)
{
    *starter =
        (struct starter){.stack = xmalloc(STACK_SIZE), .nofile = *nofile, .resets_oom = resets_oom};
}

void starter_release(struct starter *starter)
{
    free(starter->stack);
    starter->stack = NULL;
}

/* ---- in the child: async-signal-safe calls only, memory of the parent left alone --------------
 */

IN_CHILD static bool join_groups(const struct start *start, size_t joined)
{
    for (size_t i = joined; i < start->join_count; i++)
        if (write(start->join_fds[i], "0", 1) != 1)
            return false;
    return true;
}

/* A run is no more precious than any other process, though the guardian is. */
IN_CHILD static bool reset_oom(const struct starter *starter)
{
    int fd;

    if (!starter->resets_oom)
        return true;
    fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "0", 1) == 1;
}

IN_CHILD static bool set_streams(const struct start *start)
{
    return dup2(start->stdin_fd, STDIN_FILENO) >= 0 && dup2(start->output_fd, STDOUT_FILENO) >= 0 &&
           dup2(start->output_fd, STDERR_FILENO) >= 0;
}

/* To its number, past what the streams were. dup3() of a descriptor to itself is an error. */
IN_CHILD static bool set_file(const struct start *start)
{
    int flag = start->program->keeps_file ? 0 : FD_CLOEXEC;

    if (start->file_fd < 0)
        return true;
    return (start->file_fd == PROGRAM_FILE_FD || dup2(start->file_fd, PROGRAM_FILE_FD) >= 0) &&
           fcntl(PROGRAM_FILE_FD, F_SETFD, flag) == 0;
}

/* The interpreter will open it by this name, as the account that we are by now. */
IN_CHILD static bool can_read_script(const struct start *start)
{
    return !start->program->keeps_file || access(PROGRAM_FILE_PATH, R_OK) == 0;
}

IN_CHILD static void execute(const struct program *program)
{
    if (program->path)
        (void)execve(program->path, program->argv, program->envp);
    else
        (void)syscall(SYS_execveat, PROGRAM_FILE_FD, "", program->argv, program->envp,
                      AT_EMPTY_PATH);
}

/* The guardian has handlers for nothing and ignores SIGPIPE only. */
IN_CHILD static bool reset_signals(void)
{
    struct sigaction action;
    sigset_t none;

    sigemptyset(&none);
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    action.sa_mask = none;
    return sigaction(SIGPIPE, &action, NULL) == 0 && pthread_sigmask(SIG_SETMASK, &none, NULL) == 0;
}

IN_CHILD static bool set_limits(const struct starter *starter)
{
    struct rlimit no_core;

    no_core.rlim_cur = 0;
    no_core.rlim_max = 0;
    return setrlimit(RLIMIT_NOFILE, &starter->nofile) == 0 && setrlimit(RLIMIT_CORE, &no_core) == 0;
}

/* Root is above privileges, and what it starts may be. */
IN_CHILD static bool becomes_account(struct attempt *attempt)
{
    const struct start *start = attempt->start;

    attempt->step = STEP_ACCOUNT;
    if (!start->account->own)
        attempt->part = drop_to(start->account);
    if (attempt->part)
        return false;
    attempt->step = STEP_GAINS;
    if (start->account->uid != 0 && !start->may_gain)
        attempt->part = drop_gains();
    return !attempt->part;
}

IN_CHILD static bool enter_directory(const struct start *start)
{
    if (*start->directory)
        return chdir(start->directory) == 0;
    return chdir(start->account->home) == 0 || chdir("/") == 0;
}

/* A change of account takes the death signal back (prctl(2)), so it is asked for after that. */
IN_CHILD static bool die_with(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/* Answers only when a step has failed: attempt->step. */
IN_CHILD static void become(struct attempt *attempt)
{
    const struct start *start = attempt->start;

    attempt->step = STEP_SESSION;
    if (setsid() < 0)
        return;
    attempt->step = STEP_JOIN;
    if (!join_groups(start, attempt->joined))
        return;
    attempt->step = STEP_OOM;
    if (!reset_oom(attempt->starter))
        return;
    attempt->step = STEP_STREAMS;
    if (!set_streams(start))
        return;
    attempt->step = STEP_FILE;
    if (!set_file(start))
        return;
    attempt->step = STEP_CLOSE;
    if (syscall(SYS_close_range, start->file_fd < 0 ? 3 : PROGRAM_FILE_FD + 1, ~0U, 0) != 0)
        return;
    attempt->step = STEP_SIGNALS;
    if (!reset_signals())
        return;
    attempt->step = STEP_LIMITS;
    if (!set_limits(attempt->starter))
        return;
    attempt->step = STEP_NICE;
    if (start->nice && setpriority(PRIO_PROCESS, 0, start->nice) != 0)
        return;
    (void)umask(022);
    if (!becomes_account(attempt))
        return;
    attempt->step = STEP_PARENT;
    if (!die_with(attempt->parent))
        return;
    attempt->step = STEP_DIRECTORY;
    if (!enter_directory(start))
        return;
    attempt->step = STEP_SCRIPT;
    if (!can_read_script(start))
        return;
    attempt->step = STEP_EXEC;
    execute(start->program);
}

IN_CHILD static void child_main(void *context)
{
    struct attempt *attempt = context;

    become(attempt);
    attempt->error = errno ? errno : ECANCELED;
    _exit(CANNOT_EXECUTE);
}

IN_CHILD static int cloned_main(void *context)
{
    child_main(context);
    return CANNOT_EXECUTE;
}

/* ---- in the parent ------------------------------------------------------------------------- */

static enum rc describe_failure(const struct attempt *attempt, struct err *err)
{
    if (attempt->step == STEP_DIRECTORY)
        return err_errno(err, RC_INVALID, attempt->error, "working directory %.100s",
                         attempt->start->directory);
    if (attempt->step == STEP_EXEC && attempt->start->program->keeps_file)
        return err_errno(err, RC_INVALID, attempt->error, "the script's interpreter %.100s",
                         attempt->start->program->path);
    return err_errno(err, RC_INVALID, attempt->error, "%s",
                     attempt->part ? attempt->part : step_texts[attempt->step]);
}

static bool is_shortage(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE;
}

/*
 * Linux compares the kills that a cgroup has seen with those of the parent's cgroup: who is born in
 * one that was killed before, or from one, is killed at birth, and has not come to its first step.
 */
static bool was_killed_at_birth(const struct attempt *attempt, pid_t pid, int pidfd)
{
    if (attempt->step != STEP_BIRTH)
        return false;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    (void)close(pidfd); /* a pidfd has nothing to lose */
    return true;
}

/* Born in its cgroup if that can be had, else it joins. */
static pid_t make_child(const struct starter *starter, struct attempt *attempt, int *ret_pidfd)
{
    const struct birth birth = {.stack = starter->stack,
                                .stack_size = STACK_SIZE,
                                .entry = child_main,
                                .context = attempt,
                                .cgroup_fd = attempt->start->born_in};
    pid_t pid;

    if (birth.cgroup_fd >= 0) {
        attempt->joined = 1;
        pid = birth_into(&birth, ret_pidfd);
        if (pid < 0 ? is_shortage(errno) : !was_killed_at_birth(attempt, pid, *ret_pidfd))
            return pid;
    }
    attempt->joined = 0;
    return clone(cloned_main, (char *)starter->stack + STACK_SIZE,
                 CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, attempt, ret_pidfd);
}

enum rc start_process(const struct starter *starter, const struct start *start,
                      struct process *ret_process, struct err *err)
{
    struct attempt attempt = {.starter = starter, .start = start, .parent = getpid()};
    struct process process = {.fd = -1};

    process.pid = make_child(starter, &attempt, &process.fd);
    if (process.pid < 0 && is_shortage(errno))
        return err_errno(err, RC_BUSY, errno, "clone");
    if (process.pid < 0)
        return err_errno(err, RC_INVALID, errno, "clone");
    if (attempt.error) {
        while (waitpid(process.pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        (void)close(process.fd); /* a pidfd has nothing to lose */
        return describe_failure(&attempt, err);
    }
    *ret_process = process;
    return RC_OK;
}
