/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_ensemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

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

static struct client *of(struct coordination *coordination)
{
    return container_of(coordination, struct client, base);
}

static void copy_name(char to[LIMIT_NAME + 1], const char *from)
{
    memset(to, 0, LIMIT_NAME + 1);
    memcpy(to, from, MIN(strlen(from), (size_t)LIMIT_NAME));
}

/* ---- sessions ------------------------------------------------------------------------------ */

static void end_session(struct ensemble *ensemble, struct session *session)
{
    struct client *client;

    list_for_each (client, &ensemble->clients, link) {
        if (client->session == session)
            client->session = NULL;
    }
    list_remove(&session->link);
    free(session);
}

static bool is_misled(const struct client *client)
{
    return clock_mono(client->ensemble->clock) < client->misled_until;
}

static bool is_connected(const struct client *client)
{
    return !client->cut && !client->paused && !is_misled(client);
}

/* A process of a name that is there already has taken its place. */
static void become_member(struct client *client)
{
    struct session *session;

    list_for_each (session, &client->ensemble->sessions, link)
        session->member &= strcmp(session->name, client->name) != 0;
    client->session->member = true;
}

static void give_sign(struct client *client)
{
    struct ensemble *ensemble = client->ensemble;

    client->heard_at = clock_mono(ensemble->clock);
    if (!client->session) {
        client->session = xcalloc(1, sizeof(*client->session));
        copy_name(client->session->name, client->name);
        list_append(&ensemble->sessions, &client->session->link);
        client->led_epoch = 0;
        if (client->wants_membership)
            become_member(client);
    }
    client->session->heard_at = client->heard_at;
}

static void expire_sessions(struct ensemble *ensemble)
{
    mono_us now = clock_mono(ensemble->clock);
    struct session *session;
    struct list *after;

    list_for_each_safe (session, after, &ensemble->sessions, link) {
        if (now - session->heard_at > ENSEMBLE_SESSION)
            end_session(ensemble, session);
    }
}

/* ---- members ------------------------------------------------------------------------------- */

static bool is_member(const struct ensemble *ensemble, const char *name)
{
    struct session *session;

    list_for_each (session, &ensemble->sessions, link) {
        if (session->member && !strcmp(session->name, name))
            return true;
    }
    return false;
}

static bool was_told(const struct client *client, const char *name)
{
    for (size_t i = 0; i < client->member_count; i++) {
        if (!strcmp(client->members[i], name))
            return true;
    }
    return false;
}

static void tell_member(struct client *client, const char *name, bool gone)
{
    struct member member = {.gone = gone};

    copy_name(member.name, name);
    client->on_member(client->member_context, &member);
}

static void tell_members(struct client *client)
{
    struct session *session;

    for (size_t i = 0; i < client->member_count; i++) {
        if (is_member(client->ensemble, client->members[i]))
            continue;
        tell_member(client, client->members[i], true);
        memcpy(client->members[i], client->members[--client->member_count],
               sizeof(client->members[i]));
        i--;
    }
    list_for_each (session, &client->ensemble->sessions, link) {
        if (!session->member || was_told(client, session->name))
            continue;
        client->members =
            xrealloc(client->members, client->member_count + 1, sizeof(*client->members));
        copy_name(client->members[client->member_count++], session->name);
        tell_member(client, session->name, false);
    }
}

/* ---- tasks --------------------------------------------------------------------------------- */

static struct folder *find_folder(const struct ensemble *ensemble, const char *worker)
{
    struct folder *folder;

    list_for_each (folder, &ensemble->folders, link) {
        if (!strcmp(folder->worker, worker))
            return folder;
    }
    return NULL;
}

static struct folder *have_folder(struct ensemble *ensemble, const char *worker)
{
    struct folder *folder = find_folder(ensemble, worker);

    if (folder)
        return folder;
    folder = xcalloc(1, sizeof(*folder));
    copy_name(folder->worker, worker);
    folder->version = ++ensemble->versions;
    list_append(&ensemble->folders, &folder->link);
    return folder;
}

static bool is_same(const struct task *a, const struct task *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == TASK_JOB ? a->job == b->job && a->revision == b->revision
                               : !run_key_compare(&a->run, &b->run);
}

static bool has_task(const struct task *tasks, size_t count, const struct task *task)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same(&tasks[i], task))
            return true;
    }
    return false;
}

