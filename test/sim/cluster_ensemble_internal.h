/* SPDX-License-Identifier: Apache-2.0 */
/* test/sim/cluster_ensemble_internal.h: what the ensemble holds, shared by its two files alone. */
#ifndef CRONJOB_TEST_SIM_CLUSTER_ENSEMBLE_INTERNAL_H
#define CRONJOB_TEST_SIM_CLUSTER_ENSEMBLE_INTERNAL_H

#include "base/list.h"

#include "cluster_ensemble.h"

struct session {
    struct list link;
    char name[LIMIT_NAME + 1]; /* of its process */
    mono_us heard_at;
    bool member;
    uint64_t candidate; /* its number in the election; 0: it is none */
};

/* What a worker has to do. */
struct folder {
    struct list link;
    char worker[LIMIT_NAME + 1];
    struct task *tasks; /* TASK_JOB of each revision, TASK_RUN, TASK_KILL */
    size_t count, capacity;
    bool complete; /* it was settled */
    uint64_t version;
};

struct ensemble {
    struct clock *clock;
    uint64_t (*roll)(void *context, uint64_t sides);
    void *context;
    struct list sessions, folders, clients;
    uint64_t epoch, last_candidate, versions;
    int trouble;
};

struct client {
    struct coordination base;
    struct list link;
    struct ensemble *ensemble;
    char name[LIMIT_NAME + 1];
    struct session *session; /* NULL: it has expired */
    mono_us heard_at;
    bool cut, paused, wants_membership;
    mono_us misled_until;
    uint64_t led_epoch;

    member_callback on_member;
    void *member_context;
    char (*members)[LIMIT_NAME + 1]; /* as it was told */
    size_t member_count;
    task_callback on_tasks;
    void *task_context;
    struct task *told; /* tasks as it was told */
    size_t told_count, told_capacity;
    uint64_t told_version;
};

static inline struct client *client_of(struct coordination *coordination)
{
    return container_of(coordination, struct client, base);
}

void ensemble_copy_name(char to[LIMIT_NAME + 1], const char *from);
struct folder *ensemble_find_folder(const struct ensemble *ensemble, const char *worker);
struct folder *ensemble_have_folder(struct ensemble *ensemble, const char *worker);
void ensemble_change_folder(struct ensemble *ensemble, struct folder *folder,
                            const struct task *task);

bool client_is_misled(const struct client *client);
void client_give_sign(struct client *client);
/* A process of a name that is there already has taken its place. */
void client_become_member(struct client *client);

#endif
