/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trip to the store, in this order: starts of runs that had to wait, and results, into the
 * journal; results, records and claims into the store, in one commit; which claims are ours, read
 * back by their token; what those will execute; that they are about to be, into the journal; jobs
 * that are wanted; what is looked for now and then. With a sign of life, the store is asked first
 * what time it is. Every step may be repeated: a trip that failed is made again as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#include "worker/internal.h"

static enum rc journal_results(struct work *work)
{
    struct ledger *ledger = &work->worker->ledger;
    bool any = false;
    struct item *item;
    enum rc rc = RC_OK;

    list_for_each (item, &work->items, link) {
        if (!item->in_guardian || item->journaled)
            continue;
        rc = ledger_end(ledger, &item->write.run, &work->err);
        if (rc != RC_OK)
            return rc;
        any = true;
    }
    if (any)
        rc = ledger_sync(ledger, &work->err);
    if (rc != RC_OK)
        return rc;
    list_for_each (item, &work->items, link)
        item->journaled = true;
    return RC_OK;
}

static void fill_claim(const struct work *work, const struct decision *decision,
                       struct store_write *write)
{
    *write = (struct store_write){.kind = WRITE_RUN_CLAIM};
    write->claim = (struct write_claim){
        .key = decision->run,
        .token = work->token,
        .worker = work->worker->config.name,
        .revision = decision->revision,
        .trigger = decision->trigger,
        .deadline = decision->deadline,
        .existing = decision->existing,
    };
}

/* A retry that is for others: it is in the store then, and nobody's. */
static void fill_offer(const struct decision *decision, struct store_write *write)
{
    *write = (struct store_write){.kind = WRITE_RUN_QUEUE};
    write->run = (struct write_run){
        .key = decision->run,
        .trigger = decision->trigger,
        .result = result_without_start(RUN_QUEUED, INSTANT_NONE),
        .worker = "",
        .reason = "",
        .request = "",
        .count = 1,
        .until = decision->run.scheduled_at,
    };
}

static enum rc ask_time(struct work *work)
{
    return work->sign && !work->worker->config.alone ? work_check_clock(work) : RC_OK;
}

static enum rc apply(struct work *work)
{
    size_t count = work->item_count + work->claim_count, at = 0;
    struct store_write *writes AUTO_FREE =
        xcalloc(count + work_count_outputs(work), sizeof(*writes));
    struct arena AUTO_ARENA outputs = {0};
    struct item *item;
    enum rc rc;

    if (!count)
        return RC_OK;
    work_date_sign(work);
    list_for_each (item, &work->items, link)
        writes[at++] = item->write;
    at += work_add_outputs(work, &writes[at], &outputs);
    for (size_t i = 0; i < work->claim_count; i++, at++) {
        if (work->claims[i].decision.elsewhere)
            fill_offer(&work->claims[i].decision, &writes[at]);
        else
            fill_claim(work, &work->claims[i].decision, &writes[at]);
    }
    work->begun_at = clock_mono(work->worker->config.clock);
    rc = store_apply(work->worker->config.store, writes, at, &work->err);
    work_note_outputs(work);
    at = 0;
    list_for_each (item, &work->items, link) {
        item->write.outcome = writes[at].outcome;
        item->write.err = writes[at++].err;
    }
    return rc;
}

