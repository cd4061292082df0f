/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leading: coordination elects, and the store is told: what a leader writes is preceded by its
 * epoch in the same transaction, so that one that was deposed, and does not know it yet, changes
 * nothing.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include "manager/internal.h"

#define CAMPAIGN_FOR (100 * MILLISECOND)

static void set_leads(struct manager *manager, bool leads)
{
    manager->leads = leads;
    atomic_store(&manager->leading, leads);
    metric_set(metric_series(METRIC_LEADER), leads);
}

bool manager_leads(const struct manager *manager)
{
    return atomic_load(&manager->leading);
}

enum rc manager_is_ready(struct manager *manager, struct err *err)
{
    const char *unready = atomic_load(&manager->unready);

    return unready ? err_fail(err, RC_UNAVAILABLE, "%s", unready) : RC_OK;
}

void manager_step_down(struct manager *manager, const char *reason)
{
    if (!manager->leads)
        return;
    log_warn("manager leads no more", LOG_TEXT("manager", manager->config.name),
             LOG_U64("epoch", manager->lease.epoch), LOG_TEXT("reason", reason));
    set_leads(manager, false);
}

static struct store_write leader_write(const struct manager *manager)
{
    struct store_write write = {.kind = WRITE_LEADER, .leader.epoch = manager->lease.epoch};

    (void)snprintf(write.leader.name, sizeof(write.leader.name), "%s", manager->config.name);
    (void)snprintf(write.leader.url, sizeof(write.leader.url), "%s", manager->config.url);
    return write;
}

enum rc manager_apply(struct manager *manager, struct store_write *writes, size_t count,
                      struct err *err)
{
    struct store_write *all AUTO_FREE = xcalloc(count + 1, sizeof(*all));
    enum rc rc;

    all[0] = leader_write(manager);
    if (count)
        memcpy(all + 1, writes, count * sizeof(*writes));
    rc = store_apply(manager->config.store, all, count + 1, err);
    if (count)
        memcpy(writes, all + 1, count * sizeof(*writes));
    if (rc != RC_OK || all[0].outcome == RC_OK)
        return rc;
    manager_step_down(manager, "the store knows a newer one");
    return err_fail(err, RC_UNAVAILABLE, "another manager leads");
}

/* The epoch is to be above that of any leader the store has known. */
static enum rc run_for_it(struct manager *manager, struct err *err)
{
    struct candidate candidate = {.name = manager->config.name};
    struct leader_record last;
    enum rc rc = store_read_leader(manager->config.store, &last, err);

    if (rc != RC_OK)
        return rc;
    candidate.floor = last.epoch;
    rc = coordination_campaign(manager->config.coordination, &candidate,
                               clock_mono(manager->config.clock) + CAMPAIGN_FOR, &manager->lease,
                               err);
    return rc == RC_OK ? manager_apply(manager, NULL, 0, err) : rc;
}

void manager_campaign(struct manager *manager)
{
    struct err err = {0};
    enum rc rc = run_for_it(manager, &err);

    atomic_store(&manager->unready,
                 rc == RC_OK || rc == RC_TIMEOUT ? NULL : "store or coordination does not answer");
    if (rc == RC_TIMEOUT)
        return;
    if (rc != RC_OK) {
        log_warn("the election did not work, trying again", LOG_ERR(&err, rc));
        return;
    }
    set_leads(manager, true);
    log_info("manager leads", LOG_TEXT("manager", manager->config.name),
             LOG_U64("epoch", manager->lease.epoch));
    manager_reconcile(manager);
}

void manager_check_lead(struct manager *manager)
{
    mono_us until = coordination_leads_until(manager->config.coordination, manager->lease.epoch);

    if (manager->leads && until <= clock_mono(manager->config.clock))
        manager_step_down(manager, "coordination may have another by now");
}
