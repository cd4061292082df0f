/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks that nobody can take. A job that fits no worker has nobody who would record what it
 * misses; so the leader does, one record a stretch, once the ticks are past catching up. The key is
 * that of the first tick, so whoever claimed it first has it. A job that waits for a worker which
 * may come back is that worker's to account for.
 */
#include "base/log.h"
#include "base/mem.h"

#include "core/recovery.h"

#include "manager/internal.h"

struct account {
    struct manager *manager;
    struct store_write *writes;
    size_t count;
};

static bool count_ticks(struct manager *manager, const struct job_record *job,
                        struct unclaimed *ret_unclaimed)
{
    const struct zone *zone;
    struct schedule schedule;

    if (schedule_parse(job->schedule, job->id, &schedule, NULL) != RC_OK ||
        zones_get(manager->config.zones, job->time_zone, &zone, NULL) != RC_OK)
        return false;
    return recovery_unclaimed(job, &schedule, zone, manager->rows_at, ret_unclaimed);
}

static bool note_job(void *context, const struct job_record *job)
{
    struct account *account = context;
    struct unclaimed unclaimed;
    struct store_write *write;

    if (!count_ticks(account->manager, job, &unclaimed))
        return true;
    write = &account->writes[account->count++];
    *write = (struct store_write){.kind = WRITE_RUN_RECORD};
    write->run = (struct write_run){
        .key = {.scheduled_at = unclaimed.first, .job = job->id, .attempt = 1},
        .trigger = TRIGGER_SCHEDULE,
        .result = {.status = RUN_MISSED,
                   .started_at = INSTANT_NONE,
                   .finished_at = account->manager->rows_at,
                   .exit_code = -1},
        .worker = "",
        .reason = RECOVERY_UNFIT,
        .request = "",
        .revision = job->revision,
        .count = unclaimed.count,
        .until = unclaimed.last,
    };
    return true;
}

enum rc manager_account(struct manager *manager, const job_id *jobs, size_t count, struct err *err)
{
    struct store_write *writes AUTO_FREE = xcalloc(count + 1, sizeof(*writes));
    struct account account = {.manager = manager, .writes = writes, .count = 1};
    struct job_query query = job_query_all();
    enum rc rc;

    query.ids = jobs;
    query.id_count = count;
    query.active_only = true;
    query.parts = JOB_PART_CURSOR;
    rc = store_read_jobs(manager->config.store, &query, note_job, &account, err);
    if (rc == RC_OK && account.count > 1)
        rc = manager_apply(manager, writes, account.count, err);
    for (size_t i = 1; rc == RC_OK && i < account.count; i++) {
        if (writes[i].outcome == RC_OK)
            manager_publish_run(manager, &writes[i].run.key);
    }
    return rc;
}
