/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports/launcher.h: starts processes and tells how they ended. Behind it stands the guardian.
 *
 * Contract:
 * - start() hands a run over; it never waits. The process is executed at `start_at` or, if that has
 * passed, at once. The same run key handed over twice is executed once.
 * - Events come by the callback given at construction, on the thread that calls dispatch(); a run
 * has STARTED at most once and FINISHED exactly once, and FINISHED is repeated after a reconnection
 * until acknowledge() was called.
 * - After the launcher connects (again) to its guardian, KNOWN comes for every run that the
 * guardian has, waiting, running or finished, then CONNECTED, then FINISHED again for those that
 * are finished and not acknowledged. A run that the worker believes started and that was not KNOWN
 * is lost.
 * - DISCONNECTED: the guardian is gone, its runs with it (their processes were killed as far as
 * they could be found). The launcher starts a new guardian by itself and CONNECTED follows.
 * - set_lease() says until when nobody else may run what this worker runs, as mono() of the clock.
 * What is `fenced` does not live longer: it is killed, the whole tree at once, or not executed
 * (FINISHED, RUN_LOST, LAUNCH_FENCED), whatever has become of the worker. A lease is never
 * shortened. A new guardian has none: it is told after CONNECTED.
 * - A file is executed by its descriptor, which the launcher duplicates: what happens to the file's
 * name changes nothing. Just before it is executed it must have the stamp that the worker saw when
 * it checked the bytes, or the hash. A script is executed by the interpreter that its first line
 * names, and finds itself at /dev/fd/3, the only descriptor that it has besides the first three.
 * - kill() asks for TERM to the whole tree now and KILL after the run's grace; a run that has not
 * begun is not executed (FINISHED, RUN_KILLED).
 * - One thread uses a launcher: the owner of the loop that watches fd().
 */
#ifndef CRONJOB_PORTS_LAUNCHER_H
#define CRONJOB_PORTS_LAUNCHER_H

#include "core/job.h"
#include "core/run.h"

#include "ports/files.h"

struct launcher;

#define LAUNCH_FENCED "the worker lost its lease" /* the reason */

struct launch {
    struct run_key run;
    instant_us start_at;
    const char *account; /* whose uid, gid and groups */
    const char *command; /* a line for the shell; NULL: execute `file` */
    struct file_copy file;
    bool is_script;       /* of the file; else it is a binary */
    const char *sha256;   /* of the file's bytes */
    const char *filename; /* of the file: argv[0] of a binary; "" when it has none */
    struct strings args;  /* after argv[0], or the command line's $1... */
    struct pairs
        env; /* the job's own and CRONJOB_*; cron's HOME LOGNAME USER SHELL PATH lie below */
    const char *stdin_text;        /* NULL: /dev/null */
    const char *working_directory; /* "": the account's home */
    span_us timeout;               /* 0: none */
    span_us kill_grace;
    struct run_limits limits;
    bool may_gain; /* privileges by programs with a set-user-ID bit, such as sudo */
    bool fenced;   /* must not outlive the lease: another worker may run it then */
};

enum launch_event_kind {
    LAUNCH_CONNECTED,
    LAUNCH_DISCONNECTED,
    LAUNCH_KNOWN,    /* run, and result: status RUN_QUEUED (handed over), RUN_RUNNING or final */
    LAUNCH_STARTED,  /* run, result.started_at */
    LAUNCH_OUTPUT,   /* run, result.output_bytes so far; at most every 50 ms a run */
    LAUNCH_FINISHED, /* run, result, reason */
};

struct launch_event {
    enum launch_event_kind kind;
    struct run_key run;
    struct run_result result;
    const char *reason; /* "" or why it failed: "exec: No such file or directory"; valid during the
                           callback */
};

typedef void (*launch_callback)(void *context, const struct launch_event *event);

struct launcher_ops {
    const char *name;
    /* RC_BUSY: too much is handed over already, try after the next event. RC_UNAVAILABLE: not
     * connected. RC_TOO_BIG. */
    enum rc (*start)(struct launcher *launcher, const struct launch *launch, struct err *err);
    void (*kill)(struct launcher *launcher, const struct run_key *run);
    void (*set_lease)(struct launcher *launcher, mono_us until);
    void (*acknowledge)(struct launcher *launcher, const struct run_key *run);
    /* The descriptor to watch for reading (an epoll of its own, the same for ever), and what to
     * call when it is readable. */
    int (*fd)(struct launcher *launcher);
    void (*dispatch)(struct launcher *launcher);
    /* Lets go of the guardian, which stays while it has runs and ends when it has none. */
    void (*free)(struct launcher *launcher);
};

struct launcher {
    const struct launcher_ops *ops;
};

MUST_USE static inline enum rc launcher_start(struct launcher *launcher,
                                              const struct launch *launch, struct err *err)
{
    return launcher->ops->start(launcher, launch, err);
}

static inline void launcher_kill(struct launcher *launcher, const struct run_key *run)
{
    launcher->ops->kill(launcher, run);
}

static inline void launcher_set_lease(struct launcher *launcher, mono_us until)
{
    launcher->ops->set_lease(launcher, until);
}

static inline void launcher_acknowledge(struct launcher *launcher, const struct run_key *run)
{
    launcher->ops->acknowledge(launcher, run);
}

static inline int launcher_fd(struct launcher *launcher)
{
    return launcher->ops->fd(launcher);
}

static inline void launcher_dispatch(struct launcher *launcher)
{
    launcher->ops->dispatch(launcher);
}

static inline void launcher_free(struct launcher *launcher)
{
    if (launcher)
        launcher->ops->free(launcher);
}

#endif
