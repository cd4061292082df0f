/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who leads. Coordination elects, the store keeps the name: whoever was elected writes its epoch
 * there before it does anything else, and again in front of all that it writes.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/metrics.h"

#include "manager/collect.h"
#include "manager/internal.h"

#define CAMPAIGN_FOR (100 * MILLISECOND)

/* How long a new leader waits for workers whose lease is valid to be seen as members. */
#define JOIN_WITHIN (3 * SECOND)

static struct store_write leader_write(const struct manager *manager)
{
    struct store_write write = {.kind = WRITE_LEADER, .leader = {.epoch = manager->lease.epoch}};

    (void)snprintf(write.leader.name, sizeof(write.leader.name), "%s", manager->config.name);
    if (manager->config.url)
        (void)snprintf(write.leader.url, sizeof(write.leader.url), "%s", manager->config.url);
    return write;
}

enum rc manager_apply(struct manager *manager, struct store_write *writes, size_t count,
                      struct err *err)
{
    enum rc rc;

    if (!manager->leads)
        return err_fail(err, RC_UNAVAILABLE, "another manager leads");
    writes[0] = leader_write(manager);
    rc = store_apply(manager->config.store, writes, count, err);
    if (rc != RC_OK || writes[0].outcome == RC_OK)
        return rc;
    manager->floor_read = false;
    manager_step_down(manager);
    return err_fail(err, RC_UNAVAILABLE, "another manager leads");
}

void manager_step_down(struct manager *manager)
{
    if (!manager->leads)
        return;
    manager->leads = false;
    atomic_store(&manager->standing, STANDING_BY);
    metric_set(metric_series(METRIC_LEADER), 0);
    log_warn("manager leads no more", LOG_TEXT("manager", manager->config.name),
             LOG_U64("epoch", manager->lease.epoch));
    manager_forget_tasks(manager);
    map_release(&manager->reconciliation.seen);
    manager->reconciliation = (struct reconciliation){.pass = PASS_NONE};
    manager->runs = (struct run_pass){.running = false};
}

static enum rc read_floor(struct manager *manager, struct err *err)
{
    struct leader_record leader;
    enum rc rc = store_read_leader(manager->config.store, &leader, err);

    if (rc != RC_OK)
        return rc;
    manager->floor = leader.epoch;
    manager->floor_read = true;
    return RC_OK;
}

/* Coordination may have lost all it had since the floor was read, and count from below again. */
static enum rc announce(struct manager *manager, struct err *err)
{
    struct store_write write;
    enum rc rc = read_floor(manager, err);

    if (rc != RC_OK)
        return rc;
    if (manager->floor >= manager->lease.epoch)
        return err_fail(err, RC_STALE, "the store has had epoch %llu",
                        (unsigned long long)manager->floor);
    write = leader_write(manager);
    rc = store_apply(manager->config.store, &write, 1, err);
    if (rc != RC_OK || write.outcome == RC_OK)
        return rc;
    *err = write.err;
    return write.outcome;
}

static void begin_to_lead(struct manager *manager, mono_us now)
{
    manager->leads = true;
    manager->floor_read = false;
    manager->names_unread = true;
    manager->next_rows = now;
    manager->hold_until = now + JOIN_WITHIN;
    manager->led_since = now;
    manager->retry_at = now;
    atomic_store(&manager->standing, STANDING_LEADS);
    collector_wake(manager->collector);
    metric_set(metric_series(METRIC_LEADER), 1);
    log_info("manager leads", LOG_TEXT("manager", manager->config.name),
             LOG_U64("epoch", manager->lease.epoch));
    manager_forget_tasks(manager);
    manager_reconcile(manager, true);
}

static enum rc campaign(struct manager *manager, mono_us now, struct err *err)
{
    struct candidate self = {.name = manager->config.name};
    enum rc rc = manager->floor_read ? RC_OK : read_floor(manager, err);

    self.floor = manager->floor;
    if (rc == RC_OK)
        rc = coordination_campaign(manager->config.coordination, &self, now + CAMPAIGN_FOR,
                                   &manager->lease, err);
    if (rc != RC_OK)
        return rc;
    rc = announce(manager, err);
    if (rc != RC_OK)
        coordination_resign(manager->config.coordination);
    return rc;
}

static void try_to_lead(struct manager *manager, mono_us now)
{
    struct err err = {0};
    enum rc rc = campaign(manager, now, &err);

    atomic_store(&manager->troubled, rc != RC_OK && rc != RC_TIMEOUT && rc != RC_STALE);
    if (rc == RC_OK) {
        begin_to_lead(manager, now);
        return;
    }
    manager->retry_at = now + CAMPAIGN_FOR;
    atomic_store(&manager->standing, STANDING_BY);
    if (rc != RC_TIMEOUT)
        manager_try_later(manager, "the election did not work, trying again", &err, rc);
}

bool manager_lead(struct manager *manager, mono_us now)
{
    if (manager->leads &&
        coordination_leads_until(manager->config.coordination, manager->lease.epoch) <= now)
        manager_step_down(manager);
    if (!manager->leads && now >= manager->retry_at)
        try_to_lead(manager, now);
    if (!manager->leads)
        manager_refuse_changes(manager, RC_UNAVAILABLE, "another manager leads");
    return manager->leads;
}

bool manager_leads(const struct manager *manager)
{
    return atomic_load(&manager->standing) == STANDING_LEADS;
}

enum rc manager_is_ready(const struct manager *manager, struct err *err)
{
    if (atomic_load(&manager->standing) == STANDING_FIRST)
        return err_fail(err, RC_UNAVAILABLE, "it is not known yet who leads");
    if (atomic_load(&manager->troubled))
        return err_fail(err, RC_UNAVAILABLE, "store or coordination did not answer");
    return RC_OK;
}
