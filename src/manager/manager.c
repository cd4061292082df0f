/* SPDX-License-Identifier: Apache-2.0 */
#include "manager/manager.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#include "manager/internal.h"

void manager_try_later(struct manager *manager, const char *what, const struct err *err, enum rc rc)
{
    log_warn(what, LOG_TEXT("manager", manager->config.name), LOG_ERR(err, rc));
    manager->retry_at = clock_mono(manager->config.clock) + RETRY_AFTER;
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

static void read_news(struct manager *manager)
{
    struct mail *mail = mailbox_take_all(&manager->news);

    while (mail) {
        struct news *news = container_of(mail, struct news, mail);

        mail = mail->next;
        if (news->kind == NEWS_MEMBER)
            manager_member_changed(manager, &news->member);
        else if (news->kind == NEWS_RUN && manager->leads)
            manager_count_run(manager, news->job);
        free(news);
    }
}

/* What is done in the background, as far as it can be done now; true when there is more. */
static bool work(struct manager *manager, mono_us now)
{
    bool more;

    if (!manager_know_crew(manager, now))
        return false;
    more = manager_reconcile_page(manager, now);
    if (manager->retry_at <= now)
        more |= manager_place_runs(manager);
    if (!more && manager->retry_at <= now && manager->reconciliation.pass == PASS_NONE &&
        !manager->reconciliation.again)
        manager_settle(manager);
    return more | manager_retire(manager, now);
}

static mono_us next_step(struct manager *manager, mono_us now)
{
    mono_us next = MIN(manager->next_rows, manager->retention.next);
    mono_us leads_until =
        coordination_leads_until(manager->config.coordination, manager->lease.epoch);

    if (manager->reconciliation.pass == PASS_NONE)
        next = MIN(next, manager->reconciliation.next);
    else if (manager->hold_until > now)
        next = MIN(next, manager->hold_until);
    if (manager->retry_at > now)
        next = manager->retry_at;
    return MIN(next, leads_until);
}

mono_us manager_step(struct manager *manager)
{
    mono_us now = clock_mono(manager->config.clock);
    bool more;

    read_news(manager);
    if (!manager_lead(manager, now))
        return manager->retry_at;
    more = manager_work_off_changes(manager);
    if (manager->leads && now >= manager->retry_at)
        more |= work(manager, now);
    manager_flush_tasks(manager);
    atomic_store(&manager->troubled, manager->retry_at > now);
    return more || !manager->leads ? now : next_step(manager, now);
}

static enum rc submit(struct changes *changes, struct change *change, struct err *err)
{
    struct manager *manager = container_of(changes, struct manager, changes);

    if (atomic_load(&manager->closed))
        return err_fail(err, RC_CLOSED, "the manager is stopping");
    if (atomic_load(&manager->standing) == STANDING_BY)
        return err_fail(err, RC_UNAVAILABLE, "another manager leads");
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

void manager_free(struct manager *manager)
{
    if (!manager)
        return;
    manager_stop(manager);
    events_unsubscribe(manager->config.events, manager);
    coordination_unwatch(manager->config.coordination, manager);
    if (manager->inbox.fd >= 0) {
        manager_refuse_changes(manager, RC_CLOSED, "the manager is stopping");
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
    map_release(&manager->offers);
    map_release(&manager->reconciliation.seen);
    manager_free_crew(manager);
    free(manager);
}