/* An older revision beside a newer one does not count. */
static bool is_newest(const struct folder *folder, const struct task *task)
{
    for (size_t i = 0; task->kind == TASK_JOB && i < folder->count; i++) {
        const struct task *other = &folder->tasks[i];

        if (other->kind == TASK_JOB && other->job == task->job && other->revision > task->revision)
            return false;
    }
    return true;
}

static void append(struct task **tasks, size_t *count, size_t *capacity, const struct task *task)
{
    *tasks = xgrow(*tasks, *count, capacity, sizeof(**tasks));
    (*tasks)[(*count)++] = *task;
}

struct news {
    struct task *tasks;
    size_t count, capacity;
};

/* What is gone was removed only if the folder is complete: else it was lost. */
static void tell_tasks(struct client *client)
{
    static const struct folder none;
    const struct folder *folder = find_folder(client->ensemble, client->name);
    struct news news = {0};
    size_t kept = 0;

    if (!folder)
        folder = &none;
    if (folder->version == client->told_version)
        return;
    client->told_version = folder->version;
    for (size_t i = 0; i < client->told_count; i++) {
        struct task task = client->told[i];

        if ((has_task(folder->tasks, folder->count, &task) && is_newest(folder, &task)) ||
            !folder->complete) {
            client->told[kept++] = task;
            continue;
        }
        task.removed = true;
        append(&news.tasks, &news.count, &news.capacity, &task);
    }
    client->told_count = kept;
    for (size_t i = 0; i < folder->count; i++) {
        const struct task *task = &folder->tasks[i];

        if (!is_newest(folder, task) || has_task(client->told, client->told_count, task))
            continue;
        append(&client->told, &client->told_count, &client->told_capacity, task);
        append(&news.tasks, &news.count, &news.capacity, task);
    }
    if (news.count)
        client->on_tasks(client->task_context, news.tasks, news.count);
    free(news.tasks);
}

static void remove_tasks(struct folder *folder, const struct task *task)
{
    size_t kept = 0;

    for (size_t i = 0; i < folder->count; i++) {
        const struct task *there = &folder->tasks[i];
        bool any = task->kind == TASK_JOB && !task->revision && there->kind == TASK_JOB &&
                   there->job == task->job;

        if (!any && !is_same(there, task))
            folder->tasks[kept++] = *there;
    }
    folder->count = kept;
}

static void change_folder(struct ensemble *ensemble, struct folder *folder, const struct task *task)
{
    struct task added = *task;

    remove_tasks(folder, task);
    added.removed = false;
    if (!task->removed)
        append(&folder->tasks, &folder->count, &folder->capacity, &added);
    folder->version = ++ensemble->versions;
}

/* ---- the ensemble -------------------------------------------------------------------------- */

struct ensemble *ensemble_new(struct clock *clock, uint64_t (*roll)(void *context, uint64_t sides),
                              void *context)
{
    struct ensemble *ensemble = xcalloc(1, sizeof(*ensemble));

    *ensemble = (struct ensemble){.clock = clock, .roll = roll, .context = context};
    list_init(&ensemble->sessions);
    list_init(&ensemble->folders);
    list_init(&ensemble->clients);
    return ensemble;
}

void ensemble_wipe(struct ensemble *ensemble)
{
    while (!list_is_empty(&ensemble->sessions))
        end_session(ensemble, list_first(&ensemble->sessions, struct session, link));
    while (!list_is_empty(&ensemble->folders)) {
        struct folder *folder = list_take(&ensemble->folders, struct folder, link);

        free(folder->tasks);
        free(folder);
    }
    ensemble->epoch = 0;
}

void ensemble_free(struct ensemble *ensemble)
{
    ensemble_wipe(ensemble);
    free(ensemble);
}

void ensemble_pump(struct ensemble *ensemble)
{
    struct client *client;

    expire_sessions(ensemble);
    list_for_each (client, &ensemble->clients, link) {
        if (is_connected(client))
            give_sign(client);
    }
    list_for_each (client, &ensemble->clients, link) {
        if (!is_connected(client))
            continue;
        if (client->on_member)
            tell_members(client);
        if (client->on_tasks)
            tell_tasks(client);
    }
}

void ensemble_trouble(struct ensemble *ensemble, int percent)
{
    ensemble->trouble = percent;
}

