/* SPDX-License-Identifier: Apache-2.0 */
/* The ensemble as one process sees it: the port. */
#include <stdlib.h>

#include "base/mem.h"

#include "cluster_ensemble_internal.h"

static enum rc reach(struct client *client, struct err *err)
{
    if (client->cut)
        return err_fail(err, RC_UNAVAILABLE, "coordination does not answer");
    if (!client_is_misled(client))
        client_give_sign(client);
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
    struct client *client = client_of(coordination);
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
    const struct client *client = client_of(coordination);

    if (!epoch || client->led_epoch != epoch)
        return 0;
    if (client_is_misled(client))
        return client->misled_until;
    return client->session ? client->heard_at + ENSEMBLE_SESSION * 2 / 3 : 0;
}

static void resign(struct coordination *coordination)
{
    struct client *client = client_of(coordination);

    client->led_epoch = 0;
    if (client->session && !client->cut)
        client->session->candidate = 0;
}

static enum rc join(struct coordination *coordination, const char *worker, struct err *err)
{
    struct client *client = client_of(coordination);
    enum rc rc = reach(client, err);

    (void)worker; /* the client's name */
    if (rc != RC_OK)
        return rc;
    client->wants_membership = true;
    client_become_member(client);
    return RC_OK;
}

static enum rc leave(struct coordination *coordination, const char *worker, struct err *err)
{
    struct client *client = client_of(coordination);

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
    const struct client *client = client_of(coordination);

    (void)worker;
    if (!client->session || !client->session->member)
        return 0;
    return client->heard_at + ENSEMBLE_SESSION * 2 / 3;
}

static enum rc watch_members(struct coordination *coordination, member_callback callback,
                             void *context, struct err *err)
{
    struct client *client = client_of(coordination);

    (void)err;
    client->on_member = callback;
    client->member_context = context;
    return RC_OK;
}

static enum rc watch_tasks(struct coordination *coordination, const char *worker,
                           task_callback callback, void *context, struct err *err)
{
    struct client *client = client_of(coordination);

    (void)worker;
    (void)err;
    client->on_tasks = callback;
    client->task_context = context;
    return RC_OK;
}

static enum rc read_workers(struct coordination *coordination, name_visit visit, void *context,
                            struct err *err)
{
    struct client *client = client_of(coordination);
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
    struct client *client = client_of(coordination);
    const struct folder *folder = ensemble_find_folder(client->ensemble, worker);
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
    struct client *client = client_of(coordination);
    struct folder *folder;
    bool done;
    enum rc rc = check_epoch(client, epoch, err);

    if (rc != RC_OK)
        return rc;
    rc = fare(client, &done, err);
    if (!done)
        return rc;
    folder = ensemble_have_folder(client->ensemble, worker);
    for (size_t i = 0; i < count; i++)
        ensemble_change_folder(client->ensemble, folder, &tasks[i]);
    return rc;
}

static enum rc settle(struct coordination *coordination, uint64_t epoch, const char *worker,
                      struct err *err)
{
    struct client *client = client_of(coordination);
    struct folder *folder;
    bool done;
    enum rc rc = check_epoch(client, epoch, err);

    if (rc != RC_OK)
        return rc;
    rc = fare(client, &done, err);
    if (!done)
        return rc;
    folder = ensemble_have_folder(client->ensemble, worker);
    folder->complete = true;
    folder->version = ++client->ensemble->versions;
    return rc;
}

static enum rc consume(struct coordination *coordination, const char *worker,
                       const struct task *task, struct err *err)
{
    struct client *client = client_of(coordination);
    struct folder *folder = ensemble_find_folder(client->ensemble, worker);
    struct task removed = *task;
    bool done;
    enum rc rc = reach(client, err);

    if (rc != RC_OK)
        return rc;
    rc = fare(client, &done, err);
    removed.removed = true;
    if (done && folder)
        ensemble_change_folder(client->ensemble, folder, &removed);
    return rc;
}

static void unwatch(struct coordination *coordination, void *context)
{
    struct client *client = client_of(coordination);

    if (client->member_context == context)
        client->on_member = NULL;
    if (client->task_context == context)
        client->on_tasks = NULL;
}

static void client_free(struct coordination *coordination)
{
    struct client *client = client_of(coordination);

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
    ensemble_copy_name(client->name, name);
    list_append(&ensemble->clients, &client->link);
    return &client->base;
}
