/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapters/zookeeper/internal.h: the adapter's state, shared by the files of this folder alone.
 *
 * Two threads stand behind it. The keeper has a session at all times, and looks again at what has
 * changed; the heart pings, also while the keeper waits for an answer. `lock` protects what is
 * wanted and what must be looked at again; it is never held while ZooKeeper is asked. `calls` is
 * held while callbacks run, so that unwatch() can wait for them. What the keeper alone touches says
 * so.
 */
#ifndef CRONJOB_ADAPTERS_ZOOKEEPER_INTERNAL_H
#define CRONJOB_ADAPTERS_ZOOKEEPER_INTERNAL_H

#include <pthread.h>

#include "base/arena.h"
#include "base/map.h"

#include "adapters/zookeeper/client.h"
#include "adapters/zookeeper/coordination.h"
#include "adapters/zookeeper/path.h"

#define ZK_TICK     (300 * MILLISECOND) /* between pings, and tries again */
#define ZK_NAME_MAX (LIMIT_NAME + 1)

/* A session, held by whoever uses it. */
struct session {
    struct session *next; /* of those that are over and to be freed */
    struct zk_client *client;
    int users;
    char mark[MARK_TEXT]; /* of our candidate */
    bool made_paths;      /* ROOT and what lies in it was there */
    mono_us make_at;      /* not before: whoever removes it is let finish */
    bool joined;          /* the worker's node was made by it */
    mono_us connected_at; /* the last time that it was seen so, 0: never; the keeper's */
};

/* The tasks of one worker, watched. */
struct task_watch {
    struct task_watch *next;
    char name[ZK_NAME_MAX];
    char *prefix; /* "ROOT/tasks/NAME/" */
    task_callback callback;
    void *context;
    bool dirty[ALL_BUCKETS]; /* to be listed again */
    bool complete_dirty;
    /* The keeper's: */
    bool listed;              /* the buckets were there */
    bool complete;            /* what is not there is gone */
    struct map jobs[BUCKETS]; /* reported: job -> revision */
    struct task *runs;        /* reported, in order */
    size_t run_count;
};

struct member_watch {
    member_callback callback; /* NULL: nobody watches */
    void *context;
    bool dirty;
    char (*names)[ZK_NAME_MAX]; /* reported; the keeper's */
    size_t count;
};

/* A run task to be deleted. */
struct consumed {
    struct consumed *next;
    char worker[ZK_NAME_MAX];
    struct task task;
};

struct zookeeper {
    struct coordination base;
    struct zookeeper_config config; /* texts are copies of the arena */
    struct arena arena;
    pthread_mutex_t lock, calls;
    pthread_cond_t changed; /* of CLOCK_MONOTONIC */
    pthread_t keeper, heart;
    bool stopping, woken;
    struct session *session;  /* NULL: none could be made */
    struct session *sessions; /* over, to be freed when nobody uses them; the keeper's */

    char member[ZK_NAME_MAX]; /* "" or as whom we joined */
    bool member_dirty;
    struct member_watch members;
    struct task_watch *tasks;
    struct consumed *consumed, **consumed_end; /* oldest first */

    bool candidates_changed;
    bool resigning; /* our candidate is to go */
    bool epoch_dirty;
    uint64_t led_epoch;          /* 0: we do not lead */
    int32_t epoch_version;       /* of the epoch's node, when we lead */
    char candidate[ZK_PATH_MAX]; /* our node, when we lead */

    /* The keeper's: */
    bool was_connected;
    mono_us begin_at;  /* not before may a session begin */
    enum rc complaint; /* the last one, said once */
    bool junk_reported[ALL_BUCKETS];
};

static inline struct zookeeper *zookeeper_of(struct coordination *coordination)
{
    return container_of(coordination, struct zookeeper, base);
}

/* session.c */
void zookeeper_lock(struct zookeeper *self);
void zookeeper_unlock(struct zookeeper *self);
/* The session as it is, until zookeeper_release(). RC_UNAVAILABLE: there is none. */
MUST_USE enum rc zookeeper_hold(struct zookeeper *self, struct session **ret_session,
                                struct err *err);
void zookeeper_release(struct zookeeper *self, struct session *session);
/* The keeper has something to do. With the lock held. */
void zookeeper_wake(struct zookeeper *self);
/* Waits until something has changed, with the lock held; false: the deadline has passed. */
bool zookeeper_wait(struct zookeeper *self, mono_us deadline);
MUST_USE enum rc zookeeper_begin_session(struct zookeeper *self, struct err *err);
void zookeeper_end_session(struct zookeeper *self);
/* Frees those that nobody uses any more. */
void zookeeper_free_sessions(struct zookeeper *self);

