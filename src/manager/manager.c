/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/manager.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

#include "manager/internal.h"

int manager_find_worker(const struct manager *manager, const char *name)
{
    for (size_t i = 0; i < manager->worker_count; i++) {
        if (!strcmp(manager->workers[i].name, name))
            return (int)i;
    }
    return -1;
}

int manager_pick(const struct manager *manager, const char *current)
{
    return placement_pick(manager->workers, manager->worker_count, current);
}

void manager_flush_tasks(struct manager *manager)
{
    struct task_batch *batch = &manager->batch;
    struct err err = {0};
    enum rc rc;

    if (!batch->count)
        return;
    rc =
        coordination_assign(manager->config.coordination, manager->lease.epoch,
                            manager->workers[batch->worker].name, batch->tasks, batch->count, &err);
    if (rc != RC_OK) {
        log_warn("tasks were not assigned, reconciling",
                 LOG_TEXT("worker", manager->workers[batch->worker].name), LOG_ERR(&err, rc));
        if (rc == RC_STALE)
            manager_step_down(manager, "coordination knows a newer one");
        manager->retry_at = clock_mono(manager->config.clock) + RETRY_AFTER;
        manager_reconcile(manager);
    }
    batch->count = 0;
}

void manager_add_task(struct manager *manager, int worker, const struct task *task)
{
    struct task_batch *batch = &manager->batch;

    if (worker < 0)
        return;
    if (batch->count && (batch->worker != worker || batch->count == LIMIT_BATCH))
        manager_flush_tasks(manager);
    batch->worker = worker;
    batch->tasks[batch->count++] = *task;
}

void manager_publish_job(struct manager *manager, job_id job)
{
    events_publish(manager->config.events, &(struct event){.kind = EVENT_JOB, .job = job});
}

void manager_publish_run(struct manager *manager, const struct run_key *run)
{
    events_publish(manager->config.events,
                   &(struct event){.kind = EVENT_RUN, .job = run->job, .run = *run});
}

static void post_news(struct manager *manager, const struct news *news)
{
    struct news *copy = xmalloc(sizeof(*copy));

    *copy = *news;
    mailbox_post(&manager->news, &copy->mail);
}

static void on_member(void *context, const struct member *member)
{
    post_news(context, &(struct news){.kind = NEWS_MEMBER, .member = *member});
}

static void on_event(void *context, const struct event *event)
{
    if (event->kind == EVENT_RUN)
        post_news(context, &(struct news){.kind = NEWS_RUN, .job = event->run.job});
}

static void member_changed(struct manager *manager, const struct member *member)
{
    int index = manager_find_worker(manager, member->name);

    if (index < 0) {
        index = (int)manager->worker_count++;
        manager->workers =
            xrealloc(manager->workers, manager->worker_count, sizeof(*manager->workers));
        manager->workers[index] = (struct placement_worker){0};
        memcpy(manager->workers[index].name, member->name, sizeof(member->name));
    }
    manager->workers[index].present = !member->gone;
    manager->workers[index].tasks = 0;
    log_info(member->gone ? "worker left" : "worker joined", LOG_TEXT("worker", member->name));
    manager_reconcile(manager);
}

static void read_news(struct manager *manager)
{
    struct mail *mail = mailbox_take_all(&manager->news);

    while (mail) {
        struct news *news = container_of(mail, struct news, mail);

        mail = mail->next;
        if (news->kind == NEWS_MEMBER)
            member_changed(manager, &news->member);
        else if (news->kind == NEWS_RUN)
            manager_count_run(manager, news->job);
        free(news);
    }
}

mono_us manager_step(struct manager *manager)
{
    mono_us now = clock_mono(manager->config.clock);
    bool more;

    read_news(manager);
    manager_check_lead(manager);
    if (!manager->leads)
        manager_campaign(manager);
    if (!manager->leads)
        return now + RETRY_AFTER;
    more = manager_work_off_changes(manager);
    if (now >= manager->retry_at) {
        more |= manager_reconcile_page(manager);
        more |= manager_retire(manager, now);
    }
    manager_flush_tasks(manager);
    if (more)
        return now;
    return manager->retry_at > now ? manager->retry_at : manager->retention.next;
}

static enum rc submit(struct changes *changes, struct change *change, struct err *err)
{
    struct manager *manager = container_of(changes, struct manager, changes);

    if (atomic_load(&manager->closed))
        return err_fail(err, RC_CLOSED, "the manager is stopping");
    if (atomic_fetch_add(&manager->queued, 1) >= MAX_QUEUED_CHANGES) {
        atomic_fetch_sub(&manager->queued, 1);
        return err_fail(err, RC_BUSY, "%d changes are waiting already", MAX_QUEUED_CHANGES);
    }
    mailbox_post(&manager->inbox, &change->mail);
    return RC_OK;
}

static void keep_with_its_manager(struct changes *changes)
{
    (void)changes; /* a member of the manager, which frees it */
}

static const struct changes_ops changes_ops = {
    .name = "manager",
    .submit = submit,
    .free = keep_with_its_manager,
};

struct changes *manager_changes(struct manager *manager)
{
    return &manager->changes;
}

enum rc manager_new(const struct manager_config *config, struct manager **ret_manager,
                    struct err *err)
{
    struct manager *manager = xcalloc(1, sizeof(*manager));
    enum rc rc;

    manager->changes.ops = &changes_ops;
    manager->config = *config;
    atomic_store(&manager->unready, "starting");
    manager->inbox.fd = manager->news.fd = manager->loop.fd = -1;
    map_init(&manager->retention.finished);
    rc = mailbox_init(&manager->inbox, err);
    if (rc == RC_OK)
        rc = mailbox_init(&manager->news, err);
    if (rc == RC_OK)
        rc = coordination_watch_members(config->coordination, on_member, manager, err);
    if (rc != RC_OK) {
        manager_free(manager);
        return rc;
    }
    events_subscribe(config->events, on_event, manager);
    *ret_manager = manager;
    return RC_OK;
}

static void refuse(struct mail *mail)
{
    while (mail) {
        struct change *change = container_of(mail, struct change, mail);

        mail = mail->next;
        change->outcome = err_fail(&change->err, RC_CLOSED, "the manager is stopping");
        change->done(change);
    }
}

void manager_free(struct manager *manager)
{
    if (!manager)
        return;
    manager_stop(manager);
    events_unsubscribe(manager->config.events, manager);
    coordination_unwatch(manager->config.coordination, manager);
    refuse(manager->waiting);
    if (manager->inbox.fd >= 0) {
        refuse(mailbox_take_all(&manager->inbox));
        mailbox_release(&manager->inbox);
    }
    if (manager->news.fd >= 0) {
        for (struct mail *mail = mailbox_take_all(&manager->news), *next; mail; mail = next) {
            next = mail->next;
            free(container_of(mail, struct news, mail));
        }
        mailbox_release(&manager->news);
    }
    map_release(&manager->retention.finished);
    free(manager->workers);
    free(manager);
}