void ensemble_cut(struct coordination *client, bool cut)
{
    of(client)->cut = cut;
}

void ensemble_pause(struct coordination *client, bool paused)
{
    of(client)->paused = paused;
}

void ensemble_mislead(struct coordination *client, mono_us until)
{
    of(client)->misled_until = until;
}

bool ensemble_leads(struct coordination *client)
{
    return of(client)->led_epoch != 0;
}

/* ---- the port ------------------------------------------------------------------------------ */

static enum rc reach(struct client *client, struct err *err)
{
    if (client->cut)
        return err_fail(err, RC_UNAVAILABLE, "coordination does not answer");
    if (!is_misled(client))
        give_sign(client);
    return RC_OK;
}

/* How a write fares: RC_OK, or it fails; *ret_done: it takes effect all the same. */
static enum rc fare(struct client *client, bool *ret_done, struct err *err)
{
    struct ensemble *ensemble = client->ensemble;

    *ret_done = true;
    if (ensemble->roll(ensemble->context, 100) >= (uint64_t)ensemble->trouble)
        return RC_OK;
    *ret_done = ensemble->roll(ensemble->context, 2);
    return ensemble->roll(ensemble->context, 2)
               ? err_fail(err, RC_UNKNOWN, "the answer of coordination was lost")
               : err_fail(err, *ret_done ? RC_UNKNOWN : RC_UNAVAILABLE,
                          "coordination did not answer");
}

static bool is_first(const struct client *client)
{
    struct session *session;

    list_for_each (session, &client->ensemble->sessions, link) {
        if (session->candidate && session->candidate < client->session->candidate)
            return false;
    }
    return true;
}

static enum rc campaign(struct coordination *coordination, const struct candidate *self,
                        mono_us deadline, struct lease *ret_lease, struct err *err)
{
    struct client *client = of(coordination);
    struct ensemble *ensemble = client->ensemble;
    enum rc rc = reach(client, err);

    (void)deadline; /* time does not pass in here */
    if (rc != RC_OK)
        return rc;
    if (!client->session)
        return err_fail(err, RC_UNAVAILABLE, "the session has expired");
    if (!client->session->candidate)
        client->session->candidate = ++ensemble->last_candidate;
    if (!is_first(client))
        return err_fail(err, RC_TIMEOUT, "another manager leads");
    ensemble->epoch = MAX(ensemble->epoch, self->floor) + 1;
    client->led_epoch = ensemble->epoch;
    *ret_lease = (struct lease){.epoch = ensemble->epoch,
                                .until = clock_mono(ensemble->clock) + ENSEMBLE_SESSION * 2 / 3};
    return RC_OK;
}

static mono_us leads_until(struct coordination *coordination, uint64_t epoch)
{
    const struct client *client = of(coordination);

    if (!epoch || client->led_epoch != epoch)
        return 0;
    if (is_misled(client))
        return client->misled_until;
    return client->session ? client->heard_at + ENSEMBLE_SESSION * 2 / 3 : 0;
}

static void resign(struct coordination *coordination)
{
    struct client *client = of(coordination);

    client->led_epoch = 0;
    if (client->session && !client->cut)
        client->session->candidate = 0;
}

static enum rc join(struct coordination *coordination, const char *worker, struct err *err)
{
    struct client *client = of(coordination);
    enum rc rc = reach(client, err);

    (void)worker; /* the client's name */
    if (rc != RC_OK)
        return rc;
    client->wants_membership = true;
    become_member(client);
    return RC_OK;
}

static enum rc leave(struct coordination *coordination, const char *worker, struct err *err)
{
    struct client *client = of(coordination);

    (void)worker;
    client->wants_membership = false;
    if (client->cut)
        return err_fail(err, RC_UNAVAILABLE, "coordination does not answer");
    if (client->session)
        client->session->member = false;
    return RC_OK;
}

static mono_us member_until(struct coordination *coordination, const char *worker)
{
    const struct client *client = of(coordination);

    (void)worker;
    if (!client->session || !client->session->member)
        return 0;
    return client->heard_at + ENSEMBLE_SESSION * 2 / 3;
}

static enum rc watch_members(struct coordination *coordination, member_callback callback,
                             void *context, struct err *err)
{
    struct client *client = of(coordination);

    (void)err;
    client->on_member = callback;
    client->member_context = context;
    return RC_OK;
}

