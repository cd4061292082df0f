/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guardian/supervise.h: every run that was handed over, from then until it is acknowledged.
 *
 *              start_at         main ended, nothing left
 *     WAITING ---------> RUNNING ----------------------------------> ENDED --acknowledged--> gone
 *        |  \               |  \ main ended, processes left            ^ ^
 *        |   \ failed       |   `----------------------> CLOSING ------' |
 *        |    `-----------------------------------------------------------|
 *        | kill             | kill, timeout: TERM, after the grace KILL  |
 *        |                  v               main ended, processes left    |
 *        |               STOPPING --------------------------> CLOSING ----|
 *        `----------------------------------------------------------------'
 *
 *     stage      process       next by
 *     WAITING    none          its instant, kill
 *     RUNNING    main lives    pidfd, timeout, kill
 *     STOPPING   main lives    pidfd; KILL at the end of the grace
 *     CLOSING    main ended    the last of what it left ends; TERM was sent, KILL at the end of the
 *                              grace; given up SECONDS_TO_DIE later
 *     ENDED      none          acknowledge
 *
 * A run that is fenced does not outlive the worker's lease: WAITING, it is ENDED then; else KILL,
 * without a grace.
 */
#ifndef CRONJOB_GUARDIAN_SUPERVISE_H
#define CRONJOB_GUARDIAN_SUPERVISE_H

#include "base/heap.h"
#include "base/loop.h"
#include "base/table.h"

#include "ports/clock.h"
#include "ports/launcher.h"

#include "guardian/account.h"
#include "guardian/file.h"
#include "guardian/group.h"
#include "guardian/output.h"
#include "guardian/registry.h"
#include "guardian/start.h"

enum stage { STAGE_WAITING, STAGE_RUNNING, STAGE_STOPPING, STAGE_CLOSING, STAGE_ENDED };

struct supervisor;

struct supervised {
    struct table_node by_key, by_pid;
    struct list young;      /* RUNNING and begun a moment ago */
    struct list closing;    /* CLOSING */
    struct list fenced;     /* not ENDED, and not to outlive the lease */
    struct heap_node timer; /* WAITING: in `starts`; else in `deadlines` */
    struct loop_source pid_source, pipe_source;
    struct supervisor *supervisor;
    struct run_key key;
    enum stage stage;
    enum run_status verdict; /* RUN_TIMED_OUT, RUN_KILLED or RUN_LOST when we ended it, else
                                RUN_QUEUED */
    mono_us start_at;        /* a step of the wall clock does not change how long it waits */
    mono_us taken_at;        /* handed over */
    char *body;              /* the START message, until it has begun */
    size_t body_length;
    struct kept_file *file; /* to be executed, until it has begun; NULL: a command */
    pid_t pid;
    struct group *group; /* NULL: none */
    bool was_killed;     /* KILL was sent, first at killed_at */
    mono_us killed_at;
    unsigned slot; /* in the registry, when there are no cgroups */
    span_us timeout, kill_grace;
    mono_us begun;
    mono_us stop_at; /* RUNNING: the timeout; STOPPING, CLOSING: KILL; LOOP_NO_DEADLINE */
    mono_us tell_at; /* when to tell of output next; LOOP_NO_DEADLINE: nothing new */
    mono_us told_at;
    struct output output;
    struct run_result result;
    char *reason; /* NULL: none */
};

/* The event is valid during the call. */
typedef void (*event_sink)(void *context, const struct launch_event *event);

struct supervisor {
    struct loop *loop;
    struct clock *clock;
    event_sink sink;
    void *context;
    int outputs_fd;
    int null_fd;
    struct table by_key, by_pid;
    struct heap starts, deadlines;
    struct list young, closing, fenced;
    mono_us lease_until; /* of the worker; before the first: passed long ago */
    size_t young_count, live, live_max, files_max;
    size_t pending_bytes; /* of bodies */
    bool orphans_due;     /* SIGCHLD came */
    mono_us orphans_reaped_at;
    struct starter starter;
    struct accounts accounts;
    struct groups groups;
    struct registry registry;
    struct kept_files files;
    char *chunk;
};

struct supervisor_config {
    struct loop *loop;
    struct clock *clock;
    int directory_fd; /* the data directory */
    const char *id;   /* of the data directory, for the folder of cgroups */
    const struct rlimit *nofile;
    size_t live_max;  /* runs at once, from the limit of descriptors */
    size_t files_max; /* files of runs that wait, likewise */
    bool resets_oom;
    event_sink sink;
    void *context;
};

/* Kills what a predecessor left. */
MUST_USE enum rc supervisor_init(struct supervisor *supervisor,
                                 const struct supervisor_config *config, struct err *err);
/* Only when no process is left. */
void supervisor_release(struct supervisor *supervisor);

/* Takes a run over; a key that is known already is ignored. `body` is copied, the descriptor of its
 * file taken over. */
void supervisor_take(struct supervisor *supervisor, const struct launch *launch, const char *body,
                     size_t length);
void supervisor_kill(struct supervisor *supervisor, const struct run_key *key);
/* The lease is prolonged to this instant, as mono() of the clock. */
void supervisor_set_lease(struct supervisor *supervisor, mono_us until);
void supervisor_acknowledge(struct supervisor *supervisor, const struct run_key *key);
/* Calls the sink for every run: LAUNCH_KNOWN; or for every one that has ended: LAUNCH_FINISHED. */
void supervisor_tell_all(struct supervisor *supervisor, enum launch_event_kind kind,
                         event_sink sink, void *context);

/* A child that is nobody's main process may have ended (SIGCHLD). */
void supervisor_note_children(struct supervisor *supervisor);

/* It should be told of no more for now: what waits is too large, or has too many files. */
bool supervisor_is_full(const struct supervisor *supervisor);

/* Does what is due. Answers when to come again at the latest. */
mono_us supervisor_work(struct supervisor *supervisor);

static inline size_t supervisor_runs(const struct supervisor *supervisor)
{
    return supervisor->by_key.count;
}

#endif