/* tree.c */
/* Makes ROOT and what lies in it, unless it is known to be there. RC_UNAVAILABLE: it is being
 * removed. */
MUST_USE enum rc zookeeper_make_paths(struct zookeeper *self, struct session *session,
                                      struct err *err);
/* ROOT/tasks/WORKER and its buckets. */
MUST_USE enum rc zookeeper_make_buckets(struct zookeeper *self, struct session *session,
                                        const char *worker, struct err *err);
/* Answers `rc`; RC_NOT_FOUND says that what lies in ROOT may have to be made again. */
enum rc zookeeper_noted(struct zookeeper *self, struct session *session, enum rc rc);

/* keeper.c */
MUST_USE enum rc zookeeper_start(struct zookeeper *self, struct err *err);
void zookeeper_stop(struct zookeeper *self);

/* election.c */
enum rc zookeeper_campaign(struct coordination *coordination, const struct candidate *candidate,
                           mono_us deadline, struct lease *ret_lease, struct err *err);
mono_us zookeeper_leads_until(struct coordination *coordination, uint64_t epoch);
/* Until when the servers cannot have given the session up: it counts from the last sign they got.
 */
mono_us zookeeper_session_until(const struct zk_client *client);
void zookeeper_resign(struct coordination *coordination);
/* Another leads, or may: unless we have led again meanwhile. */
void zookeeper_lose_lead(struct zookeeper *self, uint64_t epoch);
/* Looks whether we lead still, when something says otherwise. */
MUST_USE enum rc zookeeper_check_lead(struct zookeeper *self, struct session *session,
                                      struct err *err);

/* members.c */
enum rc zookeeper_join(struct coordination *coordination, const char *worker, struct err *err);
mono_us zookeeper_member_until(struct coordination *coordination, const char *worker);
enum rc zookeeper_leave(struct coordination *coordination, const char *worker, struct err *err);
enum rc zookeeper_watch_members(struct coordination *coordination, member_callback callback,
                                void *context, struct err *err);
MUST_USE enum rc zookeeper_join_again(struct zookeeper *self, struct session *session,
                                      struct err *err);
MUST_USE enum rc zookeeper_list_members(struct zookeeper *self, struct session *session,
                                        struct err *err);

/* tasks.c: the worker's side */
enum rc zookeeper_watch_tasks(struct coordination *coordination, const char *worker,
                              task_callback callback, void *context, struct err *err);
MUST_USE enum rc zookeeper_list_tasks(struct zookeeper *self, struct session *session,
                                      struct err *err);
void zookeeper_free_task_watch(struct task_watch *watch);

/* difference.c: what a worker has to do, as a difference to what was reported. The keeper's. */
struct difference {
    struct task *removed, *added;
    size_t removed_count, added_count;
};
/* The names in a bucket become what was reported of it; what is missing is gone only if the
 * watch is complete. */
void difference_of_bucket(struct zookeeper *self, struct task_watch *watch, unsigned bucket,
                          const struct strings *names, struct difference *difference);
/* Gives it to the watcher in one call, removed tasks first, and releases it. */
void difference_report(const struct task_watch *watch, struct difference *difference);
/* A run that is consumed is not reported as removed. */
void difference_forget_run(struct task_watch *watch, const struct task *run);

/* consume.c */
enum rc zookeeper_consume(struct coordination *coordination, const char *worker,
                          const struct task *task, struct err *err);
/* Deletes what was consumed. With `calls` held. */
MUST_USE enum rc zookeeper_delete_consumed(struct zookeeper *self, struct session *session,
                                           struct err *err);

/* assign.c: the leader's side */
enum rc zookeeper_read_workers(struct coordination *coordination, name_visit visit, void *context,
                               struct err *err);
enum rc zookeeper_read_tasks(struct coordination *coordination, const char *worker,
                             task_visit visit, void *context, struct err *err);
enum rc zookeeper_assign(struct coordination *coordination, uint64_t epoch, const char *worker,
                         const struct task *tasks, size_t count, struct err *err);
enum rc zookeeper_settle(struct coordination *coordination, uint64_t epoch, const char *worker,
                         struct err *err);

#endif
