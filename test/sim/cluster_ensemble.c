/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_ensemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "cluster_ensemble_internal.h"

void ensemble_copy_name(char to[LIMIT_NAME + 1], const char *from)
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

bool client_is_misled(const struct client *client)
{
    return clock_mono(client->ensemble->clock) < client->misled_until;
}

static bool is_connected(const struct client *client)
{
    return !client->cut && !client->paused && !client_is_misled(client);
}

void client_become_member(struct client *client)
{
    struct session *session;

    list_for_each (session, &client->ensemble->sessions, link)
        session->member &= strcmp(session->name, client->name) != 0;
    client->session->member = true;
}

void client_give_sign(struct client *client)
{
    struct ensemble *ensemble = client->ensemble;

    client->heard_at = clock_mono(ensemble->clock);
    if (!client->session) {
        client->session = xcalloc(1, sizeof(*client->session));
        ensemble_copy_name(client->session->name, client->name);
        list_append(&ensemble->sessions, &client->session->link);
        client->led_epoch = 0;
        if (client->wants_membership)
            client_become_member(client);
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

    ensemble_copy_name(member.name, name);
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
        ensemble_copy_name(client->members[client->member_count++], session->name);
        tell_member(client, session->name, false);
    }
}

/* ---- tasks --------------------------------------------------------------------------------- */

struct folder *ensemble_find_folder(const struct ensemble *ensemble, const char *worker)
{
    struct folder *folder;

    list_for_each (folder, &ensemble->folders, link) {
        if (!strcmp(folder->worker, worker))
            return folder;
    }
    return NULL;
}

struct folder *ensemble_have_folder(struct ensemble *ensemble, const char *worker)
{
    struct folder *folder = ensemble_find_folder(ensemble, worker);

    if (folder)
        return folder;
    folder = xcalloc(1, sizeof(*folder));
    ensemble_copy_name(folder->worker, worker);
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
    const struct folder *folder = ensemble_find_folder(client->ensemble, client->name);
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

void ensemble_change_folder(struct ensemble *ensemble, struct folder *folder,
                            const struct task *task)
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
            client_give_sign(client);
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
    client_of(client)->cut = cut;
}

void ensemble_pause(struct coordination *client, bool paused)
{
    client_of(client)->paused = paused;
}

void ensemble_mislead(struct coordination *client, mono_us until)
{
    client_of(client)->misled_until = until;
}

bool ensemble_leads(struct coordination *client)
{
    return client_of(client)->led_epoch != 0;
}