static struct claim *find_claim(const struct work *work, const struct run_key *key)
{
    for (size_t low = 0, high = work->claim_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = run_key_compare(&work->claims[middle].decision.run, key);

        if (!order)
            return &work->claims[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int compare_claims(const void *a, const void *b)
{
    const struct claim *left = a, *right = b;

    return run_key_compare(&left->decision.run, &right->decision.run);
}

static bool note_won(void *context, const struct run_record *run)
{
    struct work *work = context;
    struct claim *claim = find_claim(work, &run->run.key);

    if (!claim || run_status_is_final(run->run.result.status))
        return true;
    claim->outcome = CLAIM_WON;
    if (!claim->active)
        claim->active = active_new(&run->run.key, &run->token);
    claim->active->request = arena_strdup(&claim->active->arena, run->run.request);
    claim->active->trigger = run->run.trigger;
    claim->active->revision = run->run.revision;
    claim->active->refusal = "the job is gone"; /* until the launch is built */
    return true;
}

/* One that is queued and nobody's yet was asked for too early or too late, or is a retry that is
 * for others, or was queued meanwhile: it comes as a task, perhaps to us. */
static bool is_free(const struct run_record *run)
{
    static const struct claim_token none;

    return run->run.result.status == RUN_QUEUED && !memcmp(&run->token, &none, sizeof(none));
}

static bool note_taken(void *context, const struct run_record *run)
{
    struct claim *claim = find_claim(context, &run->run.key);

    if (!claim || claim->outcome != CLAIM_VOID || is_free(run))
        return true;
    claim->outcome = CLAIM_TAKEN;
    work_note_elsewhere(context, run);
    return true;
}

/* A key that is not ours: is it somebody's, or nobody's? */
static enum rc read_lost_claims(struct work *work)
{
    struct run_key *keys AUTO_FREE = xcalloc(work->claim_count, sizeof(*keys));
    struct run_query query = run_query_all();

    for (size_t i = 0; i < work->claim_count; i++) {
        if (work->claims[i].outcome != CLAIM_WON)
            keys[query.key_count++] = work->claims[i].decision.run;
    }
    query.keys = keys;
    if (!query.key_count)
        return RC_OK;
    return store_read_runs(work->worker->config.store, &query, note_taken, work, &work->err);
}

static enum rc read_claims(struct work *work)
{
    struct run_query query = run_query_all();
    enum rc rc;

    if (!work->claim_count)
        return RC_OK;
    qsort(work->claims, work->claim_count, sizeof(*work->claims), compare_claims);
    for (size_t i = 0; i < work->claim_count; i++)
        work->claims[i].outcome = CLAIM_VOID;
    query.token = &work->token;
    rc = store_read_runs(work->worker->config.store, &query, note_won, work, &work->err);
    return rc == RC_OK ? read_lost_claims(work) : rc;
}

static enum rc read_first_requests(struct work *work)
{
    struct active **retries AUTO_FREE = xcalloc(work->claim_count, sizeof(struct active *));
    size_t count = 0;

    for (size_t i = 0; i < work->claim_count; i++) {
        if (work->claims[i].outcome == CLAIM_WON)
            retries[count++] = work->claims[i].active;
    }
    return work_read_requests(work, retries, count);
}

struct builder {
    struct work *work;
    struct claim **by_job; /* won claims, ordered by job */
    size_t count;
};

static int compare_jobs(const void *a, const void *b)
{
    job_id left = (*(struct claim *const *)a)->decision.run.job;
    job_id right = (*(struct claim *const *)b)->decision.run.job;

    return (left > right) - (left < right);
}

static bool build_launch(void *context, const struct job_record *job)
{
    struct builder *builder = context;
    size_t low = 0, high = builder->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (builder->by_job[middle]->decision.run.job < job->id)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < builder->count && builder->by_job[low]->decision.run.job == job->id; low++) {
        launch_build(builder->by_job[low]->active, &builder->work->worker->config, job);
    }
    return true;
}

static enum rc build_other_revisions(const struct builder *builder)
{
    struct work *work = builder->work;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < builder->count && rc == RC_OK; i++)
        if (builder->by_job[i]->active->other_revision)
            rc = launch_build_revision(builder->by_job[i]->active, &work->worker->config,
                                       &work->err);
    return rc;
}

static enum rc build_launches(struct work *work)
{
    struct claim **by_job AUTO_FREE = xcalloc(work->claim_count, sizeof(struct claim *));
    job_id *ids AUTO_FREE = xcalloc(work->claim_count, sizeof(*ids));
    struct builder builder = {.work = work, .by_job = by_job};
    struct job_query query = job_query_all();
    enum rc rc;

