/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: runs older than keep_runs_for go, and those beyond the newest keep_runs_of_job of a
 * job; its newest run never, and never that with its newest tick, for the next is counted from it.
 *
 * Tokens that have expired go a day after, records of the audit after keep_audit_for.
 *
 * By age: once an hour a pass over the runs before the limit, page by page. By count: a job is
 * looked at each time so many of its runs have ended, which needs no pass over all jobs.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#include "manager/collect.h"
#include "manager/internal.h"

#define PASS_EVERY      (1 * HOUR)
#define TOKENS_KEPT_FOR DAY /* so that who wonders sees that it has expired */

enum { RUNS_A_PAGE = 500, LOOK_AFTER_RUNS = 100 };

struct old_runs {
    struct manager *manager;
    struct store_write *writes; /* behind that of the leader */
    size_t count;
    size_t seen;
    struct run_key last;
    job_id *jobs;
    instant_us *ticks; /* the last that the run stands for */
};

static bool note_old(void *context, const struct run_record *run)
{
    struct old_runs *old = context;

    old->seen++;
    old->last = run->run.key;
    if (!run_status_is_final(run->run.result.status))
        return true;
    old->jobs[old->count] = run->run.key.job;
    old->ticks[old->count] = run->run.until;
    old->writes[old->count] = (struct store_write){.kind = WRITE_RUN_PURGE};
    old->writes[old->count].run.key = run->run.key;
    old->writes[old->count++].run.result = run->run.result; /* see look_at_objects() */
    return true;
}

static bool is_needed(const struct old_runs *old, size_t i, const struct job_record *job)
{
    const struct run_key *key = &old->writes[i].run.key;

    if (key->job != job->id)
        return false;
    return old->ticks[i] == job->cursor ||
           (job->last_run && !run_key_compare(key, &job->last_run->key));
}

/* What a job still needs is taken off the list again. */
static bool spare_newest(void *context, const struct job_record *job)
{
    struct old_runs *old = context;

    for (size_t i = 0; i < old->count; i++) {
        if (!is_needed(old, i, job))
            continue;
        old->count--;
        old->writes[i] = old->writes[old->count];
        old->ticks[i--] = old->ticks[old->count];
    }
    return true;
}

/* The runs go either way. What a worker that is away has, it removes itself when it is back. */
static void remove_outputs(const struct old_runs *old)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < old->count && rc != RC_UNAVAILABLE && rc != RC_TIMEOUT; i++)
        rc = outputs_remove(old->manager->config.outputs, &old->writes[i].run.key, NULL);
}

/* Those that are long are objects, which go when their runs are gone. */
static void look_at_objects(const struct old_runs *old)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct write_run *run = &old->writes[i].run;

        if (output_may_be_long(&run->result))
            collector_look_at_outputs(old->manager->collector, run->key.job);
    }
}

static enum rc purge(struct old_runs *old, struct err *err)
{
    struct manager *manager = old->manager;
    struct job_query query = job_query_all();
    enum rc rc;

    if (!old->count)
        return RC_OK;
    query.ids = old->jobs;
    query.id_count = old->count;
    query.parts = JOB_PART_LAST_RUN | JOB_PART_CURSOR;
    rc = store_read_jobs(manager->config.store, &query, spare_newest, old, err);
    if (rc != RC_OK || !old->count)
        return rc;
    remove_outputs(old);
    rc = manager_apply(manager, old->writes - 1, old->count + 1, err);
    if (rc == RC_OK)
        look_at_objects(old);
    return rc;
}

static enum rc retire_page(struct manager *manager, const struct run_query *query,
                           struct old_runs *ret_old, struct err *err)
{
    struct store_write *writes AUTO_FREE = xcalloc(RUNS_A_PAGE + 1, sizeof(*writes));
    job_id *jobs AUTO_FREE = xcalloc(RUNS_A_PAGE, sizeof(*jobs));
    instant_us *ticks AUTO_FREE = xcalloc(RUNS_A_PAGE, sizeof(*ticks));
    struct old_runs old = {.manager = manager, .writes = writes + 1, .jobs = jobs, .ticks = ticks};
    enum rc rc = store_read_runs(manager->config.store, query, note_old, &old, err);

    if (rc == RC_OK)
        rc = purge(&old, err);
    if (rc != RC_OK)
        return rc;
    *ret_old = old;
    return RC_OK;
}

void manager_count_run(struct manager *manager, job_id job)
{
    struct map *finished = &manager->retention.finished;
    uint64_t count = 0;
    struct run_query query = run_query_all();
    struct old_runs old;
    struct err err = {0};
    enum rc rc;

    (void)map_get(finished, job, &count); /* absent: 0 */
    if (++count < LOOK_AFTER_RUNS) {
        map_put(finished, job, count);
        return;
    }
    map_remove(finished, job);
    query.job = job;
    query.skip = manager->config.keep_runs_of_job;
    query.limit = RUNS_A_PAGE;
    rc = retire_page(manager, &query, &old, &err);
    if (rc != RC_OK)
        log_warn("old runs were not retired, ignoring", LOG_U64("job", job), LOG_ERR(&err, rc));
}

static void retire_the_rest(struct manager *manager)
{
    instant_us now = clock_now(manager->config.clock);
    struct store_write writes[] = {
        {0}, /* of the leader */
        {.kind = WRITE_TOKEN_EXPIRE, .access.expires_at = now - TOKENS_KEPT_FOR},
        {.kind = WRITE_AUDIT_EXPIRE, .audit.record.at = now - manager->config.keep_audit_for},
    };
    size_t count = manager->config.keep_audit_for ? ARRAY_SIZE(writes) : ARRAY_SIZE(writes) - 1;
    struct err err = {0};
    enum rc rc = manager_apply(manager, writes, count, &err);

    if (rc != RC_OK)
        log_warn("old tokens and records were not erased, ignoring", LOG_ERR(&err, rc));
}

static void end_pass(struct manager *manager, mono_us now)
{
    retire_the_rest(manager);
    manager->retention.running = false;
    manager->retention.next = now + PASS_EVERY;
}

bool manager_retire(struct manager *manager, mono_us now)
{
    struct retention *retention = &manager->retention;
    struct run_query query = run_query_all();
    struct old_runs old;
    struct err err = {0};
    enum rc rc;

    if (!retention->running && now < retention->next)
        return false;
    if (!retention->running) {
        retention->running = true;
        retention->begun = false;
        retention->until = clock_now(manager->config.clock) - manager->config.keep_runs_for;
    }
    query.until = retention->until;
    query.before = retention->begun ? &retention->before : NULL;
    query.limit = RUNS_A_PAGE;
    rc = retire_page(manager, &query, &old, &err);
    if (rc != RC_OK || old.seen < RUNS_A_PAGE)
        end_pass(manager, now);
    if (rc != RC_OK)
        log_warn("old runs were not retired, ignoring", LOG_ERR(&err, rc));
    else
        retention->before = old.last;
    retention->begun = true;
    return retention->running;
}
