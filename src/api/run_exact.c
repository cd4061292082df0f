/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_exact.h"

#include <string.h>

#include "wire/job.h"

struct past {
    struct arena *arena;
    const uint8_t *seal; /* the API's */
    bool found, began;
    bool is_forged; /* its request */
    uint64_t revision;
    const char *request;
};

static bool is_forged(const uint8_t *seal, const struct run *run)
{
    const struct seal_subject subject = {
        .kind = SEAL_RUN, .job = run->key.job, .scheduled_at = run->key.scheduled_at};

    return seal && *run->request &&
           seal_check(seal, &subject, run->request, strlen(run->request)) != RC_OK;
}

static bool note_past(void *context, const struct run_record *record)
{
    struct past *past = context;

    past->found = true;
    past->is_forged = is_forged(past->seal, &record->run);
    past->began = record->run.result.started_at != INSTANT_NONE;
    past->revision = record->run.revision;
    past->request = arena_strdup(past->arena, record->run.request);
    return false;
}

static enum rc find_past(struct call *call, job_id job, const char *id, struct past *past,
                         struct problems *problems, struct err *err)
{
    struct run_query query = run_query_all();
    struct run_key key;
    enum rc rc;

    if (run_id_parse(id, &key, NULL) != RC_OK) {
        problems_add(problems, "exact", "'%.80s' is not a run's id", id);
        return RC_INVALID;
    }
    query.keys = &key;
    query.key_count = 1;
    rc = store_read_runs(call->api->config.store, &query, note_past, past, err);
    if (rc != RC_OK)
        return rc;
    if (!past->found || key.job != job)
        problems_add(problems, "exact", "job %llu has no run %.80s", (unsigned long long)job, id);
    else if (!past->began || !past->revision)
        problems_add(problems, "exact", "run %.80s never began: there is nothing to repeat", id);
    else if (past->is_forged)
        problems_add(problems, "exact", "no manager signed what was given with run %.80s", id);
    return problems->count ? RC_INVALID : RC_OK;
}

/* ---- what the job was ---------------------------------------------------------------------- */

struct account {
    struct arena *arena;
    const char *run_as; /* NULL: the document cannot be read */
};

static void note_account(void *context, const char *document, size_t length)
{
    struct account *account = context;
    struct problems problems = {.arena = account->arena};
    struct wire_job_source source = {.text = document, .length = length, .mode = WIRE_JOB_STORED};
    struct job job;

    if (wire_job_read(&source, &problems, &job, NULL) == RC_OK)
        account->run_as = job.run_as;
}

/* Who may run the job as it is may not have been allowed to run it as it was. */
static enum rc check_revision(struct call *call, const struct change *change,
                              const struct past *past, struct problems *problems, struct err *err)
{
    struct account account = {.arena = past->arena};
    enum rc rc = store_read_revision(call->api->config.store, change->id, past->revision,
                                     note_account, &account, err);

    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    if (!account.run_as) {
        problems_add(problems, "exact",
                     "what the job was then (revision %llu) is not kept any more",
                     (unsigned long long)past->revision);
        return RC_INVALID;
    }
    if (!call_may_run_as(call, account.run_as))
        return err_fail(err, RC_FORBIDDEN, "the job ran as %s then", account.run_as);
    return RC_OK;
}

enum rc run_exact_fill(struct call *call, struct change *change, struct run_request *request,
                       struct problems *problems, struct err *err)
{
    struct past past = {.arena = &change->arena, .seal = call->api->config.seal};
    struct run_request was;
    enum rc rc;

    if (request->has_args || request->env.count) {
        problems_add(problems, "exact", "args and env are those of the run: leave them out");
        return RC_INVALID;
    }
    rc = find_past(call, change->id, request->exact, &past, problems, err);
    if (rc == RC_OK)
        rc = check_revision(call, change, &past, problems, err);
    if (rc == RC_OK)
        rc = wire_run_request_read(past.request, seal_body(past.request, strlen(past.request)),
                                   problems, &was, err);
    if (rc != RC_OK)
        return rc;
    was.exact = request->exact;
    *request = was;
    change->revision = past.revision;
    return RC_OK;
}