static enum rc watch_tasks(struct coordination *coordination, const char *worker,
                           task_callback callback, void *context, struct err *err)
{
    struct client *client = of(coordination);

    (void)worker;
    (void)err;
    client->on_tasks = callback;
    client->task_context = context;
    return RC_OK;
}

static enum rc read_workers(struct coordination *coordination, name_visit visit, void *context,
                            struct err *err)
{
    struct client *client = of(coordination);
    struct folder *folder;
    enum rc rc = reach(client, err);

    if (rc != RC_OK)
        return rc;
    list_for_each (folder, &client->ensemble->folders, link)
        visit(context, folder->worker);
    return RC_OK;
}

static enum rc read_tasks(struct coordination *coordination, const char *worker, task_visit visit,
                          void *context, struct err *err)
{
    struct client *client = of(coordination);
    const struct folder *folder = find_folder(client->ensemble, worker);
    enum rc rc = reach(client, err);

    for (size_t i = 0; rc == RC_OK && folder && i < folder->count; i++)
        visit(context, &folder->tasks[i]);
    return rc;
}

static enum rc check_epoch(struct client *client, uint64_t epoch, struct err *err)
{
    enum rc rc = reach(client, err);

    if (rc == RC_OK && (client->led_epoch != epoch || client->ensemble->epoch != epoch))
        return err_fail(err, RC_STALE, "another manager leads");
    return rc;
}

static enum rc assign(struct coordination *coordination, uint64_t epoch, const char *worker,
                      const struct task *tasks, size_t count, struct err *err)
{
    struct client *client = of(coordination);
    struct folder *folder;
    bool done;
    enum rc rc = check_epoch(client, epoch, err);

    if (rc != RC_OK)
        return rc;
    rc = fare(client, &done, err);
    if (!done)
        return rc;
    folder = have_folder(client->ensemble, worker);
    for (size_t i = 0; i < count; i++)
        change_folder(client->ensemble, folder, &tasks[i]);
    return rc;
}

static enum rc settle(struct coordination *coordination, uint64_t epoch, const char *worker,
                      struct err *err)
{
    struct client *client = of(coordination);
    struct folder *folder;
    bool done;
    enum rc rc = check_epoch(client, epoch, err);

    if (rc != RC_OK)
        return rc;
    rc = fare(client, &done, err);
    if (!done)
        return rc;
    folder = have_folder(client->ensemble, worker);
    folder->complete = true;
    folder->version = ++client->ensemble->versions;
    return rc;
}

static enum rc consume(struct coordination *coordination, const char *worker,
                       const struct task *task, struct err *err)
{
    struct client *client = of(coordination);
    struct folder *folder = find_folder(client->ensemble, worker);
    struct task removed = *task;
    bool done;
    enum rc rc = reach(client, err);

    if (rc != RC_OK)
        return rc;
    rc = fare(client, &done, err);
    removed.removed = true;
    if (done && folder)
        change_folder(client->ensemble, folder, &removed);
    return rc;
}

static void unwatch(struct coordination *coordination, void *context)
{
    struct client *client = of(coordination);

    if (client->member_context == context)
        client->on_member = NULL;
    if (client->task_context == context)
        client->on_tasks = NULL;
}

static void client_free(struct coordination *coordination)
{
    struct client *client = of(coordination);

    list_remove(&client->link);
    free(client->members);
    free(client->told);
    free(client);
}

static const struct coordination_ops ops = {
    .name = "ensemble",
    .campaign = campaign,
    .leads_until = leads_until,
    .resign = resign,
    .join = join,
    .member_until = member_until,
    .leave = leave,
    .watch_members = watch_members,
    .watch_tasks = watch_tasks,
    .read_workers = read_workers,
    .read_tasks = read_tasks,
    .assign = assign,
    .settle = settle,
    .consume = consume,
    .unwatch = unwatch,
    .free = client_free,
};

struct coordination *ensemble_connect(struct ensemble *ensemble, const char *name)
{
    struct client *client = xcalloc(1, sizeof(*client));

    client->base.ops = &ops;
    client->ensemble = ensemble;
    copy_name(client->name, name);
    list_append(&ensemble->clients, &client->link);
    return &client->base;
}