    for (size_t i = 0; i < work->claim_count; i++) {
        if (work->claims[i].outcome == CLAIM_WON)
            by_job[builder.count++] = &work->claims[i];
    }
    if (!builder.count)
        return RC_OK;
    qsort(by_job, builder.count, sizeof(struct claim *), compare_jobs);
    for (size_t i = 0; i < builder.count; i++)
        ids[i] = by_job[i]->decision.run.job;
    query.ids = ids;
    query.id_count = builder.count;
    query.parts = JOB_PART_DOCUMENT;
    rc = store_read_jobs(work->worker->config.store, &query, build_launch, &builder, &work->err);
    return rc == RC_OK ? build_other_revisions(&builder) : rc;
}

static enum rc journal_starts(struct work *work)
{
    struct ledger *ledger = &work->worker->ledger;
    bool any = false;
    enum rc rc;

    for (size_t i = 0; i < work->claim_count; i++) {
        if (work->claims[i].outcome != CLAIM_WON)
            continue;
        rc = ledger_start(ledger, &work->claims[i].decision.run, &work->token, &work->err);
        if (rc != RC_OK)
            return rc;
        any = true;
    }
    return any ? ledger_sync(ledger, &work->err) : RC_OK;
}

static bool note_loaded(void *context, const struct job_record *job)
{
    struct work *work = context;

    for (size_t low = 0, high = work->load_count; low < high;) {
        size_t middle = low + (high - low) / 2;

        if (work->loads[middle].id == job->id) {
            loaded_fill(&work->loads[middle], job, work->worker->config.zones);
            break;
        }
        if (work->loads[middle].id < job->id)
            low = middle + 1;
        else
            high = middle;
    }
    return true;
}

static int compare_loads(const void *a, const void *b)
{
    job_id left = ((const struct loaded *)a)->id, right = ((const struct loaded *)b)->id;

    return (left > right) - (left < right);
}

static enum rc load(struct work *work)
{
    job_id *ids AUTO_FREE = xcalloc(work->load_count, sizeof(*ids));
    struct job_query query = job_query_all();

    if (!work->load_count)
        return RC_OK;
    qsort(work->loads, work->load_count, sizeof(*work->loads), compare_loads);
    for (size_t i = 0; i < work->load_count; i++)
        ids[i] = work->loads[i].id;
    query.ids = ids;
    query.id_count = work->load_count;
    query.parts = JOB_PART_CURSOR | JOB_PART_LAST_RUN;
    return store_read_jobs(work->worker->config.store, &query, note_loaded, work, &work->err);
}

static enum rc mark_done(struct work *work)
{
    struct item *item;
    enum rc rc = RC_OK;

    list_for_each (item, &work->items, link) {
        if (rc == RC_OK && item->write.kind == WRITE_RUN_FINISHED)
            rc = ledger_done(&work->worker->ledger, &item->write.run.key, &work->err);
    }
    return rc;
}

void work_execute(struct work *work)
{
    static enum rc (*const steps[])(struct work *) = {work_note_starts,
                                                      journal_results,
                                                      ask_time,
                                                      apply,
                                                      read_claims,
                                                      read_first_requests,
                                                      work_look_beside,
                                                      build_launches,
                                                      journal_starts,
                                                      mark_done,
                                                      load,
                                                      work_look_elsewhere,
                                                      work_look_for_jobs,
                                                      work_look_for_strays};

    work->begun_at = clock_mono(work->worker->config.clock);
    work->elsewhere_count = 0;
    work->err = (struct err){0};
    work->rc = RC_OK;
    for (size_t i = 0; i < ARRAY_SIZE(steps) && work->rc == RC_OK; i++)
        work->rc = steps[i](work);
    if (work->rc == RC_OK && work->recover)
        work->rc = work_recover(work);
}
